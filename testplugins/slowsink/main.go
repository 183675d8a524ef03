// Command slowsink is a log sink and a notifier that take their time.
package main

import (
	"context"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

type config struct {
	Delay time.Duration `hark:"delay" doc:"for each call"`
}

type slow struct{ config }

func (s slow) wait(ctx context.Context) error {
	select {
	case <-time.After(s.Delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slow) Write(ctx context.Context, _ *sdk.LogBatch) error { return s.wait(ctx) }

func (s slow) Notify(ctx context.Context, _ *sdk.Notification) error { return s.wait(ctx) }

func main() {
	defaults := config{Delay: 100 * time.Millisecond}
	sdk.Serve(sdk.Plugin{Name: "slowsink", Version: "1.0.0", Doc: "Takes its time.", Kinds: []sdk.Kind{
		sdk.LogSinkOf(defaults, func(_ context.Context, c config, _ sdk.Instance) (sdk.LogSink, error) { return slow{c}, nil }),
		sdk.NotifierOf(defaults, func(_ context.Context, c config, _ sdk.Instance) (sdk.Notifier, error) { return slow{c}, nil }),
	}})
}
