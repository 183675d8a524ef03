package notify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/backoff"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// unavailableDelay is the first wait for a plugin that was not reached, doubled each time up to unavailableMax.
	unavailableDelay = 100 * time.Millisecond
	unavailableMax   = 5 * time.Second
	// maxRecent is how many subjects dedupe keeps before it drops those whose time is over.
	maxRecent = 4096
)

// alert is a notification on its way: its content and the state of its delivery.
type alert struct {
	id         string
	severity   sdk.Severity
	entries    []entry
	folded     []Folded
	positions  []uint64 // in the spool, of all that it stands for
	events     int      // how many it stands for
	suppressed uint64   // held back since the last one, folded ones included
	attempt    int
	refused    time.Time // by the plugin, for the first time
	lastErr    error
}

// Folded is how many events of a type a notification stands for without listing each.
type Folded struct {
	Type  string
	Count int
}

// policy decides when to notify of a notifier's events, and how. It has no clock, does no I/O and starts no
// goroutine: the time is an argument, and next returns when it is to be asked again.
type policy struct {
	o        Options
	id       string // of the daemon, for ids
	silences *Silences

	queue    []entry               // to be sent, oldest first
	quiet    []entry               // held back until the quiet hours end
	quieted  map[string]int        // held back in the same way, beyond GroupMax: how many of each type, counted as suppressed
	until    time.Time             // end of the quiet hours; zero: they are not on
	recent   map[subject]time.Time // when what dedupe knows came last
	purgeAt  time.Time             // recent is not looked through before
	bucket   bucket
	limited  bool   // what waits was held back by the rate limit
	flight   *alert // being delivered, or to be tried again
	out      bool   // it is being delivered
	retryAt  time.Time
	missed   int      // tries in a row that did not reach the plugin
	heldBack uint64   // suppressed since the last notification
	flushing bool     // nothing waits for more to come
	acked    []uint64 // places in the spool that are no longer needed

	counters   eventlistener.Counters
	suppressed uint64
	retries    uint64
}

func newPolicy(o Options, daemon sdk.Daemon, silences *Silences) *policy {
	return &policy{
		o: o.withDefaults(), id: daemon.Identifier + "\x00" + o.Name, silences: silences,
		quieted: map[string]int{}, recent: map[subject]time.Time{}, bucket: newBucket(o.Rate),
	}
}

// filter decides whether an event is for this notifier at all, and how bad it is. Events that are held back are counted here.
func (p *policy) filter(now time.Time, e *eventlistener.Event) (sdk.Severity, bool) {
	severity := severityOf(e, p.o.Severities)
	if severity < p.o.MinSeverity || !p.o.Programs.Pass(e) {
		return severity, false
	}
	p.counters.Accepted++
	about := subjectOf(e)
	if p.repeated(now, about) || p.silences.silent(now, p.o.Name, about) {
		p.suppress(1)
		return severity, false
	}
	return severity, true
}

// repeated reports whether a similar event was sent within Dedupe.
func (p *policy) repeated(now time.Time, about subject) bool {
	if p.o.Dedupe <= 0 {
		return false
	}
	if last, ok := p.recent[about]; ok && now.Sub(last) < p.o.Dedupe {
		return true
	}
	if len(p.recent) >= maxRecent && !now.Before(p.purgeAt) {
		p.purgeAt = now.Add(p.o.Dedupe / 4)
		for s, last := range p.recent {
			if now.Sub(last) >= p.o.Dedupe {
				delete(p.recent, s)
			}
		}
	}
	if len(p.recent) < maxRecent { // rather notify twice than use memory without bound
		p.recent[about] = now
	}
	return false
}

func (p *policy) suppress(n uint64) {
	p.suppressed += n
	p.heldBack += n
}

// add takes an event that passed the filter into memory, and reports how many were discarded for it.
func (p *policy) add(now time.Time, e entry) (lost int) {
	if len(p.queue)+len(p.quiet) >= p.o.BufferSize {
		p.counters.Discarded++
		if p.o.Overflow == eventlistener.DiscardNewest {
			return 1
		}
		lost = 1
		if len(p.queue) > 0 {
			p.done(&p.queue[0])
			p.queue[0] = entry{} // let the event go
			p.queue = p.queue[1:]
		} else {
			p.done(&p.quiet[0])
			p.quiet = p.quiet[1:]
		}
	}
	p.admit(now, e)
	return lost
}

