package plugins

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/sdk"
)

// panics is a function that panics the first n times that it is called.
func panics(n int32) func() {
	var calls atomic.Int32
	return func() {
		if calls.Add(1) <= n {
			panic("made by the test")
		}
	}
}

// A panic in what keeps a plugin ends neither the daemon nor the other plugins: it counts as a failure of the plugin, which is started again.
func TestAPanicOfThePluginsHostIsTheEndOfOnePart(t *testing.T) {
	for name, inject := range map[string]func(h *hosted, boom func()){
		"when it is looked for": func(h *hosted, boom func()) {
			resolve := h.o.Resolve
			h.o.Resolve = func(s Settings) (*Executable, error) { boom(); return resolve(s) }
		},
		"when it is launched": func(h *hosted, boom func()) { h.o.Launcher = explosive{boom} },
		"when its state is told": func(h *hosted, boom func()) {
			h.o.Changed = func(StateChange) { boom() }
		},
		"when its secret is read": func(h *hosted, boom func()) {
			h.o.ReadSecret = func(string) (string, error) { boom(); return "s", nil }
		},
		"when it is configured":     func(h *hosted, boom func()) { h.o.Configured = func(sdk.KindName, string) { boom() } },
		"when namespaces are told":  func(h *hosted, boom func()) { h.o.Namespaces = boom },
		"when its socket is opened": func(h *hosted, boom func()) { h.o.RunDir = explosiveDir(h.o.RunDir, boom) },
	} {
		t.Run(name, func(t *testing.T) {
			timing := brisk()
			timing.Reconfigure = 50 * time.Millisecond
			h := newHosted(t, timing, "none")
			h.o.ReadSecret = func(string) (string, error) { return "s", nil }
			inject(h, panics(1))
			h.SetPlugin(Settings{Name: "faulty", Permissions: ReadCalls})
			h.SetInstance(namespace("a", Key{Name: "token_file", Value: "x"}))
			until(t, "the panic is counted", func() bool { return h.status().Defects == 1 })
			h.works("a")
			log := h.logged()
			if strings.Count(log, "internal error in ") < 1 || strings.Count(log, "made by the test; please report this") != 1 || !strings.Contains(log, "part_test.go") {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}

type explosive struct{ boom func() }

func (e explosive) Launch(ctx context.Context, p *Program) (Process, error) {
	e.boom()
	return execLauncher{}.Launch(ctx, p)
}

func explosiveDir(dir func() (string, error), boom func()) func() (string, error) {
	return func() (string, error) { boom(); return dir() }
}

// Panics without end are failures without end: the plugin is FATAL then, and the stack is in the log once.
func TestAPluginWhoseHostPanicsWithoutEndIsFatal(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.o.Resolve = func(Settings) (*Executable, error) { panic("made by the test") }
	h.SetInstance(namespace("a"))
	h.waitState(Fatal)
	if got := h.status(); got.Defects != maxFailures || got.Failures != maxFailures || !strings.HasPrefix(got.Trouble, "internal error in ") {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(h.logged(), "[running]:"); n != 1 {
		t.Errorf("%d stacks:\n%s", n, h.logged())
	}
}

// A call of a plugin that panics is answered with an error.
func TestAPanicInACallBackIsItsError(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	boom := panics(1)
	h.o.Call = func(context.Context, bool, string, []any) (any, error) { boom(); return "answer", nil }
	h.SetPlugin(Settings{Name: "faulty", Permissions: ReadCalls})
	h.SetInstance(namespace("a"))
	h.works("a")
	if _, err := h.call("a", "call", 0, "supervisor.getState"); err == nil || !strings.Contains(err.Error(), "internal error") {
		t.Errorf("it answers %v", err)
	}
	if got, err := h.call("a", "call", 0, "supervisor.getState"); err != nil || got != "answer" {
		t.Errorf("the next one answers %v, %v", got, err)
	}
	if got := h.status(); got.Defects != 1 || got.Failures != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAPanicOfANotifierIsTheEndOfADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		boom := panics(2)
		r.fail = func(n *sdk.Notification) error {
			switch n.Events[0].Process {
			case "twice":
				boom()
			case "always":
				panic("made by the test")
			}
			return nil
		}
		n, bus := newNotifier(t, r, NotifierOptions{GroupMax: 1})
		publish(bus, fatal, "twice")
		time.Sleep(time.Hour)
		publish(bus, fatal, "always") // is given up
		time.Sleep(time.Hour)
		publish(bus, fatal, "well")
		time.Sleep(time.Hour)
		if got := r.processes(); !slices.Equal(got, []string{"twice", "well"}) {
			t.Errorf("delivered: %v", got)
		}
		if s := n.Status(); s.Defects != 5 || s.Counters.DeadLetters != 1 || s.Queued+s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
		closeNotifier(t, n)
	})
}

// panicky is a stream that panics at times.
type panicky struct {
	LogStream
	send, receive func()
}

func (s panicky) Send(b *sdk.LogBatch) error    { s.send(); return s.LogStream.Send(b) }
func (s panicky) Recv() (a sdk.LogAck, _ error) { s.receive(); return s.LogStream.Recv() }

func TestAPanicOfALogSinkLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		around := p.surroundings()
		open, send, receive := panics(1), panics(1), panics(1)
		around.Open = func(ctx context.Context) (LogStream, error) {
			open()
			s, err := p.open(ctx)
			return panicky{s, send, receive}, err
		}
		k, err := NewLogSink(LogSinkOptions{Name: "central", Stdout: true}, around)
		if err != nil {
			t.Fatal(err)
		}
		say := k.Source("web", "a", "stdout", nil)
		for _, text := range []string{"one ", "two ", "three "} {
			say(7, time.Now(), []byte(text))
			time.Sleep(time.Hour)
		}
		if got := p.text("a"); got != "one two three " {
			t.Errorf("it got %q", got)
		}
		if s := k.Status(); s.Defects != 3 || s.Dropped != 0 || s.Queued != 0 {
			t.Errorf("%+v", s)
		}
		closeSink(t, k)
	})
}

