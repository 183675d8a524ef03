// Command echo is a namespace of one method that answers what it is given: the least that a plugin's method can do, for measurements.
package main

import (
	"context"

	"github.com/hark-supervisor/hark/sdk"
)

type config struct{}

type echo struct{}

// Methods implements sdk.Namespace.
func (echo) Methods() []sdk.Method {
	return []sdk.Method{{Name: "echo", Params: []sdk.Param{{Type: "string", Name: "text"}}, Returns: sdk.Param{Type: "string", Name: "text"}, Help: "Answers what it is given.", ReadOnly: true}}
}

// Call implements sdk.Namespace.
func (echo) Call(_ context.Context, _ string, params []any) (any, error) { return params[0], nil }

func main() {
	sdk.Serve(sdk.Plugin{
		Name: "echo", Version: "1.0.0", Doc: "Answers what it is given.",
		Kinds: []sdk.Kind{sdk.NamespaceOf(config{}, func(context.Context, config, sdk.Instance) (sdk.Namespace, error) { return echo{}, nil })},
	})
}
