package outlets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon is the core with a bus of its own, and the plugins with receivers that answer as the test wants. What happened is in notes.
type daemon struct {
	mu       sync.Mutex
	bus      *eventlistener.Bus
	sinks    []*logsink.Sink
	attached []*notify.Notifier
	notes    []string
	written  []string      // what log sinks were given
	hold     chan struct{} // not nil: deliveries wait until it is closed
	waiting  int           // deliveries that do
	refuse   error
}

func (d *daemon) note(text string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf(text, args...))
}

func (d *daemon) noted(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.notes, text)
}

// Attach implements Core.
func (d *daemon) Attach(_ context.Context, n *notify.Notifier) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.attached, n) {
		d.attached = append(d.attached, n)
	} else {
		d.bus.Unsubscribe(n)
	}
	d.bus.Subscribe(n, n.Options().Events)
	return nil
}

// Detach implements Core.
func (d *daemon) Detach(_ context.Context, n *notify.Notifier) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attached = slices.DeleteFunc(d.attached, func(have *notify.Notifier) bool { return have == n })
	d.bus.Unsubscribe(n)
	return nil
}

// SetSinks implements Core.
func (d *daemon) SetSinks(sinks []*logsink.Sink) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sinks = sinks
}

// EventsLost implements Core.
func (d *daemon) EventsLost(notifier string, n int64) { d.note("%s lost %d", notifier, n) }

// SinkLost implements Core.
func (d *daemon) SinkLost(sink, group, process, channel string, _ int, bytes int64) {
	d.note("%s lost %d of %s:%s %s", sink, bytes, group, process, channel)
}

// DeadLetter implements Core.
func (d *daemon) DeadLetter(notifier string, _ []byte) { d.note("%s has a dead letter", notifier) }

