package plugins

import (
	"testing"

	"github.com/hark-supervisor/hark/eventlistener"
)

func mustPrograms(t testing.TB, patterns ...string) *eventlistener.Programs {
	t.Helper()
	p, err := eventlistener.ParsePrograms(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
