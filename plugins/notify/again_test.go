package notify

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// buried are the events of the only dead letter.
func (r *receiver) buried(t *testing.T) (events []*eventlistener.Event) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var letter deadNotification
	if err := json.Unmarshal(r.dead.Bytes(), &letter); err != nil {
		t.Fatalf("%v: %s", err, &r.dead)
	}
	r.dead.Reset()
	for _, js := range letter.Events {
		e, err := eventlistener.OfJSON(js, -1)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func TestNotifierTakesWhatItGaveUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.failing(sdk.Final(errors.New("no such channel")))
		n, bus := newNotifier(t, r, Options{GroupWait: time.Second, Dedupe: time.Hour, BufferSize: 3})
		publish(bus, exited, "a", "b")
		time.Sleep(time.Minute)
		synctest.Wait()
		events := r.buried(t)
		r.failing(nil)

		id, err := n.around.Silences.Add(time.Now(), Silence{Programs: []string{"b"}, Until: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Again(events); !errors.Is(err, ErrSilenced) {
			t.Errorf("under a silence: %v", err)
		}
		if s := n.around.Silences.List(time.Now()); s[0].Matched != 0 {
			t.Errorf("the silence counts %d", s[0].Matched)
		}
		_ = n.around.Silences.Remove(time.Now(), id)
		publish(bus, exited, "c", "d")
		if err := n.Again(events); !errors.Is(err, eventlistener.ErrNoRoom) {
			t.Errorf("without room: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := n.Again(events); err != nil { // dedupe knows them, which keeps nothing back
			t.Fatal(err)
		}
		if err := n.Settle(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(r.processes(), " "); got != "c d a b" {
			t.Errorf("told of %s", got)
		}
		if c := n.Status().Counters; c.Accepted != 6 || c.Delivered != 4 || c.DeadLetters != 2 || c.Discarded != 0 {
			t.Errorf("%+v", c)
		}
		closeNotifier(t, n)
		if err := n.Again(events); err == nil {
			t.Error("a notifier that has ended takes events")
		}
	})
}

func TestNotifierWithASpoolTakesWhatItGaveUpAgain(t *testing.T) {
	r := &receiver{}
	r.failing(sdk.Final(errors.New("no such channel")))
	n, bus := newNotifier(t, r, Options{BufferSize: 3, Spool: &delivery.Spool{Dir: t.TempDir(), MaxBytes: 4096}})
	publish(bus, fatal, "a")
	testkit.Until(t, "the dead letter", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.dead.Len() > 0 })
	events := r.buried(t)
	r.failing(nil)
	if err := n.Again(events); err != nil {
		t.Fatal(err)
	}
	if err := n.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	testkit.Until(t, "the delivery", func() bool { return len(r.processes()) == 1 })
	r.failing(errors.New("down"))
	taken := 0
	for ; taken < 1000; taken++ {
		if err := n.Again(events); err != nil {
			if !errors.Is(err, spool.ErrNoRoom) {
				t.Error(err)
			}
			break
		}
	}
	if s := n.Status(); taken == 0 || taken == 1000 || s.Counters.Discarded != 0 || s.Queued+s.InFlight != taken {
		t.Errorf("%d taken, %+v", taken, s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.Close(ctx); err != nil {
		t.Error(err)
	}
}
