// Command refuser is a notifier and a log sink that refuse everything, permanently or for now.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

type config struct {
	Final      bool          `hark:"final" doc:"no further try will do"`
	RetryAfter time.Duration `hark:"retry_after" doc:"how long to wait before the next try"`
}

type refuser struct{ config }

func (r refuser) refusal() error {
	err := errors.New("the service refuses this")
	switch {
	case r.Final:
		return sdk.Final(err)
	case r.RetryAfter > 0:
		return sdk.RetryAfter(err, r.RetryAfter)
	}
	return err
}

func (r refuser) Notify(context.Context, *sdk.Notification) error { return r.refusal() }

func (r refuser) Write(context.Context, *sdk.LogBatch) error { return r.refusal() }

func main() {
	sdk.Serve(sdk.Plugin{Name: "refuser", Version: "1.0.0", Doc: "Refuses everything.", Kinds: []sdk.Kind{
		sdk.NotifierOf(config{}, func(_ context.Context, c config, _ sdk.Instance) (sdk.Notifier, error) { return refuser{c}, nil }),
		sdk.LogSinkOf(config{}, func(_ context.Context, c config, _ sdk.Instance) (sdk.LogSink, error) { return refuser{c}, nil }),
	}})
}