// admit puts an event where it has to wait.
func (p *policy) admit(now time.Time, e entry) {
	e.arrived = now
	end, quiet := p.o.Quiet.end(now)
	if !quiet || e.severity >= p.o.Quiet.Passing {
		p.queue = append(p.queue, e)
		return
	}
	p.until = end
	p.quiet = append(p.quiet, e)
	if len(p.quiet) > p.o.GroupMax {
		i := mildest(p.quiet)
		p.quieted[p.quiet[i].Type().String()]++
		p.suppress(1)
		p.done(&p.quiet[i])
		p.quiet = slices.Delete(p.quiet, i, i+1)
	}
}

// mildest is the oldest of the least bad.
func mildest(entries []entry) int {
	at := 0
	for i := range entries {
		if entries[i].severity < entries[at].severity {
			at = i
		}
	}
	return at
}

// done releases an event's place in the spool.
func (p *policy) done(e *entry) {
	if e.pos != 0 {
		p.acked = append(p.acked, e.pos)
	}
}

// room is how many events may still come from the spool.
func (p *policy) room() int { return p.o.BufferSize - len(p.queue) - len(p.quiet) }

// next returns the notification to deliver at now; the result goes to outcome. Without one it returns when to ask again, unless something is added
// before; zero is not at all.
func (p *policy) next(now time.Time) (*alert, time.Time) {
	if p.out {
		return nil, time.Time{}
	}
	if p.flight != nil {
		if now.Before(p.retryAt) {
			return nil, p.retryAt
		}
		if p.prune(now); p.flight != nil {
			p.out = true
			return p.flight, now
		}
	}
	p.endQuiet(now)
	if len(p.queue) == 0 {
		return nil, p.until
	}
	if len(p.queue) < p.o.GroupMax && !p.flushing {
		if due := p.queue[0].arrived.Add(p.o.GroupWait); now.Before(due) {
			return nil, delivery.Earlier(due, p.until)
		}
	}
	if !p.flushing {
		if at, ok := p.bucket.take(now); !ok {
			p.limited = true
			return nil, delivery.Earlier(at, p.until)
		}
	}
	if p.flight = p.take(now); p.flight == nil {
		if !p.flushing {
			p.bucket.give(now)
		}
		return p.next(now) // all of them were silenced; the queue is shorter
	}
	p.out = true
	return p.flight, now
}

// endQuiet puts what the quiet hours held back in front of the queue once they are over.
func (p *policy) endQuiet(now time.Time) {
	if p.until.IsZero() || now.Before(p.until) && !p.flushing {
		return
	}
	p.until = time.Time{}
	p.queue = append(p.quiet, p.queue...)
	p.quiet = nil
}

// take makes a notification of what waits. nil: all of it was silenced meanwhile.
func (p *policy) take(now time.Time) *alert {
	n := min(len(p.queue), p.o.GroupMax)
	if p.limited || p.flushing && p.o.Rate.Count > 0 {
		n = len(p.queue) // one notification is about everything that was held back
	}
	taken := p.queue[:n:n]
	p.queue = p.queue[n:]
	if len(p.queue) == 0 {
		p.queue = nil
	}
	p.limited = false
	a := &alert{}
	for i := range taken {
		e := taken[i]
		if now.After(e.arrived) && p.silences.silent(now, p.o.Name, subjectOf(e.Event)) {
			p.suppress(1)
			p.done(&e)
			continue
		}
		a.entries = append(a.entries, e)
	}
	if len(a.entries) == 0 {
		return nil
	}
	for i := range a.entries {
		if pos := a.entries[i].pos; pos != 0 {
			a.positions = append(a.positions, pos)
		}
		a.severity = max(a.severity, a.entries[i].severity)
	}
	a.id = p.alertID(a.entries)
	a.fold(p.o.GroupMax)
	for _, f := range a.folded {
		p.suppress(uint64(f.Count)) //nolint:gosec // a count
	}
	if p.until.IsZero() && len(p.quieted) > 0 {
		for kind, n := range p.quieted {
			a.count(kind, n)
		}
		p.quieted = map[string]int{}
	}
	a.events = len(a.entries)
	a.suppressed, p.heldBack = p.heldBack, 0
	return a
}

