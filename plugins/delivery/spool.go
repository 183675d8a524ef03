package delivery

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/plugins/guard"
)

// Spool says where events or output wait on disk.
type Spool struct {
	Dir      string
	MaxBytes int64 // 0: 64 MB
	Sync     bool  // wait for the disk at each commit
}

// spoolOpenTime is how long a spool may take to be opened: its files are read to their end, up to MaxBytes.
const spoolOpenTime = 10 * time.Second

// Open opens the spool of the section [kind:name]. It waits for the disk, spoolOpenTime at most.
func (o *Spool) Open(of *guard.Part, kind, name string, report func(spool.Report), ready func(), queueBytes int64) (*spool.Spool, error) {
	type opened struct {
		spool *spool.Spool
		err   error
	}
	result := make(chan opened) // not buffered: what comes too late is closed again
	late := make(chan struct{})
	of.Start(nil, "the opening of its spool", func() {
		var got opened
		defect := of.Try("the opening of its spool", func() {
			got.spool, got.err = spool.Open(spool.Options{
				Dir: o.Dir, Name: kind + "-" + name, MaxBytes: o.MaxBytes, Sync: o.Sync,
				Report: func(r spool.Report) { _ = of.Try("a report of its spool", func() { report(r) }) }, Ready: ready, QueueBytes: queueBytes,
			})
		})
		if defect != nil {
			got.err = defect
		}
		select {
		case result <- got:
		case <-late:
			if got.err == nil {
				_ = got.spool.Close(context.Background())
			}
		}
	})
	limit := time.NewTimer(spoolOpenTime)
	defer limit.Stop()
	select {
	case r := <-result:
		return r.spool, r.err
	case <-limit.C:
		close(late)
		return nil, fmt.Errorf("cannot open spool %q in %q: it takes more than %v", kind+"-"+name, o.Dir, spoolOpenTime)
	}
}

// Status reports what is in the spool of the section [kind:name]; fault says why the disk takes nothing at the moment.
func (o *Spool) Status(s *spool.Spool, kind, name, fault string) *spool.Status {
	return &spool.Status{Path: o.Place(kind, name), Fault: fault, MaxBytes: o.MaxBytes, Sync: o.Sync, Stats: s.Stats()}
}

// Place is the directory of the spool of the section [kind:name].
func (o *Spool) Place(kind, name string) string {
	return filepath.Join(o.Dir, spool.DirName(kind+"-"+name))
}