// A panic while losses are reported does not end the watch, and a panic while a program is let go does not end the spool.
func TestAPanicOfTheGoroutinesBesideASink(t *testing.T) {
	p := &sinkPlugin{}
	around := p.surroundings()
	lost := around.Lost
	boom := panics(1)
	around.Lost = func(group, process, channel string, pid int, n int64) { boom(); lost(group, process, channel, pid, n) }
	p.refuse = true
	k, err := NewLogSink(LogSinkOptions{Name: "central", Stdout: true, BufferBytes: 1 << 20}, around)
	if err != nil {
		t.Fatal(err)
	}
	say := k.Source("web", "a", "stdout", nil)
	chunk := make([]byte, 64<<10)
	for range 32 {
		say(7, time.Now(), chunk)
	}
	await(t, "the panic is counted", func() bool { return k.Status().Defects == 1 })
	if err := cutSink(k); err == nil {
		t.Error("the end loses nothing")
	}

	p = &sinkPlugin{}
	spooled := newSink(t, p, LogSinkOptions{Overflow: SpoolOverflow, BufferBytes: 1 << 20, Spool: SpoolOptions{Dir: t.TempDir(), MaxBytes: 1 << 30}})
	boom = panics(1)
	resumed := make(chan struct{}, 1)
	say = spooled.Source("web", "a", "stdout", func() { resumed <- struct{}{}; boom() })
	for range 64 {
		if say(7, time.Now(), chunk) {
			<-resumed
		}
	}
	await(t, "all is written, or counted", func() bool { s := spooled.Status(); return s.Written+s.Dropped >= s.Accepted && s.Defects == 1 })
	closeSink(t, spooled)
}

func TestWhatPanicsWithoutEndIsGivenUpAtItsEnd(t *testing.T) {
	p := newPart(hclog.NewNullLogger())
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	p.keep(ctx, "a task", func() {
		if calls++; calls == 3 {
			cancel()
		}
		panic(errors.New("made by the test"))
	}, func(error) {})
	if calls != 3 || p.defects() != 3 {
		t.Errorf("%d calls, %d panics", calls, p.defects())
	}
}
