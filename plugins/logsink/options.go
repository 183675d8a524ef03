package logsink

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/delivery"
)

// Overflow is what happens to output when a sink's buffer is full.
type Overflow int

// The policies.
const (
	DropOldest    Overflow = iota // the oldest output that is not under way goes, counted and announced
	BlockProgram                  // the pipe of the program that writes is left alone until there is room
	SpoolOverflow                 // all output waits on disk
)

// String is the policy's name in configurations.
func (o Overflow) String() string {
	switch o {
	case BlockProgram:
		return "block"
	case SpoolOverflow:
		return "spool"
	}
	return "drop_oldest"
}

// ParseOverflow finds a policy by its name.
func ParseOverflow(name string) (Overflow, error) {
	for o := DropOldest; o <= SpoolOverflow; o++ {
		if o.String() == strings.ToLower(name) {
			return o, nil
		}
	}
	return DropOldest, fmt.Errorf("cannot use %q; accepted: drop_oldest, block or spool", name)
}

// Options are the keys of [logsink:x] that the host itself acts on.
type Options struct {
	Name           string
	Programs       *eventlistener.Programs // nil: all
	Stdout, Stderr bool                    // which channels
	BufferBytes    int64                   // most output in memory; default 8 MB, at least 1 MB
	Overflow       Overflow
	Spool          delivery.Spool // of SpoolOverflow
	MaxInFlight    int            // most batches sent and not answered; default 4, at most 64
	RetryFor       time.Duration  // since a batch was refused for the first time: it is dropped then; 0: no end
	RetryMax       time.Duration  // the longest that a refused batch waits, unless the plugin asks for more; default 1 min
}

const (
	defaultSinkBuffer = 8 << 20
	leastSinkBuffer   = 1 << 20
	defaultInFlight   = 4
	defaultRefusedMax = time.Minute
	maxInFlight       = 64
)

func (o Options) withDefaults() Options {
	if o.BufferBytes == 0 {
		o.BufferBytes = defaultSinkBuffer
	}
	o.BufferBytes = max(o.BufferBytes, leastSinkBuffer)
	if o.RetryMax <= 0 {
		o.RetryMax = defaultRefusedMax
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = defaultInFlight
	}
	// What is under way is never dropped, so at least half of the buffer must not be.
	o.MaxInFlight = int(min(int64(o.MaxInFlight), maxInFlight, max(o.BufferBytes/2/maxBatch, 1)))
	return o
}

// Surroundings are the host's and the core's functions for a Sink. They may be called from any goroutine and do not block, except
// Open.
type Surroundings struct {
	// Open opens a stream to the plugin, which lasts as long as ctx.
	Open func(ctx context.Context) (delivery.LogStream, error)
	// Lost reports output of a process that will not reach the sink, once an episode. Process is "" if it is not known whose output it was.
	Lost func(group, process, channel string, pid int, bytes int64)
	Log  hclog.Logger
}

// Place is the directory of the spool; "" without one.
func (o *Options) Place() string {
	if o.Overflow != SpoolOverflow {
		return ""
	}
	return o.Spool.Place("logsink", o.Name)
}
