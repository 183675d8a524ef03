package procstat

import (
	"maps"
	"sync"
	"time"
)

const (
	// baseAge is how old a sample must be before a percentage is measured from it: CPU time is counted in hundredths of a second.
	baseAge = time.Second
	// keepTime is how long samples of processes are kept that are not requested.
	keepTime = time.Minute
)

// table reads the process table once and returns the entries of the requested processes. It is used by one goroutine at a time.
type table func(wanted []int) (map[int]*found, error)

// found is a process with its descendants.
type found struct {
	started    time.Time
	own, total usage
}

// meter remembers samples, from which percentages are measured.
type meter struct {
	table table
	now   func() time.Time

	mu   sync.Mutex
	last map[int]samples
}

// samples are two samples of one process, so that frequent and infrequent requests both measure over at least baseAge.
type samples struct {
	base, next sample
	started    time.Time
}

type sample struct {
	at         time.Time
	own, total time.Duration // CPU time
}

func newMeter(t table) *meter { return &meter{table: t, now: time.Now, last: map[int]samples{}} }

// measure fills in what processes use. One that is there no more is not seen.
func (m *meter) measure(rows []row) error {
	var pids []int
	for i := range rows {
		if rows[i].pid > 0 {
			pids = append(pids, rows[i].pid)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all, err := m.table(pids)
	if err != nil {
		return err
	}
	now := m.now()
	for i := range rows {
		r := &rows[i]
		f := all[r.pid]
		if f == nil {
			continue
		}
		r.seen, r.started, r.now, r.own, r.total = true, f.started, now, f.own, f.total
		m.compare(r, now)
	}
	maps.DeleteFunc(m.last, func(pid int, s samples) bool { return all[pid] == nil && now.Sub(s.next.at) > keepTime })
	return nil
}

func (m *meter) compare(r *row, now time.Time) {
	this := sample{now, r.own.user + r.own.system, r.total.user + r.total.system}
	s, seen := m.last[r.pid]
	if !seen || !s.started.Equal(r.started) { // new, or another process with its number
		m.last[r.pid] = samples{this, this, r.started}
		return
	}
	if now.Sub(s.next.at) >= baseAge {
		s.base, s.next = s.next, this
	}
	m.last[r.pid] = s
	if took := now.Sub(s.base.at); took >= baseAge {
		r.ownRate = rate{percent(this.own-s.base.own, took), true}
		r.totalRate = rate{percent(this.total-s.base.total, took), true}
	}
}

// percent is never negative: a descendant that left takes its CPU time with it.
func percent(cpu, took time.Duration) float64 { return max(0, 100*float64(cpu)/float64(took)) }
