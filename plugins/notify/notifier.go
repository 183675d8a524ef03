package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/guard"
	"github.com/hark-supervisor/hark/sdk"
)

// Notifier is one [notifier:x]: a subscriber of the events with a queue, a policy of when to notify, and a goroutine
// that calls the plugin. Accept belongs to the bus's goroutine and never blocks; the other methods may be called
// from any.
type Notifier struct {
	around Surroundings
	part   *guard.Part
	spool  *spool.Spool // nil: events wait in memory
	cursor *spool.Cursor
	wake   chan struct{}
	calls  chan struct{} // held by whoever calls the plugin
	end    context.CancelFunc
	ctx    context.Context // of the goroutine; done when Close gives up
	done   chan struct{}

	mu        sync.Mutex
	policy    *policy
	templates templates
	closing   bool
	lastError string
	givenUp   string            // why the last delivery was given up; "": one has succeeded since
	delivered time.Time         // the last notification; zero: none was
	fault     string            // of the spool's disk; "": none
	toldBad   bool              // it has been logged that the templates fail
	told      delivery.Troubles // of deliveries
}

// New makes a notifier and starts its goroutine; Close ends it. It opens the spool, if there is one, so it touches the disk. Errors are of
// the templates and of the spool.
func New(o Options, around Surroundings) (*Notifier, error) {
	t, err := parseTemplates(o.Title, o.Body)
	if err != nil {
		return nil, err
	}
	n := &Notifier{
		around: around, part: guard.New(around.Log), wake: make(chan struct{}, 1), calls: make(chan struct{}, 1), done: make(chan struct{}),
		policy: newPolicy(o, around.Daemon(), around.Silences), templates: t,
	}
	n.ctx, n.end = context.WithCancel(context.Background())
	if o.Spool != nil {
		n.spool, err = o.Spool.Open(n.part, "notifier", o.Name, n.spoolReport, n.ring, 0)
		if err != nil {
			n.end()
			return nil, err
		}
		n.cursor = n.spool.Cursor()
	}
	const task = "the notifier"
	n.part.Start(nil, task, func() {
		defer close(n.done)
		n.part.Keep(n.ctx, task, n.run, n.mend)
	})
	n.ring()
	return n, nil
}

// Accept implements eventlistener.Subscriber.
func (n *Notifier) Accept(e *eventlistener.Event) {
	lost, wanted := n.take(e)
	if !wanted {
		return
	}
	if n.spool != nil {
		lost = n.keep(e)
	}
	n.ring()
	// That the announcement of a loss was discarded is not announced in turn: there would be no end to it.
	if lost > 0 && e.Type() != eventlistener.EventsDiscarded {
		n.around.Lost(int64(lost))
	}
}

// take filters an event, and queues it where there is no spool.
func (n *Notifier) take(e *eventlistener.Event) (lost int, wanted bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closing {
		return 0, false
	}
	now := e.Time()
	severity, wanted := n.policy.filter(now, e)
	if wanted && n.spool == nil {
		lost = n.policy.add(now, entry{Event: e, severity: severity})
	}
	return lost, wanted
}

// locked calls f under the lock.
func (n *Notifier) locked(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// keep puts an event into the spool and reports how many were lost by that.
func (n *Notifier) keep(e *eventlistener.Event) int {
	_, err := n.spool.Append(e.Record())
	if err == nil {
		return 0
	}
	n.around.Log.Error("cannot spool an event", "error", err)
	n.locked(func() { n.policy.counters.Discarded++ })
	return 1
}

// spoolReport logs the spool's losses and its troubles.
func (n *Notifier) spoolReport(r spool.Report) {
	n.around.Log.Warn("spool", "report", r.String())
	switch r.Kind {
	case spool.DiskFailed:
		n.setFault(r.String())
	case spool.DiskRecovered:
		n.setFault("")
	}
	if r.Records > 0 {
		n.around.Lost(int64(r.Records)) //nolint:gosec // a count
	}
}

func (n *Notifier) setFault(fault string) { n.locked(func() { n.fault = fault }) }

func (n *Notifier) ring() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run delivers until Close.
func (n *Notifier) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		n.pull()
		now := time.Now()
		var a *alert
		var again time.Time
		var acked []uint64
		closing := false
		n.locked(func() {
			a, again = n.policy.next(now)
			closing, acked = n.closing, n.acked()
		})
		n.ack(acked)
		if a != nil {
			n.deliver(a)
			if n.ctx.Err() == nil {
				continue
			}
		}
		if closing && again.IsZero() || n.ctx.Err() != nil {
			return
		}
		if again.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(again.Sub(now), 0))
		}
		select {
		case <-n.wake:
		case <-timer.C:
		case <-n.ctx.Done():
			return
		}
	}
}

