// Package spools opens and closes the spools of listener pools with overflow=spool. It works off the loop.
package spools

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

// Spool is the spool of one listener pool with overflow=spool. It is opened and
// closed off the loop.
type Spool struct {
	pool     string
	dir      string // the spool's own directory is in it
	maxBytes int64
	sync     bool
	Queue    *spool.Spool // nil: it could not be opened, and events wait in memory
	err      error        // why it could not
	fault    string       // why that is, or why the disk does not take anything at the moment; "" if all is well. It belongs to the loop
}

// Hooks are what spools have to say.
type Hooks struct {
	Report func(s *Spool, r spool.Report) (taken bool) // has Reported called by the loop; false: that has ended. It is called on any thread
	Ready  func()                                      // a spool has something again; on any thread
	Log    func(config.Level, string)
}

// Open opens the spool of a listener group, nil if it has none. Where that
// fails the pool keeps its events in memory: a disk never keeps programs from being
// started. It waits for the disk, and for closed, the closing of the same spool, nil
// if there was none.
func Open(g *config.Group, childLogDir string, h Hooks, closed <-chan struct{}) *Spool {
	if g.Kind != config.ListenerGroup || g.Listener.Overflow != eventlistener.SpoolEvents {
		return nil
	}
	l := g.Listener
	ps := &Spool{pool: g.Name, dir: l.SpoolDir, maxBytes: l.SpoolMaxBytes, sync: l.SpoolSync}
	if ps.dir == "" {
		ps.dir = childLogDir
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
		sp, err := ps.tryOpen(h, giveUp)
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
		ps.Queue, ps.err = r.spool, r.err
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
func (ps *Spool) tryOpen(h Hooks, giveUp <-chan struct{}) (*spool.Spool, error) {
	o := spool.Options{
		Dir: ps.dir, Name: ps.pool, MaxBytes: ps.maxBytes, Sync: ps.sync, QueueBytes: eventlistener.MemoryBytes,
		Report: func(r spool.Report) {
			if !h.Report(ps, r) {
				h.Log(config.ERRO, spoolLine(ps.pool, r)) // while it is closed
			}
		},
		Ready: h.Ready,
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

// OpenAll opens the spools of all groups at the same time. It waits for the disks.
func OpenAll(groups []*config.Group, childLogDir string, h Hooks) map[string]*Spool {
	spools := make(map[string]*Spool)
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := make(map[string]bool)
	for _, g := range groups {
		if seen[g.Name] {
			continue // of two groups with one name the first counts
		}
		seen[g.Name] = true
		all.Go(func() {
			if ps := Open(g, childLogDir, h, nil); ps != nil {
				mu.Lock()
				defer mu.Unlock()
				spools[g.Name] = ps
			}
		})
	}
	all.Wait()
	return spools
}

// Resume makes seqs and serials of a bus go on behind those in a spool, and logs one that
// could not be opened.
func (ps *Spool) Resume(bus *eventlistener.Bus, log func(config.Level, string)) {
	if ps.Queue == nil {
		log(config.ERRO, noSpoolLine(ps.pool, ps.err))
		return
	}
	if last, ok := ps.Queue.Last(); ok {
		bus.Resume(last.Seq, last.Serial)
	}
	if n := ps.Queue.Stats().Recovered; n > 0 {
		log(config.INFO, recoveredLine(ps.pool, n, ps.Path()))
	}
}

// Reported logs what a spool came across, on the loop. lost notes events that are lost, with the line about them unless
// that is written already.
func (ps *Spool) Reported(r spool.Report, log func(config.Level, string), lost func(pool string, n int64, say func(n int64))) {
	n := int64(r.Records)
	switch r.Kind {
	case spool.Discarded, spool.Overflowed: // may come many times a second
		lost(ps.pool, n, func(n int64) { log(config.ERRO, spoolFullLine(ps.pool, n, r.Kind)) })
		return
	case spool.DiskFailed:
		ps.fault = r.String()
	case spool.DiskRecovered:
		ps.fault = ""
		log(config.INFO, spoolLine(ps.pool, r))
		return
	}
	log(config.ERRO, spoolLine(ps.pool, r))
	if n > 0 {
		lost(ps.pool, n, nil)
	}
}

// Close commits what is in memory and closes the spool. It waits for the disk.
func (ps *Spool) Close(log func(config.Level, string)) {
	if ps == nil || ps.Queue == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), spoolCloseTime)
	defer cancel()
	if err := ps.Queue.Close(ctx); err != nil {
		log(config.ERRO, err.Error())
	}
}

// Left logs the events that the spool of a removed group keeps.
func (ps *Spool) Left(events int, log func(config.Level, string)) {
	if events > 0 {
		log(config.WARN, leftInSpoolLine(ps.pool, events, ps.Path()))
	}
}

// Path is the spool's own directory.
func (ps *Spool) Path() string { return filepath.Join(ps.dir, spool.DirName(ps.pool)) }

// Info is what is reported of the spool, on the loop; f are the pool's figures.
func (ps *Spool) Info(f *eventlistener.Figures) *spool.Status {
	i := &spool.Status{Path: ps.Path(), Fault: ps.fault, MaxBytes: ps.maxBytes, Sync: ps.sync}
	if f.Spool != nil {
		i.Stats = *f.Spool
	}
	i.Last, i.Durable = f.Newest.Pos, f.Durable
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
