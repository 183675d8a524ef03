// Command neveracks is a log sink that never acknowledges a batch, and a notifier that never answers.
package main

import (
	"context"

	"github.com/hark-supervisor/hark/sdk"
)

type silent struct{}

func (silent) Write(ctx context.Context, _ *sdk.LogBatch) error {
	<-ctx.Done()
	return ctx.Err()
}

func (silent) Notify(context.Context, *sdk.Notification) error { select {} }

func main() {
	type none struct{}
	sdk.Serve(sdk.Plugin{Name: "neveracks", Version: "1.0.0", Doc: "Never answers.", Kinds: []sdk.Kind{
		sdk.LogSinkOf(none{}, func(context.Context, none, sdk.Instance) (sdk.LogSink, error) { return silent{}, nil }),
		sdk.NotifierOf(none{}, func(context.Context, none, sdk.Instance) (sdk.Notifier, error) { return silent{}, nil }),
	}})
}