// mend runs after a panic of run: a delivery in progress has failed. One that panics repeatedly is given up.
func (n *Notifier) mend(defect error) {
	const most = 3
	out := false
	n.locked(func() {
		if out = n.policy.out && n.policy.flight != nil; out && n.policy.flight.attempt >= most-1 {
			defect = sdk.Final(defect)
		}
	})
	if out {
		n.outcome(defect)
	}
}

// acked returns the places that the policy no longer needs. Under the lock.
func (n *Notifier) acked() []uint64 {
	acked := n.policy.acked
	n.policy.acked = nil
	return acked
}

func (n *Notifier) ack(positions []uint64) {
	for _, pos := range positions {
		n.cursor.Ack(pos)
	}
}

// pull takes events from the spool as far as there is room for them.
func (n *Notifier) pull() {
	if n.spool == nil {
		return
	}
	for {
		if n.room() <= 0 {
			return
		}
		r, ok := n.cursor.Next()
		if !ok {
			return
		}
		e, err := eventlistener.OfRecord(&r)
		if err != nil {
			n.around.Log.Error("cannot use an event of the spool", "error", err)
			n.cursor.Ack(r.Pos)
			n.around.Lost(1)
			continue
		}
		n.locked(func() {
			n.policy.admit(time.Now(), entry{Event: e, pos: r.Pos, severity: severityOf(e, n.policy.o.Severities)})
		})
	}
}

func (n *Notifier) room() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.policy.room()
}

// deliver calls the plugin for a notification and records the result.
func (n *Notifier) deliver(a *alert) {
	notification := n.notification(a)
	done, err := n.turn(n.ctx)
	if err != nil {
		return
	}
	defer done()
	if err = n.call(n.ctx, notification); err != nil && n.ctx.Err() != nil {
		return // cut off by Close, which sees to what is left
	}
	n.outcome(err)
}

