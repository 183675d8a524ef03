package guard

import (
	"context"
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestWhatPanicsWithoutEndIsGivenUpAtItsEnd(t *testing.T) {
	p := New(hclog.NewNullLogger())
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	p.Keep(ctx, "a task", func() {
		if calls++; calls == 3 {
			cancel()
		}
		panic(errors.New("made by the test"))
	}, func(error) {})
	if calls != 3 || p.Defects() != 3 {
		t.Errorf("%d calls, %d panics", calls, p.Defects())
	}
}
