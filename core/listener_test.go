package core

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func listenerGroup(name, command string, change func(*config.Listener), types ...eventlistener.Type) *config.Group {
	g := program(name, command)
	g.Kind = config.ListenerGroup
	g.Priority = -1
	g.Listener = &config.Listener{BufferSize: 10, Events: types, MaxInFlight: 1}
	if change != nil {
		change(g.Listener)
	}
	return g
}

// A pool that is that does not receive the events about its own losses must not make more of them.
func TestLossesAreAnnouncedTogetherAndComeToAnEnd(t *testing.T) {
	g := listenerGroup("deaf", "sleep 1000", func(l *config.Listener) { l.BufferSize = 2 }, eventlistener.RemoteCommunication, eventlistener.HarkEvent)
	r := run(t, g)
	const n = 50
	for range n {
		if err := r.SendRemoteComm(context.Background(), "kind", "data"); err != nil {
			t.Fatal(err)
		}
	}
	discarded := func() uint64 {
		all, err := r.Subscribers(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Counters.Discarded
	}
	// All but what fits is lost; then each announcement pushes out one more event,
	// until the buffer has nothing but announcements.
	r.until("all losses were announced", func() bool {
		told := 0
		for _, p := range r.events.payloads(eventlistener.EventsDiscarded) {
			_, count, _ := strings.Cut(p, "discarded:")
			told += atoi(t, count)
		}
		return told >= n && discarded() >= n
	})
	if told := len(r.events.payloads(eventlistener.EventsDiscarded)); told > n/2 {
		t.Errorf("%d announcements", told)
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	for _, c := range s {
		if c < '0' || c > '9' {
			t.Fatalf("%q is no number", s)
		}
		n = 10*n + int(c-'0')
	}
	return n
}

func TestListenersAreToldWhatTheyMayUse(t *testing.T) {
	l := listenerGroup("l", "sh -c 'echo $SUPERVISOR_EVENT_PROTOCOL >&2; cat'", func(l *config.Listener) {
		l.MaxInFlight, l.Payload = 7, eventlistener.ExtendedForm
	}, eventlistener.Tick3600)
	l.Processes[0].Stderr.EventsEnabled = true
	p := program("p", "sh -c 'echo \"<$SUPERVISOR_EVENT_PROTOCOL>\"; cat'", func(p *config.Process) { p.Stdout.EventsEnabled = true })
	r := run(t, l, p)
	r.until("both spoke", func() bool {
		return len(r.events.payloads(eventlistener.ProcessLogStderr)) > 0 && len(r.events.payloads(eventlistener.ProcessLogStdout)) > 0
	})
	if got := r.events.payloads(eventlistener.ProcessLogStderr)[0]; !strings.HasSuffix(got, "\n3.0 bytes max_in_flight=7 payload=extended\n") {
		t.Errorf("a listener is told %q", got)
	}
	if got := r.events.payloads(eventlistener.ProcessLogStdout)[0]; !strings.HasSuffix(got, "\n<>\n") {
		t.Errorf("a program is told %q", got)
	}
}

func TestOnlyTheEventOfAnEndTellsHowItEnded(t *testing.T) {
	r := run(t, program("p", "sh -c 'exit 3'"))
	r.untilState("p", process.Exited)
	if err := r.StartProcess(context.Background(), "p", "p", false); err != nil {
		t.Fatal(err)
	}
	r.until("it ended again", func() bool {
		return slices.Equal(r.events.names("p")[3:], []string{"PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING", "PROCESS_STATE_EXITED"})
	})
	r.events.mu.Lock()
	defer r.events.mu.Unlock()
	for _, e := range r.events.events {
		change, ok := e.StateChange()
		if !ok {
			continue
		}
		if ended := e.Type() == eventlistener.ProcessStateExited; change.Exit.Ended != ended || ended && change.Exit.Status != 3 {
			t.Errorf("%s tells %+v", e.Type(), change.Exit)
		}
	}
}

// What is written to a listener's stdin stands between its events: it takes that for a header.
func TestStdinOfAListenerIsTheProtocolsUnlessItsSectionSaysOtherwise(t *testing.T) {
	send := func(r *running) error { return r.SendStdin(context.Background(), "l", "l", []byte("hello\n")) }
	group := func(change func(*config.Listener)) *config.Group {
		g := listenerGroup("l", "sh -c 'echo up >&2; read line; echo got $line >&2; exec cat >&2'", change, eventlistener.Tick3600)
		g.Processes[0].Stderr.EventsEnabled = true
		return g
	}
	said := func(r *running, text string) {
		r.until("the listener said "+text, func() bool {
			return slices.ContainsFunc(r.events.payloads(eventlistener.ProcessLogStderr), func(p string) bool { return strings.HasSuffix(p, "\n"+text+"\n") })
		})
	}
	t.Run("unless", func(t *testing.T) {
		r := run(t, group(nil))
		said(r, "up")
		err := send(r)
		if kindOf(err) != Failed || !strings.Contains(err.Error(), "stdin=true in [eventlistener:l]") {
			t.Errorf("writing to a listener: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		if err := r.StopProcess(ctx, "l", "l", true); err != nil {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%v; it is %v; the log:\n%s\n%s", err, r.state("l"), strings.Join(r.lines, "\n"), stacks[:runtime.Stack(stacks, true)])
		}
		if err := send(r); kindOf(err) != NotRunning {
			t.Errorf("writing to a stopped listener: %v", err)
		}
	})
	t.Run("stdin=true", func(t *testing.T) {
		r := run(t, group(func(l *config.Listener) { l.Stdin = true }))
		said(r, "up")
		if err := send(r); err != nil {
			t.Fatal(err)
		}
		said(r, "got hello")
	})
}
