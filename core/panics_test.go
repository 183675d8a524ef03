package core

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// A call that panics on the loop is answered, logged, and the end of nothing else.
func TestAPanicOnTheLoopIsToldAndTheLoopGoesOn(t *testing.T) {
	ctx := context.Background()
	r := run(t, program("cat", "/bin/cat"))
	r.untilState("cat", process.Running)
	before, _ := r.ProcessInfo(ctx, "cat", "cat")
	if err := r.turns.Ask(ctx, func(l *loop) { panic("on purpose") }); !errors.Is(err, guard.ErrInternal) {
		t.Errorf("the call is answered %v", err)
	}
	r.until("it is told with its stack", func() bool {
		return r.logged("internal error (a message to the loop): on purpose; the daemon continues") && r.logged("panics_test.go")
	})
	done := make(chan struct{})
	r.system.Post(func() child.Work { // a thread that takes a turn of the loop
		defer close(done)
		for !r.turns.AtOnce(func(*loop) { panic("on the poller") }) {
		}
		return nil
	})
	<-done
	if !r.logged("internal error (a turn of the loop): on the poller") {
		t.Error("the other is not told")
	}
	after, err := r.ProcessInfo(ctx, "cat", "cat")
	if err != nil || after.Pid != before.Pid || after.State != process.Running {
		t.Errorf("%+v, %v", after, err)
	}
	if err := r.StopProcess(ctx, "cat", "cat", true); err != nil {
		t.Error(err)
	}
}

// The output of a program that makes the poller's thread panic ends neither that thread nor the daemon.
func TestAPanicOfTheOutputsThreadIsTold(t *testing.T) {
	r := run(t, program("a", "/bin/cat", func(p *config.Process) { p.Stdout.EventsEnabled = true }), program("b", "/bin/cat", func(p *config.Process) { p.Stdout.EventsEnabled = true }))
	r.untilState("b", process.Running)
	ctx := context.Background()
	r.SetSinks([]logs.Sink{brokenSink{}})
	for _, name := range []string{"a", "b"} {
		if err := r.SendStdin(ctx, name, name, []byte("hello\n")); err != nil {
			t.Fatal(err)
		}
	}
	r.until("the output of b is an event", func() bool { return len(r.events.payloads(eventlistener.ProcessLogStdout)) == 1 })
	r.until("that of a is told", func() bool { return r.logged("internal error (output of a process)") })
}

// brokenSink panics at the output of a.
type brokenSink struct{}

func (brokenSink) Source(_, process, _ string, _ func()) func(int, time.Time, []byte) bool {
	return func(int, time.Time, []byte) bool {
		if process == "a" {
			panic("a broken sink")
		}
		return false
	}
}

func (brokenSink) Gone(string, string) {}

func (brokenSink) Keep(func(group, process string) bool) {}

// Panics without end are an orderly end: here, of every message.
func TestPanicsWithoutEndEndTheDaemonInOrder(t *testing.T) {
	r := run(t, program("cat", "/bin/cat"))
	r.untilState("cat", process.Running)
	for range guard.Max + 1 {
		_ = r.turns.Ask(context.Background(), func(l *loop) { panic("again") })
	}
	if mood := <-r.mood; mood != MoodShutdown || r.ExitStatus() != guard.Status {
		t.Errorf("it ended %v, status %d", mood, r.ExitStatus())
	}
	if !r.logged("stopped: cat (terminated by SIGTERM)") {
		t.Error("the program was not stopped in order")
	}
}

// And where nothing can be stopped in order, all is killed.
func TestPanicsThatForbidAnOrderlyEndKillEverything(t *testing.T) {
	r := run(t, program("cat", "/bin/cat"))
	r.untilState("cat", process.Running)
	info, _ := r.ProcessInfo(context.Background(), "cat", "cat")
	_ = r.turns.Ask(context.Background(), func(l *loop) { l.groups["cat"].member("cat").child = nil }) // so that no signal can be sent
	_ = r.Shutdown(context.Background())
	for r.turns.Ask(context.Background(), func(l *loop) { panic("again") }) != ErrEnded { //nolint:errorlint // returned bare
	}
	if mood := <-r.mood; mood != MoodShutdown || r.ExitStatus() != guard.Status {
		t.Errorf("it ended %v, status %d", mood, r.ExitStatus())
	}
	r.until("the program is gone", func() bool { return syscall.Kill(info.Pid, 0) == syscall.ESRCH })
}

// panicky is a subscriber that panics.
type panicky struct{}

func (panicky) Accept(*eventlistener.Event) { panic("accepting") }

// A subscriber that panics keeps no event from the others.
func TestAPanicOfASubscriberIsItsOwn(t *testing.T) {
	r := run(t, program("cat", "/bin/cat", func(p *config.Process) { p.AutoStart = false }))
	r.untilState("cat", process.Stopped) // it runs
	before := len(r.events.names(""))
	bad := &Attachment{Subscriber: panicky{}, Types: []eventlistener.Type{eventlistener.AnyEvent}, Info: func(time.Time) SubscriberInfo { return SubscriberInfo{} }}
	if err := r.Attach(context.Background(), bad); err != nil {
		t.Fatal(err)
	}
	other := &recorder{}
	good := &Attachment{Subscriber: other, Types: bad.Types, Info: bad.Info}
	if err := r.Attach(context.Background(), good); err != nil {
		t.Fatal(err)
	}
	if err := r.StartProcess(context.Background(), "cat", "cat", true); err != nil {
		t.Error(err)
	}
	for range guard.Max {
		if err := r.SendRemoteComm(context.Background(), "k", "v"); err != nil {
			t.Fatal(err)
		}
	}
	if got := other.names("cat"); len(got) != 2 || len(r.events.names("")) != before+2+guard.Max {
		t.Errorf("the others got %v", got)
	}
	if n := r.count("internal error (a subscriber of events, 1 so far): accepting"); n != 1 || r.Mood() != MoodRunning {
		t.Errorf("told %d times, %v", n, r.Mood())
	}
}
