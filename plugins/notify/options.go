package notify

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// Options are the keys of [notifier:x] that the host itself uses. The zero value
// of each, except Name, Events and BufferSize, is its default or disables the feature.
type Options struct {
	Name        string                  // x of [notifier:x]
	Events      []eventlistener.Type    // what it subscribes to
	Programs    *eventlistener.Programs // events about these processes, and about none; nil: all
	BufferSize  int                     // most events that wait in memory
	Overflow    eventlistener.Overflow  // what is discarded when more come; nothing where there is a Spool
	Spool       *delivery.Spool         // nil: events wait in memory only
	Timeout     time.Duration           // of one delivery; default 30 s
	RetryDelay  time.Duration           // before the first retry, doubled each time; default 1 s
	RetryMax    time.Duration           // the longest of these; default 5 min
	MaxRetries  int                     // 0: no end
	RetryFor    time.Duration           // since the plugin could not deliver a notification for the first time; 0: no end
	MaxAge      time.Duration           // of the oldest event of a notification that is still tried; 0: no end
	Dedupe      time.Duration           // an event of a type and process that was there within it is folded; 0: none is
	GroupWait   time.Duration           // how long events are gathered into one notification
	GroupMax    int                     // most events of a notification; default 100
	Rate        Rate                    // of notifications
	Quiet       QuietHours              // when only severe events are sent
	MinSeverity sdk.Severity            // events below it are dropped
	Severities  []SeverityRule          // over the usual severities, the first that fits
	Title, Body string                  // templates; "": the default ones
}

// SeverityRule assigns a severity to the events of a type and the types below it.
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

func (o Options) withDefaults() Options {
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

// Surroundings are the host's and the core's functions for a Notifier. They may be called from any
// goroutine and do not block, except Notify.
type Surroundings struct {
	// Notify delivers. It ends when ctx does, whatever the plugin does. Errors are the plugin's; one that wraps
	// wire.ErrUnavailable means that the plugin was not reached.
	Notify     func(ctx context.Context, n *sdk.Notification) error
	Daemon     func() sdk.Daemon  // at the moment
	Silences   *Silences          // nil: there are none
	Lost       func(events int64) // events were discarded; to be announced
	DeadLetter func(line []byte)  // a line of JSON for the log of dead letters
	Log        hclog.Logger
}

// Place is the directory of the spool; "" without one.
func (o *Options) Place() string {
	if o.Spool == nil {
		return ""
	}
	return o.Spool.Place("notifier", o.Name)
}

// Check reports what is wrong with the templates.
func (o *Options) Check() error {
	_, err := parseTemplates(o.Title, o.Body)
	return err
}
