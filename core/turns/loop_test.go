package turns

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/core/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noted is a state that notes what is done with it.
type noted struct {
	all  []string
	over bool
}

// Settle implements State.
func (n *noted) Settle() (time.Time, bool) { return time.Time{}, n.over }

func note(what string) func(*noted) {
	return func(n *noted) { n.all = append(n.all, what) }
}

func newNoted(t *testing.T) *Loop[*noted] {
	t.Helper()
	return New(&noted{}, System{}, guard.New(func(text string) { t.Log(text) }, func() {}))
}

func begin(l *Loop[*noted]) (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		l.Run(nil, Handlers[*noted]{First: note("first"), Signal: func(*noted, os.Signal) {}, Last: note("last")})
	}()
	return ended
}

func TestWhoHasTheState(t *testing.T) {
	ctx := context.Background()
	l := newNoted(t)
	if !l.Alone(note("alone")) || !l.Early(note("early")) {
		t.Fatal("nobody has it before Run")
	}
	if !l.Put(note("put before")) || l.AtOnce(note("at once before")) {
		t.Error("before Run a message waits, and nobody takes a turn")
	}
	ended := begin(l)
	if err := l.Ask(ctx, note("asked")); err != nil {
		t.Fatal(err)
	}
	if l.Early(note("late")) || l.Alone(note("not alone")) {
		t.Error("Run has it")
	}
	for !l.AtOnce(note("at once")) { // until Run waits
	}
	if n, err := Call(ctx, l, func(n *noted) int { return len(n.all) }); err != nil || n != 6 {
		t.Errorf("%d, %v", n, err)
	}
	if err := l.Ask(ctx, func(*noted) { panic("on purpose") }); !errors.Is(err, guard.ErrInternal) {
		t.Errorf("a panic is answered %v", err)
	}
	if err := l.Ask(ctx, func(n *noted) { n.over = true }); err != nil {
		t.Error(err)
	}
	<-ended
	if err := l.Ask(ctx, note("too late")); !errors.Is(err, ErrEnded) || l.Put(note("too late")) || l.AtOnce(note("too late")) {
		t.Errorf("after the end: %v", err)
	}
	want := []string{"alone", "early", "first", "put before", "asked", "at once", "last"}
	l.Alone(func(n *noted) {
		if len(n.all) != len(want) {
			t.Fatalf("%q", n.all)
		}
		for i, what := range want {
			if n.all[i] != what {
				t.Errorf("%d is %s, want %s", i, n.all[i], what)
			}
		}
	})
}
