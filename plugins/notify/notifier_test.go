package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// receiver is a plugin as a notifier sees it.
type receiver struct {
	mu    sync.Mutex
	fail  func(n *sdk.Notification) error
	hang  bool
	got   []*sdk.Notification // delivered
	tries int
	lost  int64
	dead  bytes.Buffer
	log   bytes.Buffer
}

func (r *receiver) Notify(ctx context.Context, n *sdk.Notification) error {
	r.mu.Lock()
	r.tries++
	hang, fail := r.hang, r.fail
	r.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if fail != nil {
		if err := fail(n); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, n)
	return nil
}

func (r *receiver) failing(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = func(*sdk.Notification) error { return err }
}

// processes are those notified so far.
func (r *receiver) processes() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.got {
		for _, e := range n.Events {
			names = append(names, e.Process)
		}
	}
	return names
}

func (r *receiver) surroundings() Surroundings {
	return Surroundings{
		Notify: r.Notify, Daemon: func() sdk.Daemon { return sdk.Daemon{Identifier: "supervisor", Hostname: "here"} }, Silences: &Silences{},
		Lost: func(n int64) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lost += n
		},
		DeadLetter: func(line []byte) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dead.Write(line)
		},
		Log: hclog.New(&hclog.LoggerOptions{Output: &r.log, Mutex: &r.mu}),
	}
}

func newNotifier(t *testing.T, r *receiver, o Options) (*Notifier, *eventlistener.Bus) {
	t.Helper()
	if o.Name == "" {
		o.Name = "ops"
	}
	if o.BufferSize == 0 {
		o.BufferSize = 1000
	}
	n, err := New(o, r.surroundings())
	if err != nil {
		t.Fatal(err)
	}
	bus := eventlistener.NewBus()
	bus.Subscribe(n, []eventlistener.Type{eventlistener.AnyEvent})
	return n, bus
}

func publish(bus *eventlistener.Bus, kind eventlistener.Type, names ...string) {
	for _, name := range names {
		bus.Publish(eventlistener.NewProcessState(kind, eventlistener.Process{Name: name, Group: name, Pid: 7}, "RUNNING", 0, false,
			eventlistener.Exit{Ended: true, Status: 3, Uptime: 90 * time.Second}))
	}
}

func closeNotifier(t *testing.T, n *Notifier) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestNotifierLosesNothingInAnOutageOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.failing(errors.New("503"))
		n, bus := newNotifier(t, r, Options{})
		var want []string
		for i := range 60 {
			name := fmt.Sprint("p", i)
			publish(bus, fatal, name)
			want = append(want, name)
			time.Sleep(time.Minute)
		}
		r.failing(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := r.processes(); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("sent: %v", got)
		}
		if len(r.got) > 10 {
			t.Errorf("%d notifications after the outage", len(r.got))
		}
		if s := n.Status(); s.Counters.Delivered != 60 || s.Queued+s.InFlight != 0 || s.LastError != "" {
			t.Errorf("status: %+v", s)
		}
		closeNotifier(t, n)
	})
}

func TestNotifierTellsOneStoryAtEveryTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		ids := map[string]bool{}
		r.fail = func(n *sdk.Notification) error {
			ids[n.ID] = true
			if n.Attempt < 3 {
				return errors.New("not yet")
			}
			return nil
		}
		n, bus := newNotifier(t, r, Options{})
		publish(bus, exited, "web")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(r.got) != 1 || len(ids) != 1 || r.tries != 3 {
			t.Fatalf("%d delivered in %d tries under the ids %v", len(r.got), r.tries, ids)
		}
		got := r.got[0]
		if got.Title != "[ERROR] here: web exited unexpectedly with status 3 after 1m30s" || got.Severity != sdk.Error || got.Attempt != 3 {
			t.Errorf("%+v", got)
		}
		if e := got.Events[0]; e.Seq != 1 || e.Exit == nil || e.Exit.Status != 3 || !json.Valid(e.JSON) || !bytes.Contains(e.Payload, []byte("processname:web")) {
			t.Errorf("the event: %+v", e)
		}
		closeNotifier(t, n)
	})
}

func TestNotifierThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, well := &receiver{hang: true}, &receiver{}
		a, bus := newNotifier(t, hung, Options{Name: "a", BufferSize: 10, Timeout: time.Hour})
		b, err := New(Options{Name: "b", BufferSize: 1000}, well.surroundings())
		if err != nil {
			t.Fatal(err)
		}
		bus.Subscribe(b, []eventlistener.Type{eventlistener.AnyEvent})
		for i := range 100 {
			publish(bus, exited, fmt.Sprint(i))
			synctest.Wait()
		}
		if got := len(well.processes()); got != 100 {
			t.Errorf("the other one sent %d events", got)
		}
		if s := a.Status(); s.Counters.Discarded == 0 || int64(s.Counters.Discarded) != hung.lost || s.Queued != 10 {
			t.Errorf("status: %+v, %d announced as lost", s, hung.lost)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := a.Close(ctx); err == nil {
			t.Error("no word of what could not be delivered")
		}
		closeNotifier(t, b)
		lines := strings.Split(strings.TrimSpace(hung.dead.String()), "\n")
		var letter deadNotification
		if err := json.Unmarshal([]byte(lines[0]), &letter); err != nil || len(letter.Events) != 11 || letter.Notifier != "a" {
			t.Errorf("dead letter: %v %s", err, hung.dead.String())
		}
	})
}

func TestNotifierBuriesWhatIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.failing(sdk.Final(errors.New("no such channel")))
		n, bus := newNotifier(t, r, Options{GroupWait: time.Second})
		publish(bus, exited, "a", "b")
		time.Sleep(time.Minute)
		synctest.Wait()
		var letter struct {
			Error    string
			Severity string
			Attempts int
			Events   []struct{ Processname string }
		}
		if err := json.Unmarshal(r.dead.Bytes(), &letter); err != nil {
			t.Fatal(err)
		}
		if letter.Error != "no such channel" || letter.Severity != "error" || letter.Attempts != 1 || len(letter.Events) != 2 || letter.Events[1].Processname != "b" {
			t.Errorf("dead letter: %+v", letter)
		}
		if s := n.Status(); s.Counters.DeadLetters != 2 || s.LastError != "no such channel" || s.GivenUp != "no such channel" {
			t.Errorf("status: %+v", s)
		}
		r.failing(errors.New("busy")) // that it is tried again with another error mends nothing, nor does it that its settings are
		n.Retry()
		publish(bus, exited, "c")
		time.Sleep(time.Second + 100*time.Millisecond)
		synctest.Wait()
		if s := n.Status(); s.LastError != "busy" || s.GivenUp != "no such channel" {
			t.Errorf("status: %+v", s)
		}
		r.failing(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := n.Status(); s.LastError != "" || s.GivenUp != "" {
			t.Errorf("status after a delivery: %+v", s)
		}
		closeNotifier(t, n)
	})
}

func TestNotifierDeliversWhatWaitsAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		n, bus := newNotifier(t, r, Options{GroupWait: time.Hour, Rate: Rate{1, time.Hour}, GroupMax: 2})
		publish(bus, exited, "a", "b", "c", "d", "e")
		start := time.Now()
		closeNotifier(t, n)
		if time.Since(start) > time.Second {
			t.Errorf("took %s", time.Since(start))
		}
		total := uint64(len(r.processes()))
		for _, got := range r.got {
			total += got.Suppressed
		}
		if total != 5 || r.dead.Len() > 0 {
			t.Errorf("sent %d, dead letters: %s", total, &r.dead)
		}
	})
}

func TestNotifierReconfiguresWithItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		n, bus := newNotifier(t, r, Options{GroupWait: time.Hour})
		publish(bus, exited, "a")
		synctest.Wait()
		if _, err := n.Reconfigure(Options{Name: "ops", BufferSize: 5, Title: "{{"}); err == nil {
			t.Error("a bad template is accepted")
		}
		if same, err := n.Reconfigure(Options{Name: "ops", BufferSize: 5, Spool: &delivery.Spool{Dir: "/x"}}); same || err != nil {
			t.Error("another spool needs another notifier")
		}
		if same, err := n.Reconfigure(Options{Name: "ops", BufferSize: 5, Title: "{{.Count}} of {{.Notifier}}"}); !same || err != nil {
			t.Fatal(same, err)
		}
		synctest.Wait()
		if len(r.got) != 1 || r.got[0].Title != "1 of ops" {
			t.Errorf("delivered %+v", r.got)
		}
		closeNotifier(t, n)
	})
}

func TestNotifierTriesAtOnceWhatItsPluginWasMendedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.failing(errors.New("no such channel"))
		n, bus := newNotifier(t, r, Options{RetryDelay: time.Hour})
		publish(bus, exited, "a")
		time.Sleep(time.Minute)
		if s := n.Status(); s.LastError != "no such channel" || s.Queued+s.InFlight != 1 {
			t.Fatalf("status: %+v", s)
		}
		r.failing(nil)
		mended := time.Now()
		n.Retry()
		if s := n.Status(); s.LastError != "" {
			t.Errorf("the old settings' error: %+v", s)
		}
		synctest.Wait()
		if s := n.Status(); s.Counters.Delivered != 1 || !time.Now().Equal(mended) || !s.Delivered.Equal(mended) {
			t.Errorf("after %v: %+v", time.Since(mended), s)
		}
		closeNotifier(t, n)
	})
}

