// Package procstat reports what processes use: CPU time, memory, threads and open
// files of a process together with everything that descends from it.
//
// A Reader takes one pass over the process table (on Linux /proc) however many
// processes are asked for: it reads every process's parent and process group, and
// adds up from there. What belongs to a process is its descendants, and the members of
// the process group that it leads, so that a program that puts itself in the
// background is still counted. Other systems answer ErrUnsupported.
package procstat

import (
	"errors"
	"maps"
	"sync"
	"time"
)

// ErrUnsupported is returned on systems where the figures are not available.
var ErrUnsupported = errors.New("cannot read what processes use on this system")

// baseAge is how old a sample must be before a percentage is measured from a later
// one: CPU time is counted in hundredths of a second, so less would be noise.
const baseAge = time.Second

// Stat is the use of CPU, memory, threads and files by one process and its descendants at one moment.
type Stat struct {
	Pid        int
	Processes  int           // itself and its descendants
	CPU        time.Duration // user and system time, that of ended children too; of hundredths of a second
	Percent    float64       // CPU time per time since an earlier sample, 100 is one CPU; see HasPercent
	HasPercent bool          // false for the first sample of a process
	RSS        int64         // resident memory in bytes; what processes share counts for each
	Threads    int
	FDs        int       // open files; -1: this user may not read it, or it was not requested
	Started    time.Time // of the process itself
}

// Reader reads and remembers the samples that percentages are measured from. It is
// safe for concurrent use. Make one with New.
type Reader struct {
	mu   sync.Mutex
	last map[int]samples
	// scan reads the process table; without files it leaves FDs at -1.
	scan func(wanted []int, files bool) (map[int]*Stat, error)
	now  func() time.Time
}

// samples are two of one process, so that frequent and infrequent
// readers both measure over at least baseAge.
type samples struct {
	base, next sample
	started    time.Time
}

type sample struct {
	at  time.Time
	cpu time.Duration
}

// New returns a Reader of this system's process table.
func New() *Reader {
	return &Reader{last: make(map[int]samples), scan: newScanner(), now: time.Now}
}

// Read returns what the processes with these pids use, by pid. A process that no longer exists is missing from the map.
func (r *Reader) Read(pids []int) (map[int]Stat, error) { return r.read(pids, true) }

// ReadUsage is Read without open files: FDs is -1. It takes two thirds of the time.
func (r *Reader) ReadUsage(pids []int) (map[int]Stat, error) { return r.read(pids, false) }

func (r *Reader) read(pids []int, files bool) (map[int]Stat, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := r.scan(pids, files)
	if err != nil {
		return nil, err
	}
	now := r.now()
	stats := make(map[int]Stat, len(found))
	for pid, stat := range found {
		r.measure(stat, now)
		stats[pid] = *stat
	}
	// Forget processes that have ended. Those that others ask for are kept for a while.
	maps.DeleteFunc(r.last, func(pid int, s samples) bool {
		_, asked := found[pid]
		return !asked && now.Sub(s.next.at) > time.Minute
	})
	return stats, nil
}

func (r *Reader) measure(stat *Stat, now time.Time) {
	this := sample{now, stat.CPU}
	s, seen := r.last[stat.Pid]
	if !seen || !s.started.Equal(stat.Started) { // new, or another process with its number
		r.last[stat.Pid] = samples{this, this, stat.Started}
		return
	}
	if now.Sub(s.next.at) >= baseAge {
		s.base, s.next = s.next, this
	}
	r.last[stat.Pid] = s
	if took := now.Sub(s.base.at); took >= baseAge {
		stat.Percent = max(0, 100*float64(stat.CPU-s.base.cpu)/float64(took))
		stat.HasPercent = true
	}
}