func (d *daemon) wait(ctx context.Context) error {
	d.mu.Lock()
	hold, refuse := d.hold, d.refuse
	if hold != nil {
		d.waiting++
	}
	d.mu.Unlock()
	if hold == nil {
		return refuse
	}
	select {
	case <-hold:
		return refuse
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Notify implements Instances.
func (d *daemon) Notify(ctx context.Context, notifier string, n *sdk.Notification) error {
	if err := d.wait(ctx); err != nil {
		return err
	}
	d.note("%s of %s tells %s", notifier, n.Daemon.Identifier, n.Title)
	return nil
}

// OpenLogStream implements Instances.
func (d *daemon) OpenLogStream(ctx context.Context, sink string) (delivery.LogStream, error) {
	return &stream{d, ctx, sink, make(chan uint64, 100)}, nil
}

// stream writes what it is sent.
type stream struct {
	d    *daemon
	ctx  context.Context
	sink string
	sent chan uint64
}

func (s *stream) Send(b *sdk.LogBatch) error {
	if err := s.d.wait(s.ctx); err != nil {
		return err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	for _, r := range b.Records {
		s.d.written = append(s.d.written, s.sink+" "+string(r.Data))
	}
	s.sent <- b.Seq
	return nil
}

func (s *stream) Recv() (pluginrpc.LogAck, error) {
	select {
	case seq := <-s.sent:
		return pluginrpc.LogAck{Seq: seq}, nil
	case <-s.ctx.Done():
		return pluginrpc.LogAck{}, s.ctx.Err()
	}
}

func (d *daemon) publish(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bus.Publish(eventlistener.NewProcessState(eventlistener.ProcessStateFatal, eventlistener.Process{Name: name, Group: name}, "BACKOFF", 0, false, eventlistener.Exit{}))
}

// set makes outlets over a daemon, which are closed when the test ends.
func set(t *testing.T) (*Set, *daemon) {
	t.Helper()
	d := &daemon{bus: eventlistener.NewBus()}
	o := New(d, d, sdk.Daemon{Identifier: "here"}, &notify.Silences{}, hclog.NewNullLogger())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		o.Close(ctx)
	})
	return o, d
}

func notifier(name, title string) notify.Options {
	return notify.Options{Name: name, Events: []eventlistener.Type{eventlistener.ProcessState}, BufferSize: 10, Title: title}
}

var leave = Leave{Flush: testkit.Patience, Hold: testkit.Patience}

// TestNotifiersComeAndGo: events go to those there are now, with the settings of now; nothing that waits is lost by a change.
func TestNotifiersComeAndGo(t *testing.T) {
	o, d := set(t)
	ctx := testkit.Soon(t)
	if err := o.SetNotifier(ctx, notifier("ops", "first"), leave); err != nil {
		t.Fatal(err)
	}
	d.publish("a")
	testkit.Until(t, "the first is told", func() bool { return d.noted("ops of here tells first") })

	d.mu.Lock()
	d.hold = make(chan struct{})
	d.mu.Unlock()
	d.publish("b") // its delivery is under way
	if err := o.SetNotifier(ctx, notifier("ops", "{{"), leave); err == nil {
		t.Error("a template that cannot be parsed was taken")
	}
	o.SetDaemon(sdk.Daemon{Identifier: "there"})
	if err := o.SetNotifier(ctx, notifier("ops", "second"), leave); err != nil {
		t.Fatal(err)
	}
	if len(d.attached) != 1 {
		t.Errorf("%d notifiers are attached", len(d.attached))
	}
	d.publish("c")
	close(d.hold)
	testkit.Until(t, "the second is told", func() bool { return d.noted("ops of there tells second") })

	ended := make(chan struct{})
	if err := o.RemoveNotifier(ctx, "ops", Leave{Flush: testkit.Patience, Gone: func() { close(ended) }}); err != nil {
		t.Fatal(err)
	}
	if len(d.attached) != 0 {
		t.Error("it is still attached")
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.Fatal("Gone was not called")
	}
}

// TestNamesThatNothingHas: the answer is ErrNoOutlet, of everything that takes a name.
func TestNamesThatNothingHas(t *testing.T) {
	o, _ := set(t)
	ctx := testkit.Soon(t)
	if err := o.SetNotifier(ctx, notifier("ops", ""), leave); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"remove a notifier":                      func() error { return o.RemoveNotifier(ctx, "none", leave) },
		"remove a sink":                          func() error { return o.RemoveLogSink(ctx, "none", leave) },
		"remove a sink of a notifier's name":     func() error { return o.RemoveLogSink(ctx, "ops", leave) },
		"test":                                   func() error { _, err := o.TestNotifier(ctx, "none"); return err },
		"test what is there":                     func() error { _, err := o.TestNotifier(ctx, "ops"); return errors.Join(err, ErrNoOutlet) },
		"try again, which nothing has to answer": func() error { o.Retry(wire.LogSink, "none"); o.Retry(wire.Notifier, "none"); return ErrNoOutlet },
	} {
		if err := call(); !errors.Is(err, ErrNoOutlet) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestASinkThatIsReplaced sends what it has taken before the new one sends anything, and the core's output goes to the new one.
func TestASinkThatIsReplaced(t *testing.T) {
	o, d := set(t)
	ctx := testkit.Soon(t)
	write := func(text string) {
		t.Helper()
		d.mu.Lock()
		sinks := d.sinks
		d.mu.Unlock()
		if len(sinks) != 1 {
			t.Fatalf("the core has %d sinks", len(sinks))
		}
		sinks[0].Source("web", "w0", "stdout", func() {})(1, time.Now(), []byte(text))
	}
	if err := o.SetLogSink(ctx, logsink.Options{Name: "central", Stdout: true}, leave); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.hold = make(chan struct{})
	hold := d.hold
	d.mu.Unlock()
	write("one")
	testkit.Until(t, "the first is under way", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.waiting == 1
	})
	d.mu.Lock()
	d.hold = nil // the next one could send at once
	d.mu.Unlock()
	if err := o.SetLogSink(ctx, logsink.Options{Name: "central", Stdout: true, MaxInFlight: 1}, leave); err != nil {
		t.Fatal(err)
	}
	write("two")
	for range 150 {
		testkit.Pause()
	}
	close(hold)
	want := []string{"central one", "central two"}
	written := func() []string {
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.Clone(d.written)
	}
	testkit.Until(t, "both are written", func() bool { return len(written()) >= 2 })
	if got := written(); !slices.Equal(got, want) {
		t.Errorf("written is %q instead of %q", got, want)
	}
	if all := o.LogSinks(); len(all) != 1 || all[0].Options().MaxInFlight != 1 {
		t.Errorf("there are %d sinks", len(all))
	}
	if err := o.RemoveLogSink(ctx, "central", leave); err != nil || len(d.sinks) != 0 {
		t.Errorf("%v, and the core has %d sinks", err, len(d.sinks))
	}
}

// TestASpoolMovesToWhoeverNeedsItNext: a notifier that was removed and still delivers is cut off once another of its name has waited for
// Hold; what it has not delivered is the next one's.
func TestASpoolMovesToWhoeverNeedsItNext(t *testing.T) {
	dir := t.TempDir() // is removed after the outlets have ended
	o, d := set(t)
	ctx := testkit.Soon(t)
	spooled := notifier("ops", "{{.Worst.Process}}")
	spooled.Spool = &delivery.Spool{Dir: dir, MaxBytes: 1 << 20}
	d.mu.Lock()
	d.hold = make(chan struct{})
	hold := d.hold
	d.mu.Unlock()
	if err := o.SetNotifier(ctx, spooled, leave); err != nil {
		t.Fatal(err)
	}
	d.publish("a")
	testkit.Until(t, "its spool is there", func() bool { _, err := os.Stat(spooled.Place()); return err == nil })
	if err := o.RemoveNotifier(ctx, "ops", leave); err != nil {
		t.Fatal(err)
	}
	if err := o.SetNotifier(ctx, spooled, Leave{Flush: testkit.Patience, Hold: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	close(hold)
	testkit.Until(t, "what waited is delivered", func() bool { return d.noted("ops of here tells a") })
}

// TestAfterTheEndNothingChanges, and Close has delivered what waited.
func TestAfterTheEndNothingChanges(t *testing.T) {
	o, d := set(t)
	ctx := testkit.Soon(t)
	if err := o.SetNotifier(ctx, notifier("ops", "x"), leave); err != nil {
		t.Fatal(err)
	}
	d.publish("a")
	o.Close(ctx)
	if !d.noted("ops of here tells x") {
		t.Errorf("there are %q", d.notes)
	}
	if err := o.SetNotifier(ctx, notifier("more", ""), leave); !errors.Is(err, errClosed) {
		t.Errorf("a notifier: %v", err)
	}
	if err := o.SetLogSink(ctx, logsink.Options{Name: "more"}, leave); !errors.Is(err, errClosed) {
		t.Errorf("a sink: %v", err)
	}
	if len(o.LogSinks()) > 0 {
		t.Error("there are sinks")
	}
}

// TestOneChangeAtATime: a change waits for the one before, and gives up with its context.
func TestOneChangeAtATime(t *testing.T) {
	o, _ := set(t)
	done, err := o.alone(testkit.Soon(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, change := range map[string]func() error{
		"add a notifier":    func() error { return o.SetNotifier(ctx, notifier("a", ""), leave) },
		"remove a notifier": func() error { return o.RemoveNotifier(ctx, "a", leave) },
		"add a sink":        func() error { return o.SetLogSink(ctx, logsink.Options{Name: "a"}, leave) },
		"remove a sink":     func() error { return o.RemoveLogSink(ctx, "a", leave) },
	} {
		if err := change(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	done()
	if err := o.SetNotifier(testkit.Soon(t), notifier("a", ""), leave); err != nil {
		t.Error(err)
	}
}