// turn waits until no other goroutine calls the plugin; done lets the next one continue.
func (n *Notifier) turn(ctx context.Context) (done func(), err error) {
	select {
	case n.calls <- struct{}{}:
		return func() { <-n.calls }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// call calls the plugin, for as long as the notifier's timeout says.
func (n *Notifier) call(ctx context.Context, notification *sdk.Notification) error {
	limited, cancel := context.WithTimeout(ctx, n.timeout())
	defer cancel()
	return n.around.Notify(limited, notification)
}

// outcome records the result of the delivery in progress.
func (n *Notifier) outcome(err error) {
	var dead *alert
	var acked []uint64
	tell := false
	n.locked(func() {
		dead, acked = n.policy.outcome(time.Now(), err), n.acked()
		if n.lastError = delivery.ErrorText(err); err == nil {
			n.delivered, n.givenUp = time.Now(), ""
		} else if dead != nil {
			n.givenUp = n.lastError
		}
		tell = err == nil && n.told.Over() || err != nil && !delivery.IsComing(err) && n.told.First(delivery.Unreached(err))
	})
	n.ack(acked)
	switch {
	case dead != nil:
		n.bury(dead, delivery.ErrorText(err))
		n.around.Log.Error("notification given up; its events are in the log of dead letters", "events", dead.events, "attempts", dead.attempt, "error", delivery.ErrorText(err))
	case tell && err != nil:
		n.around.Log.Warn("cannot deliver a notification; it is tried again", "error", delivery.ErrorText(err))
	case tell:
		n.around.Log.Info("notifications are delivered again")
	}
}

func (n *Notifier) timeout() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.policy.o.Timeout
}

// notification makes what the plugin gets.
func (n *Notifier) notification(a *alert) *sdk.Notification {
	events := make([]sdk.Event, len(a.entries))
	for i := range a.entries {
		events[i] = convert(a.entries[i].Event)
	}
	var t templates
	var name string
	n.locked(func() { t, name = n.templates, n.policy.o.Name })
	daemon := n.around.Daemon()
	title, body, err := t.texts(newAlert(a, name, daemon, events))
	if err != nil {
		told := false
		n.locked(func() { told, n.toldBad = n.toldBad, true })
		if !told {
			n.around.Log.Error("cannot use the notifier's template for an event; using the default one; logged once", "error", err)
		}
	}
	return &sdk.Notification{
		ID: a.id, Severity: a.severity, Title: title, Body: body, Events: events,
		Attempt: a.attempt + 1, Suppressed: a.suppressed, Daemon: daemon,
	}
}

// deadNotification is a line of the log of dead letters.
type deadNotification struct {
	Notifier string            `json:"notifier"`
	ID       string            `json:"id,omitempty"`
	Time     time.Time         `json:"time"`
	Severity string            `json:"severity"`
	Attempts int               `json:"attempts"`
	Error    string            `json:"error"`
	Folded   map[string]int    `json:"folded,omitempty"`
	Events   []json.RawMessage `json:"events"`
}

// bury writes a notification to the log of dead letters.
func (n *Notifier) bury(a *alert, why string) {
	d := deadNotification{
		Notifier: n.Name(), ID: a.id, Time: time.Now(), Severity: a.severity.String(), Attempts: a.attempt, Error: why,
		Events: []json.RawMessage{},
	}
	for i := range a.entries {
		line, _ := a.entries[i].PayloadIn(eventlistener.JSONForm)
		d.Events = append(d.Events, line)
	}
	for _, f := range a.folded {
		if d.Folded == nil {
			d.Folded = map[string]int{}
		}
		d.Folded[f.Type] = f.Count
	}
	line, err := json.Marshal(&d)
	if err != nil {
		n.around.Log.Error("cannot write a dead letter", "error", err)
		return
	}
	n.around.DeadLetter(append(line, '\n'))
}

// Name is x of [notifier:x].
func (n *Notifier) Name() string { return n.Options().Name }

// Options are those it goes by.
func (n *Notifier) Options() Options {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.policy.o
}

// Reconfigure continues with other options and everything that waits. It returns false if the options require another notifier because the spool is
// another one. What it subscribes to is up to the caller. Errors are of the templates; nothing has changed then.
func (n *Notifier) Reconfigure(o Options) (bool, error) {
	t, err := parseTemplates(o.Title, o.Body)
	if err != nil {
		return false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if was := n.policy.o; was.Name != o.Name || (was.Spool == nil) != (o.Spool == nil) || was.Spool != nil && *was.Spool != *o.Spool {
		return false, nil
	}
	n.policy.reconfigure(time.Now(), o)
	n.templates, n.toldBad = t, false
	n.ring()
	return true, nil
}

// Retry tries at once what waits to be tried again. The last error is forgotten: it was of other settings.
func (n *Notifier) Retry() {
	n.locked(func() {
		n.policy.retryAt, n.policy.missed = time.Time{}, 0
		n.lastError = ""
	})
	n.ring()
}

// Close takes no more events and delivers what waits, until ctx is done. What is left then stays in the spool, or becomes dead letters.
func (n *Notifier) Close(ctx context.Context) error {
	n.locked(func() { n.closing, n.policy.flushing = true, true })
	n.ring()
	select {
	case <-n.done:
	case <-ctx.Done():
		n.end()
		<-n.done
	}
	n.end()
	var acked []uint64
	var rest *alert
	n.locked(func() { acked, rest = n.acked(), n.policy.leftovers() })
	n.ack(acked)
	if n.spool != nil {
		n.cursor.ReturnAll()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), delivery.SpoolClose)
		defer cancel()
		return n.spool.Close(ctx)
	}
	if rest != nil {
		n.bury(rest, "the notifier was closed before it could be delivered")
		return fmt.Errorf("cannot deliver %d events in time: they are in the log of dead letters", rest.events)
	}
	return nil
}

// Status is the state of a notifier.
type Status struct {
	Counters   eventlistener.Counters // numbers of events; Rejected is of failed tries
	Suppressed uint64                 // folded, silenced or summarised
	Retries    uint64
	Queued     int
	InFlight   int           // events of the notification under way
	Oldest     time.Time     // when the event that waits longest was published; zero: none waits
	LastError  string        // of the last delivery or sample; "": it went well
	GivenUp    string        // why a delivery was given up, or a sample would be; "": none was, or one has succeeded since
	Delivered  time.Time     // the last notification; zero: none was
	Spool      *spool.Status // nil: events wait in memory only
	Defects    int           // panics of its own goroutine
}

// Status returns the state of the notifier.
func (n *Notifier) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := Status{
		Counters: n.policy.counters, Suppressed: n.policy.suppressed, Retries: n.policy.retries, LastError: n.lastError, GivenUp: n.givenUp, Delivered: n.delivered,
		Defects: n.part.Defects(),
	}
	s.Queued, s.InFlight, s.Oldest = n.policy.waiting()
	if n.spool != nil {
		s.Spool = n.policy.o.Spool.Status(n.spool, "notifier", n.policy.o.Name, n.fault)
		st := &s.Spool.Stats
		s.Queued = int(st.Queued) + int(st.InFlight) - s.InFlight //nolint:gosec // counts
		s.Counters.Discarded += st.Discarded + st.Lost
		s.Counters.Recovered = st.Recovered
		s.Oldest = delivery.Earlier(s.Oldest, st.Oldest)
	}
	return s
}
