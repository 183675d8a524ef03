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
	// files are read to their end, up to spool_maxbytes. After that time the pool
	// works without its spool.
	spoolOpenTime = 10 * time.Second
	// spoolLockTime is how long the opening of a spool that is in use is tried again:
	// the lock of a supervisord that was killed is released soon after.
	spoolLockTime  = time.Second
	spoolLockPause = 20 * time.Millisecond
	// spoolCloseTime is how long the end of the loop waits until the events in
	// memory are written to the disks.
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
	err      error        // why it could not be opened; nil: it could
	fault    string       // err's text, or why the disk cannot be written at the moment; "" if it can. It belongs to the loop
}

// Hooks are the functions that spools call.
type Hooks struct {
	Report func(s *Spool, r spool.Report) (taken bool) // has the loop call Reported; false: the loop has ended. Called on any goroutine
	Ready  func()                                      // called, on any goroutine, when a spool has an event again
	Log    func(config.Level, string)
}

// Open opens the spool of a listener group; it returns nil if the group has none. If the spool cannot be opened within ten
// seconds, Queue is nil and the pool keeps its events in memory: a disk never prevents programs from being started. Open blocks
// on the disk, and until closed is closed; closed is nil unless an earlier Spool of the same directory is being closed.
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

// Resume makes the seqs and serials of a bus continue after those in the spool; it logs how many events were
// recovered, or why the spool could not be opened.
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

// Reported logs a report of the spool. It must be called on the loop. It calls lost for events that are lost; say writes the line
// about them, and is nil if that line is written already.
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

// Path returns the spool's own directory.
func (ps *Spool) Path() string { return filepath.Join(ps.dir, spool.DirName(ps.pool)) }

// Info returns the state of the spool for clients; f are the pool's figures. It must be called on the loop.
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
