package plugins

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/sdk"
)

// NotifierOptions are the keys of [notifier:x] that the host itself acts on. The zero value
// of each but Name, Events and BufferSize is its default, or means that there is no such thing.
type NotifierOptions struct {
	Name        string                  // x of [notifier:x]
	Events      []eventlistener.Type    // what it subscribes to
	Programs    *eventlistener.Programs // events about these processes, and about none; nil: all
	BufferSize  int                     // most events that wait in memory
	Overflow    eventlistener.Overflow  // what is discarded when more come; nothing where there is a Spool
	Spool       *SpoolOptions           // nil: events wait in memory only
	Timeout     time.Duration           // of one delivery; default 30 s
	RetryDelay  time.Duration           // before the first retry, doubled each time; default 1 s
	RetryMax    time.Duration           // the longest of these; default 5 min
	MaxRetries  int                     // 0: no end
	MaxAge      time.Duration           // of the oldest event of a notification that is still tried; 0: no end
	Dedupe      time.Duration           // an event of a type and process that was there within it is folded; 0: none is
	GroupWait   time.Duration           // how long events are gathered into one notification
	GroupMax    int                     // most events of a notification; default 100
	Rate        Rate                    // of notifications
	Quiet       QuietHours              // when only what is bad enough is told
	MinSeverity sdk.Severity            // events below it are dropped
	Severities  []SeverityRule          // over the usual severities, the first that fits
	Title, Body string                  // templates; "": the default ones
}

// SpoolOptions say where events or output wait on disk.
type SpoolOptions struct {
	Dir      string
	MaxBytes int64 // 0: 64 MB
	Sync     bool  // wait for the disk at each commit
}

// spoolOpenTime is how long a spool may take to be opened: its files are read to their end, up to MaxBytes.
const spoolOpenTime = 10 * time.Second

// open opens the spool. It waits for the disk, spoolOpenTime at most.
func (o *SpoolOptions) open(of *part, kind, name string, report func(spool.Report), ready func(), queueBytes int64) (*spool.Spool, error) {
	type opened struct {
		spool *spool.Spool
		err   error
	}
	result := make(chan opened) // not buffered: what comes too late is closed again
	late := make(chan struct{})
	of.start(nil, "the opening of its spool", func() {
		var got opened
		defect := of.try("the opening of its spool", func() {
			got.spool, got.err = spool.Open(spool.Options{
				Dir: o.Dir, Name: kind + "-" + name, MaxBytes: o.MaxBytes, Sync: o.Sync,
				Report: func(r spool.Report) { _ = of.try("a report of its spool", func() { report(r) }) }, Ready: ready, QueueBytes: queueBytes,
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

// SpoolStatus is what there is on disk for a notifier or a log sink.
type SpoolStatus struct {
	Path          string // its directory
	Fault         string // why the disk does not take anything at the moment; "": it does
	MaxBytes      int64
	Sync          bool
	Last, Durable uint64 // the places of the newest record, and up to which all are on disk
	Stats         spool.Stats
}

func (o *SpoolOptions) status(s *spool.Spool, kind, name, fault string) *SpoolStatus {
	last, _ := s.Last()
	return &SpoolStatus{
		Path: o.place(kind, name), Fault: fault, MaxBytes: o.MaxBytes, Sync: o.Sync,
		Last: last.Pos, Durable: s.Committed(), Stats: s.Stats(),
	}
}

// SeverityRule gives the events of a type, or of those under it, a severity.
type SeverityRule struct {
	Type     eventlistener.Type
	Severity sdk.Severity
}

const (
	defaultTimeout    = 30 * time.Second
	defaultRetryDelay = time.Second
	defaultRetryMax   = 5 * time.Minute
	defaultGroupMax   = 100
)

func (o NotifierOptions) withDefaults() NotifierOptions {
	for _, d := range []struct {
		to  *time.Duration
		def time.Duration
	}{{&o.Timeout, defaultTimeout}, {&o.RetryDelay, defaultRetryDelay}, {&o.RetryMax, defaultRetryMax}} {
		if *d.to <= 0 {
			*d.to = d.def
		}
	}
	if o.GroupMax < 1 {
		o.GroupMax = defaultGroupMax
	}
	o.BufferSize = max(o.BufferSize, 1)
	return o
}

// NotifierSurroundings is what a Notifier is given of the host and the core. Its functions may be called from any
// goroutine and do not block, but for Notify.
type NotifierSurroundings struct {
	// Notify delivers. It ends when ctx does, whatever the plugin does. Errors are the plugin's; one that wraps
	// sdk.ErrUnavailable tells that the plugin was not reached.
	Notify     func(ctx context.Context, n *sdk.Notification) error
	Daemon     func() sdk.Daemon  // at the moment
	Silences   *Silences          // nil: there are none
	Lost       func(events int64) // events were discarded; to be announced
	DeadLetter func(line []byte)  // a line of JSON for the log of dead letters
	Log        hclog.Logger
}
