package core

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

const (
	// spoolOpenTime is how long the start, or an added group, waits for a spool: its
	// files are read to their end, up to spool_maxbytes. After that its pool goes
	// without.
	spoolOpenTime = 10 * time.Second
	// spoolLockTime is how long a spool that is in use is tried again: what a
	// supervisord that was killed held is free a moment later.
	spoolLockTime  = time.Second
	spoolLockPause = 20 * time.Millisecond
	// spoolCloseTime is how long the end of the loop waits for the disks to take what
	// is in memory.
	spoolCloseTime = 5 * time.Second
)

// poolSpool is the spool of one listener pool with overflow=spool. It is opened and
// closed off the loop.
type poolSpool struct {
	pool     string
	dir      string // the spool's own directory is in it
	maxBytes int64
	sync     bool
	spool    *spool.Spool // nil: it could not be opened, and events wait in memory
	err      error        // why it could not
	fault    string       // why that is, or why the disk does not take anything at the moment; "" if all is well. Loop only
}

// openSpool opens the spool of a listener group, nil if it has none. Where that
// fails the pool keeps its events in memory: a disk never keeps programs from being
// started. It waits for the disk, and for closed, the closing of the same spool, nil
// if there was none.
func (s *surroundings) openSpool(g *config.Group, closed <-chan struct{}) *poolSpool {
	if g.Kind != config.ListenerGroup || g.Listener.Overflow != eventlistener.SpoolEvents {
		return nil
	}
	l := g.Listener
	ps := &poolSpool{pool: g.Name, dir: l.SpoolDir, maxBytes: l.SpoolMaxBytes, sync: l.SpoolSync}
	if ps.dir == "" {
		ps.dir = s.opts.Config.Supervisord.ChildLogDir
	}
	type opened struct {
		spool *spool.Spool
		err   error
	}
	result := make(chan opened) // not buffered: what comes too late is closed again
	giveUp := make(chan struct{})
	go func() {
		if closed != nil {
			<-closed
		}
		sp, err := s.tryOpen(ps, giveUp)
		select {
		case result <- opened{sp, err}:
		case <-giveUp:
			if err == nil {
				_ = sp.Close(context.Background())
			}
		}
	}()
	limit := time.NewTimer(spoolOpenTime)
	defer limit.Stop()
	select {
	case r := <-result:
		ps.spool, ps.err = r.spool, r.err
	case <-limit.C:
		close(giveUp)
		ps.err = fmt.Errorf("cannot open spool %q in %q: it takes more than %d seconds", ps.pool, ps.dir, int(spoolOpenTime.Seconds()))
	}
	if ps.err != nil {
		ps.fault = ps.err.Error()
	}
	return ps
}

// tryOpen opens a spool, waiting a moment for one that is in use.
func (s *surroundings) tryOpen(ps *poolSpool, giveUp <-chan struct{}) (*spool.Spool, error) {
	o := spool.Options{
		Dir: ps.dir, Name: ps.pool, MaxBytes: ps.maxBytes, Sync: ps.sync, QueueBytes: eventlistener.MemoryBytes,
		Report: func(r spool.Report) {
			if !s.turns.Put(func(l *loop) { l.spoolReported(ps, r) }) {
				s.log(config.ERRO, spoolLine(ps.pool, r)) // while it is closed
			}
		},
		Ready: func() { s.turns.Put(func(l *loop) {}) }, // dispatch comes at the end of every turn
	}
	for until := time.Now().Add(spoolLockTime); ; {
		sp, err := spool.Open(o)
		if !errors.Is(err, spool.ErrLocked) || time.Now().After(until) {
			return sp, err
		}
		pause := time.NewTimer(spoolLockPause)
		select {
		case <-pause.C:
		case <-giveUp:
			pause.Stop()
			return nil, err
		}
	}
}

// openSpools opens the spools of all groups at the same time and makes the bus go
// on behind the numbers that are in them. It waits for the disks.
func (l *loop) openSpools(groups []*config.Group) map[string]*poolSpool {
	s := l.surroundings
	spools := make(map[string]*poolSpool)
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := make(map[string]bool)
	for _, g := range groups {
		if seen[g.Name] {
			continue // of two groups with one name the first counts
		}
		seen[g.Name] = true
		all.Go(func() {
			if ps := s.openSpool(g, nil); ps != nil {
				mu.Lock()
				defer mu.Unlock()
				spools[g.Name] = ps
			}
		})
	}
	all.Wait()
	for _, ps := range spools {
		l.resume(ps)
	}
	return spools
}

