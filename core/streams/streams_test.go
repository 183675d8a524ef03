package streams

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestMain(m *testing.M) {
	child.IgnoreSignals()
	goleak.VerifyTestMain(m)
}

// run is a supervisor of no programs that runs until the end of the test.
func run(t *testing.T) *core.Supervisor {
	t.Helper()
	system, err := child.New(child.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(system.Close)
	s, err := core.New(core.Options{
		Config: &config.Config{}, System: system, Bus: eventlistener.NewBus(), Log: func(config.Level, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan core.Mood, 1)
	go func() { ended <- s.Run(nil) }()
	t.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		<-ended
	})
	return s
}

func TestAStreamBeginsWithThePastAndEndsWithTheSupervisor(t *testing.T) {
	r := run(t)
	hub := New(r)
	ctx := context.Background()
	first, err := hub.Open(ctx, Request{Types: []eventlistener.Type{eventlistener.RemoteCommunication}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := r.SendRemoteComm(ctx, "k", "d"); err != nil {
			t.Fatal(err)
		}
	}
	<-first.Ready()
	events, _ := first.Take()
	first.Close()
	second, err := hub.Open(ctx, Request{Resume: true, After: events[0].Seq()})
	if err != nil {
		t.Fatal(err)
	}
	if len(second.Past) != 2 || second.Gap || second.Past[0].Seq() != events[0].Seq()+1 {
		t.Errorf("%d past, gap %v", len(second.Past), second.Gap)
	}
	if err := r.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case <-second.Ready():
			if _, end := second.Take(); end != nil {
				second.Close()
				if _, err := hub.Open(ctx, Request{}); err == nil {
					t.Error("a stream of a supervisor that has ended")
				}
				return
			}
		case <-time.After(testkit.Patience):
			t.Fatal("the stream does not end")
		}
	}
}

// The past is kept for a while after the last stream, and then no longer: without streams events cost nothing.
func TestTheHistoryEndsAWhileAfterTheLastStream(t *testing.T) {
	r := run(t)
	ctx := context.Background()
	hub := New(r)
	stream, err := hub.Open(ctx, Request{})
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
	inTurn := func(f func(turn core.Turn)) {
		t.Helper()
		if err := r.InTurn(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	send := func() {
		t.Helper()
		if err := r.SendRemoteComm(ctx, "k", "d"); err != nil {
			t.Fatal(err)
		}
	}
	send()
	inTurn(func(core.Turn) {
		if hub.history == nil {
			t.Error("it ended at once")
			return
		}
		hub.history.ended = time.Now().Add(-2 * historyLasts)
	})
	send()
	inTurn(func(turn core.Turn) {
		if hub.history != nil || turn.Bus.Wants(eventlistener.RemoteCommunication) {
			t.Error("it goes on")
		}
	})
}
