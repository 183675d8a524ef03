// Command null is a notifier and a log sink that take everything and do nothing with it: what is measured with it is the host.
package main

import (
	"context"

	"github.com/hark-supervisor/hark/sdk"
)

type null struct{}

func (null) Notify(context.Context, *sdk.Notification) error { return nil }

func (null) Write(context.Context, *sdk.LogBatch) error { return nil }

func main() {
	type none struct{}
	sdk.Serve(sdk.Plugin{Name: "null", Version: "1.0.0", Doc: "Takes everything and does nothing.", Kinds: []sdk.Kind{
		sdk.NotifierOf(none{}, func(context.Context, none, sdk.Instance) (sdk.Notifier, error) { return null{}, nil }),
		sdk.LogSinkOf(none{}, func(context.Context, none, sdk.Instance) (sdk.LogSink, error) { return null{}, nil }),
	}})
}