// resume makes seqs and serials go on behind those in a spool, and tells of one that
// could not be opened.
func (l *loop) resume(ps *poolSpool) {
	if ps.spool == nil {
		l.log(config.ERRO, noSpoolLine(ps.pool, ps.err))
		return
	}
	if last, ok := ps.spool.Last(); ok {
		l.bus.Resume(last.Seq, last.Serial)
	}
	if n := ps.spool.Stats().Recovered; n > 0 {
		l.log(config.INFO, recoveredLine(ps.pool, n, ps.path()))
	}
}

// spoolReported tells of what a spool came across.
func (l *loop) spoolReported(ps *poolSpool, r spool.Report) {
	n := int64(r.Records)
	switch r.Kind {
	case spool.Discarded, spool.Overflowed: // may come many times a second
		l.lost(ps.pool, n, func(n int64) { l.log(config.ERRO, spoolFullLine(ps.pool, n, r.Kind)) })
		return
	case spool.DiskFailed:
		ps.fault = r.String()
	case spool.DiskRecovered:
		ps.fault = ""
		l.log(config.INFO, spoolLine(ps.pool, r))
		return
	}
	l.log(config.ERRO, spoolLine(ps.pool, r))
	if n > 0 {
		l.lost(ps.pool, n, nil)
	}
}

// close commits what is in memory and closes the spool. It waits for the disk.
func (ps *poolSpool) close(log func(config.Level, string)) {
	if ps == nil || ps.spool == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), spoolCloseTime)
	defer cancel()
	if err := ps.spool.Close(ctx); err != nil {
		log(config.ERRO, err.Error())
	}
}

// closeSpools closes all spools at the same time, and waits for those that are
// being closed.
func (l *loop) closeSpools() {
	var all sync.WaitGroup
	for _, g := range l.order {
		all.Go(func() { g.spool.close(l.log) })
	}
	all.Wait()
	for _, done := range l.closing {
		<-done
	}
}

// abandonSpool closes the spool of a group that is removed, off the loop. Its
// files stay: a pool of that name finds them.
func (l *loop) abandonSpool(g *group) {
	ps := g.spool
	if ps == nil || ps.spool == nil {
		return
	}
	if left := g.pool.Queued() + g.pool.InFlight(); left > 0 {
		l.log(config.WARN, leftInSpoolLine(ps.pool, left, ps.path()))
	}
	done := make(chan struct{})
	l.closing[g.conf.Name] = done
	name := g.conf.Name
	go func(s *surroundings) {
		defer s.turns.Put(func(l *loop) {
			if l.closing[name] == done {
				delete(l.closing, name)
			}
		})
		defer close(done)
		ps.close(s.log)
	}(l.surroundings)
}

// path is the spool's own directory.
func (ps *poolSpool) path() string { return filepath.Join(ps.dir, spool.DirName(ps.pool)) }

// info is what is reported of the spool; f are the pool's figures.
func (ps *poolSpool) info(f *eventlistener.Figures) *SpoolInfo {
	i := &SpoolInfo{Path: ps.path(), Fault: ps.fault, MaxBytes: ps.maxBytes, Sync: ps.sync, Last: f.Newest.Pos, Durable: f.Durable}
	if f.Spool != nil {
		i.Stats = *f.Spool
	}
	return i
}

func noSpoolLine(pool string, err error) string {
	advice := "fix that, then restart supervisord, or remove and add the group"
	if errors.Is(err, spool.ErrLocked) {
		advice = "is there another supervisord with a pool of that name? give one of them another spool_dir"
	}
	return fmt.Sprintf("pool %s keeps its events in memory: %v: %s", pool, err, advice)
}

func recoveredLine(pool string, n uint64, path string) string {
	return fmt.Sprintf("pool %s has %d events of earlier in its spool %s", pool, n, path)
}

func spoolFullLine(pool string, n int64, kind spool.ReportKind) string {
	why := "its spool is full (spool_maxbytes)"
	if kind == spool.Overflowed {
		why = "the disk does not take them in time"
	}
	return fmt.Sprintf("pool %s discarded its %d oldest events: %s", pool, n, why)
}

func spoolLine(pool string, r spool.Report) string {
	return fmt.Sprintf("spool of pool %s: %s", pool, r)
}

func leftInSpoolLine(pool string, n int, path string) string {
	return fmt.Sprintf("pool %s was removed with %d unprocessed events: they stay in %s for a pool of that name", pool, n, path)
}