func TestNotifierSpoolSurvivesTheDaemon(t *testing.T) {
	dir := t.TempDir()
	o := Options{Name: "ops", BufferSize: 3, GroupMax: 2, Spool: &delivery.Spool{Dir: dir}}
	r := &receiver{}
	r.failing(errors.New("down"))
	n, bus := newNotifier(t, r, o)
	want := []string{"a", "b", "c", "d", "e", "f", "g"}
	publish(bus, fatal, want...)
	testkit.Until(t, "a try", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.tries > 0 })
	if s := n.Status(); s.Queued+s.InFlight != 7 || s.Counters.Discarded != 0 {
		t.Errorf("status: %+v", s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // at once
	if err := n.Close(ctx); err != nil {
		t.Error(err)
	}
	if r.dead.Len() > 0 {
		t.Errorf("what is spooled became dead letters: %s", &r.dead)
	}
	r.failing(nil)
	n, _ = newNotifier(t, r, o)
	testkit.Until(t, "the deliveries", func() bool { return len(r.processes()) >= 7 })
	if got := strings.Join(r.processes(), " "); got != strings.Join(want, " ") {
		t.Errorf("sent: %s", got)
	}
	if e := r.got[0].Events[0]; e.Seq != 1 || e.Type != "PROCESS_STATE_FATAL" || len(e.Payload) == 0 || r.got[0].Severity != sdk.Critical {
		t.Errorf("the event came back as %+v", e)
	}
	closeNotifier(t, n)
	n, _ = newNotifier(t, r, o)
	closeNotifier(t, n)
	if len(r.processes()) != 7 {
		t.Error("what was delivered is delivered again")
	}
}

func TestNotifierTest(t *testing.T) {
	r := &receiver{}
	n, _ := newNotifier(t, r, Options{Title: "{{.Notifier}}: {{(index .Events 0).Namespec}}"})
	defer closeNotifier(t, n)
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "delivered"}, {errors.New("down"), "retry"}, {sdk.Final(errors.New("bad token")), "final"},
		{fmt.Errorf("call: %w", wire.ErrUnavailable), "unavailable"},
	} {
		r.failing(c.err)
		got, err := n.Test(t.Context())
		if err != nil || got.Outcome != c.want || got.Title != "[TEST] ops: example" || (got.Error == "") != (c.err == nil) {
			t.Errorf("%v: %+v, %v", c.err, got, err)
		}
	}
	if s := n.Status(); s.Counters != (eventlistener.Counters{}) {
		t.Errorf("tests are counted: %+v", s)
	}
}

// A sample that fails is the notifier's last error, of one that would be given up also why, until a sample or an alert succeeds.
func TestAFailedSampleShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		n, bus := newNotifier(t, r, Options{})
		defer closeNotifier(t, n)
		sample := func(err error) Status {
			r.failing(err)
			if _, err := n.Test(t.Context()); err != nil {
				t.Error(err)
			}
			return n.Status()
		}
		const down, refused = "notifier test: down", "notifier test: bad token"
		for i, c := range []struct {
			err           error
			last, givenUp string
		}{
			{errors.New("down"), down, ""},
			{nil, "", ""},
			{sdk.Final(errors.New("bad token")), refused, refused},
			{errors.New("down"), down, refused}, // nothing has succeeded since
			{delivery.Coming(wire.ErrUnavailable), down, refused},
			{nil, "", ""},
			{delivery.Coming(wire.ErrUnavailable), "", ""},
			{wire.ErrUnavailable, "notifier test: " + wire.ErrUnavailable.Error(), ""},
			{sdk.Final(errors.New("bad token")), refused, refused},
		} {
			if s := sample(c.err); s.LastError != c.last || s.GivenUp != c.givenUp {
				t.Errorf("%d. %v: last error %q, given up %q", i, c.err, s.LastError, s.GivenUp)
			}
		}
		r.failing(nil)
		publish(bus, exited, "web")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s := n.Status(); s.LastError != "" || s.GivenUp != "" {
			t.Errorf("an alert was delivered since: last error %q, given up %q", s.LastError, s.GivenUp)
		}
		// Of one that nobody waited for nothing is known.
		gone, cancel := context.WithCancel(t.Context())
		r.hang = true
		go func() { time.Sleep(time.Millisecond); cancel() }()
		if _, err := n.Test(gone); !errors.Is(err, context.Canceled) || n.Status().LastError != "" {
			t.Errorf("%v, last error %q", err, n.Status().LastError)
		}
		r.hang = false
	})
}

// BenchmarkNotifier is queue, policy and templates alone: events published until they are delivered.
func BenchmarkNotifier(b *testing.B) {
	for _, groupMax := range []int{1, 100} {
		b.Run(fmt.Sprintf("group_max=%d", groupMax), func(b *testing.B) {
			r := &receiver{}
			s := r.surroundings()
			room, delivered := make(chan struct{}, 1000), 0
			s.Notify = func(_ context.Context, n *sdk.Notification) error {
				for range n.Events {
					<-room
				}
				delivered += len(n.Events)
				return nil
			}
			n, err := New(Options{Name: "ops", BufferSize: 2000, GroupMax: groupMax}, s)
			if err != nil {
				b.Fatal(err)
			}
			bus := eventlistener.NewBus()
			bus.Subscribe(n, []eventlistener.Type{eventlistener.AnyEvent})
			for b.Loop() {
				room <- struct{}{}
				publish(bus, exited, "web")
			}
			_ = n.Close(context.Background())
			if st := n.Status(); delivered != b.N || st.Counters.Discarded > 0 {
				b.Fatalf("%d of %d delivered: %+v", delivered, b.N, st)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
