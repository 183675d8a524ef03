package logsink

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// panicky is a stream that panics at times.
type panicky struct {
	delivery.LogStream
	send, receive func()
}

func (s panicky) Send(b *sdk.LogBatch) error          { s.send(); return s.LogStream.Send(b) }
func (s panicky) Recv() (a pluginrpc.LogAck, _ error) { s.receive(); return s.LogStream.Recv() }

func TestAPanicOfALogSinkLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		around := p.surroundings()
		open, send, receive := testkit.Panics(1), testkit.Panics(1), testkit.Panics(1)
		around.Open = func(ctx context.Context) (delivery.LogStream, error) {
			open()
			s, err := p.open(ctx)
			return panicky{s, send, receive}, err
		}
		k, err := New(Options{Name: "central", Stdout: true}, around)
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
	boom := testkit.Panics(1)
	around.Lost = func(group, process, channel string, pid int, n int64) { boom(); lost(group, process, channel, pid, n) }
	p.refuse = true
	k, err := New(Options{Name: "central", Stdout: true, BufferBytes: 1 << 20}, around)
	if err != nil {
		t.Fatal(err)
	}
	say := k.Source("web", "a", "stdout", nil)
	chunk := make([]byte, 64<<10)
	for range 32 {
		say(7, time.Now(), chunk)
	}
	testkit.Until(t, "the panic is counted", func() bool { return k.Status().Defects == 1 })
	if err := cutSink(k); err == nil {
		t.Error("the end loses nothing")
	}

	p = &sinkPlugin{}
	spooled := newSink(t, p, Options{Overflow: SpoolOverflow, BufferBytes: 1 << 20, Spool: delivery.Spool{Dir: t.TempDir(), MaxBytes: 1 << 30}})
	boom = testkit.Panics(1)
	resumed := make(chan struct{}, 1)
	say = spooled.Source("web", "a", "stdout", func() { resumed <- struct{}{}; boom() })
	for range 64 {
		if say(7, time.Now(), chunk) {
			<-resumed
		}
	}
	testkit.Until(t, "all is written, or counted", func() bool { s := spooled.Status(); return s.Written+s.Dropped >= s.Accepted && s.Defects == 1 })
	closeSink(t, spooled)
}
