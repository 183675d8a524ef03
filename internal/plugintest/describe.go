package plugintest

import (
	"testing"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/sdk"
)

// Describe is what a plugin says of itself, without a process.
func Describe(t testing.TB, p sdk.Plugin) pluginrpc.Description {
	t.Helper()
	doc, err := sdk.Describe(p)
	if err != nil {
		t.Fatal(err)
	}
	d, err := pluginrpc.ParseDescription(doc)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