// alertID is the same for the same events of the same daemon, after its restart too.
func (p *policy) alertID(entries []entry) string {
	h := sha256.New()
	_, _ = h.Write([]byte(p.id))
	var b [16]byte
	for i := range entries {
		binary.BigEndian.PutUint64(b[:], entries[i].Seq())
		binary.BigEndian.PutUint64(b[8:], uint64(entries[i].Time().UnixNano())) //nolint:gosec // only to make it unique
		_, _ = h.Write(b[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// fold keeps the worst max events, in their order, and counts the rest by type.
func (a *alert) fold(max int) {
	if len(a.entries) <= max {
		return
	}
	order := make([]int, len(a.entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return int(a.entries[j].severity - a.entries[i].severity) })
	kept := order[:max]
	slices.Sort(kept)
	keep := make([]entry, 0, max)
	for i := range a.entries {
		if len(kept) > 0 && kept[0] == i {
			keep, kept = append(keep, a.entries[i]), kept[1:]
			continue
		}
		a.count(a.entries[i].Type().String(), 1)
	}
	a.entries = keep
}

func (a *alert) count(kind string, n int) {
	for i := range a.folded {
		if a.folded[i].Type == kind {
			a.folded[i].Count += n
			return
		}
	}
	a.folded = append(a.folded, Folded{kind, n})
	slices.SortFunc(a.folded, func(x, y Folded) int {
		if x.Type < y.Type {
			return -1
		}
		return 1
	})
}

// prune takes out of the notification that is to be tried again what was silenced meanwhile.
func (p *policy) prune(now time.Time) {
	a := p.flight
	a.entries = slices.DeleteFunc(a.entries, func(e entry) bool {
		if !p.silences.silent(now, p.o.Name, subjectOf(e.Event)) {
			return false
		}
		p.suppressed++
		a.suppressed++
		a.events--
		return true
	})
	if len(a.entries) == 0 {
		p.acked = append(p.acked, a.positions...)
		p.heldBack += a.suppressed
		p.flight = nil
	}
}

// outcome records how a delivery ended. A notification that is given up is returned.
func (p *policy) outcome(now time.Time, err error) (dead *alert) {
	a := p.flight
	p.out = false
	a.lastErr = err
	switch {
	case err == nil:
		p.counters.Delivered += uint64(a.events) //nolint:gosec // a count
		p.acked = append(p.acked, a.positions...)
		p.flight, p.missed = nil, 0
		return nil
	case delivery.Unreached(err):
		p.missed++
		p.retryAt = now.Add(backoff.After(p.missed, unavailableDelay, unavailableMax))
	default:
		p.missed = 0
		p.counters.Rejected += uint64(a.events) //nolint:gosec // a count
		a.attempt++
		if a.refused.IsZero() {
			a.refused = now
		}
		wait := backoff.After(a.attempt, p.o.RetryDelay, p.o.RetryMax)
		p.retryAt = now.Add(max(wait, min(sdk.RetryDelay(err), delivery.MaxRetryAfter)))
		tooOften := p.o.MaxRetries > 0 && a.attempt > p.o.MaxRetries
		tooLong := p.o.RetryFor > 0 && now.Sub(a.refused) >= p.o.RetryFor
		if sdk.IsFinal(err) || tooOften || tooLong {
			return p.giveUp()
		}
	}
	if p.o.MaxAge > 0 && now.Sub(a.entries[0].Time()) >= p.o.MaxAge {
		return p.giveUp()
	}
	p.retries++
	return nil
}

func (p *policy) giveUp() *alert {
	a := p.flight
	p.flight = nil
	p.counters.DeadLetters += uint64(a.events) //nolint:gosec // a count
	p.acked = append(p.acked, a.positions...)
	return a
}

// reconfigure continues with other options.
func (p *policy) reconfigure(now time.Time, o Options) {
	p.o = o.withDefaults()
	p.bucket = newBucket(p.o.Rate)
	if p.until.IsZero() {
		return
	}
	if end, quiet := p.o.Quiet.end(now); quiet {
		p.until = end
	} else {
		p.until = now
	}
}

// leftovers is all that was not delivered, as one notification; nil where there is nothing. The policy is empty afterwards.
func (p *policy) leftovers() *alert {
	a := p.flight
	if a == nil {
		a = &alert{}
	}
	rest := append(p.quiet, p.queue...)
	for _, e := range rest {
		if e.pos != 0 {
			a.positions = append(a.positions, e.pos)
		}
		a.severity = max(a.severity, e.severity)
	}
	a.entries = append(a.entries, rest...)
	for kind, n := range p.quieted {
		a.count(kind, n)
	}
	a.events += len(rest)
	p.flight, p.quiet, p.queue, p.quieted, p.out = nil, nil, nil, map[string]int{}, false
	if len(a.entries) == 0 && len(a.folded) == 0 {
		return nil
	}
	return a
}

// waiting is how many events wait in memory, how many are in the notification under way, and when the oldest of them was published.
func (p *policy) waiting() (queued, flying int, oldest time.Time) {
	look := func(entries []entry) {
		if len(entries) > 0 {
			oldest = delivery.Earlier(oldest, entries[0].Time())
		}
	}
	look(p.queue)
	look(p.quiet)
	if p.flight != nil {
		look(p.flight.entries)
		flying = p.flight.events
	}
	return len(p.queue) + len(p.quiet), flying, oldest
}
