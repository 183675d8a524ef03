package twiddler

import (
	"context"
	"reflect"
	"testing"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	options := map[string]any{"command": "/bin/cat"}
	host := func(_ context.Context, method string, params []any) (any, error) {
		for m, want := range map[string][]any{
			"hark.log": {"line", 20}, "hark.getGroupNames": {}, "hark.addProgramToGroup": {"g", "p", options}, "hark.removeProcessFromGroup": {"g", "p"},
		} {
			if m == method && reflect.DeepEqual(params, want) {
				return true, nil
			}
		}
		return nil, &sdk.Fault{Code: 10, Text: "BAD_NAME: x"}
	}
	sdktest.TestNamespace(t, Plugin(), sdktest.NamespaceOptions{
		Options: sdktest.Options{Values: map[string]string{}},
		Host:    host,
		Calls: []sdktest.Call{
			{Method: "getAPIVersion", Want: "1.0"}, {Method: "getGroupNames", Want: true}, {Method: "log", Params: []any{"line"}, Want: true},
			{Method: "log", Params: []any{"line", "info"}, Want: true}, {Method: "log", Params: []any{"line", 20}, Want: true}, {Method: "log", Params: []any{"line", 21}, Fault: 2},
			{Method: "log", Params: []any{"line", "loud"}, Fault: 2}, {Method: "log", Params: []any{"line", true}, Fault: 2},
			{Method: "addProgramToGroup", Params: []any{"g", "p", options}, Want: true}, {Method: "addProgramToGroup", Params: []any{"x", "p", options}, Fault: 10},
			{Method: "addProgramToGroup", Params: []any{"g", "p", map[string]any{"command": 7}}, Fault: 2}, {Method: "addProgramToGroup", Params: []any{"g", "p", "x"}, Fault: 2},
			{Method: "removeProcessFromGroup", Params: []any{"g", "p"}, Want: true}, {Method: "removeProcessFromGroup", Params: []any{"g", "x"}, Fault: 10},
		},
	})
}
