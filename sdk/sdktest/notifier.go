package sdktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// NotifierOptions are the options of TestNotifier.
type NotifierOptions struct {
	Options
	// Notification is what is delivered; nil: Sample(1).
	Notification *sdk.Notification
	// Delivered checks, if it is not nil, that n notifications have arrived at the service since the last time it was called.
	Delivered func(t *testing.T, n int)
}

// TestNotifier tests a plugin of kind notifier. The service that Options.Values names must accept what it receives.
func TestNotifier(t *testing.T, p sdk.Plugin, o NotifierOptions) {
	t.Helper()
	if o.Notification == nil {
		o.Notification = Sample(1)
	}
	delivered := func(t *testing.T, n int) {
		if o.Delivered != nil {
			o.Delivered(t, n)
		}
	}
	run(t, p, wire.Notifier, o.Options, func(t *testing.T, s *session) {
		delivered(t, 0)
		s.part(t, "it delivers", func(t *testing.T) {
			s.mustConfigure(t, "ops")
			s.notify(t, "ops", o.Notification)
			delivered(t, 1)
		})
		s.part(t, "instances work at the same time", func(t *testing.T) {
			n := o.instances()
			done := make(chan error, n)
			for i := range n {
				name := fmt.Sprint("ops", i)
				s.mustConfigure(t, name)
				go func() { done <- s.Notifier(name).Notify(testkit.Soon(t), o.Notification) }()
			}
			for range n {
				if err := <-done; err != nil {
					s.note(err)
					t.Error(err)
				}
			}
			delivered(t, n)
		})
		s.part(t, "it delivers what is strange", func(t *testing.T) {
			s.mustConfigure(t, "ops")
			many := Sample(200)
			many.Body, many.Suppressed, many.Attempt = "<b>&amp;\x01\t\u202e\"'`$(x) {{.}} %s</b>\n", 1<<40, 1000
			empty := Sample(1)
			empty.Title, empty.Body, empty.Events[0] = "", "", sdk.Event{Type: "TICK_5", Time: time.Unix(0, 0)}
			for _, n := range []*sdk.Notification{many, empty} {
				err := s.Notifier("ops").Notify(testkit.Soon(t), n)
				s.note(err)
				if err != nil && !sdk.IsFinal(err) { // a no is an answer; trying again is none
					t.Errorf("%q: %v", n.Title, err)
				}
			}
			s.well(t, "ops")
			if o.Delivered != nil {
				o.Delivered(t, 2)
			}
		})
		if o.Hang != nil {
			s.part(t, "it keeps its deadline", s.keepsDeadline)
			s.part(t, "an instance that hangs holds up no other", func(t *testing.T) {
				s.holdsUpNobody(t, o.Notification)
				delivered(t, 3)
			})
		}
	})
}

func (s *session) notify(t *testing.T, name string, n *sdk.Notification) {
	t.Helper()
	if err := s.Notifier(name).Notify(testkit.Soon(t), n); err != nil {
		s.note(err)
		t.Errorf("it does not deliver: %v", err)
	}
}

// keepsDeadline calls an instance whose service never answers. If the call continued past its deadline, the next one would
// have to wait for it.
func (s *session) keepsDeadline(t *testing.T) {
	if _, err := s.configure(t, "hangs", s.options.Hang); err != nil {
		t.Fatalf("the section of Options.Hang is refused: %v", err)
	}
	t.Cleanup(func() { s.note(s.Remove(testkit.Soon(t), s.kind, "hangs")) })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := s.Notifier("hangs").Notify(ctx, Sample(1))
	s.note(err)
	if err == nil || sdk.IsFinal(err) {
		t.Errorf("a call that nobody answers ends with %v", err)
	}
	// Remove waits for calls: it ends when the one above has.
	err = s.Remove(testkit.Soon(t), s.kind, "hangs")
	s.note(err)
	if err != nil && (errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "still under way")) {
		t.Errorf("the call goes on behind its deadline: %v", err)
	}
}

// holdsUpNobody delivers while another instance waits for a service that never answers.
func (s *session) holdsUpNobody(t *testing.T, n *sdk.Notification) {
	if _, err := s.configure(t, "waits", s.options.Hang); err != nil {
		t.Fatalf("the section of Options.Hang is refused: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	waits := make(chan error, 1)
	go func() { waits <- s.Notifier("waits").Notify(ctx, n) }()
	defer func() {
		cancel()
		s.note(<-waits)
		s.note(s.Remove(testkit.Soon(t), s.kind, "waits"))
	}()
	for i := range 3 {
		name := fmt.Sprint("goes on", i)
		s.mustConfigure(t, name)
		s.notify(t, name, n)
	}
}

// Sample returns a notification of n events: a program that exited unexpectedly.
func Sample(n int) *sdk.Notification {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &sdk.Notification{
		ID: "sample-1", Severity: sdk.Error, Title: "web:web_00 exited unexpectedly", Body: "web:web_00 (pid 4711) exited with status 3 after 1m30s.",
		Attempt: 1, Daemon: daemon(),
	}
	for i := range n {
		s.Events = append(s.Events, sdk.Event{
			Seq: uint64(i + 1), Type: "PROCESS_STATE_EXITED", Time: at.Add(time.Duration(i) * time.Second), Group: "web",
			Process: fmt.Sprintf("web_%02d", i), Pid: 4711 + i, From: "RUNNING", Exit: &sdk.Exit{Status: 3, Uptime: 90 * time.Second},
			Payload: fmt.Appendf(nil, "processname:web_%02d groupname:web from_state:RUNNING expected:0 pid:%d", i, 4711+i),
			JSON:    fmt.Appendf(nil, `{"eventname":"PROCESS_STATE_EXITED","processname":"web_%02d","groupname":"web","pid":%d}`, i, 4711+i),
		})
	}
	return s
}
