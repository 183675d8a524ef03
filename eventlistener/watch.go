package eventlistener

import "time"

// SlowAfter is how long a listener of a pool without AckTimeout may take to answer an event before Check emits Slow, once for
// each event.
const SlowAfter = 60 * time.Second

// Deadline returns when Check is to be called next; false while all members have answered. It is not later than the first
// moment at which Check emits an outcome, and may be earlier: answers do not change it.
func (p *Pool) Deadline() (time.Time, bool) { return p.watch, !p.watch.IsZero() }

// Check emits TimedOut, once for each event, for a member that has not answered for AckTimeout; in a pool without AckTimeout,
// Slow for one that has not answered for SlowAfter. Members that are not RUNNING are skipped.
func (p *Pool) Check(now time.Time) {
	if p.watch.IsZero() || now.Before(p.watch) {
		return
	}
	p.watch = time.Time{}
	for _, m := range p.members {
		if m.sender == nil || m.flight.n == 0 || m.told {
			continue
		}
		if due := m.since.Add(p.patience()); now.Before(due) {
			p.watchFor(due)
			continue
		}
		m.told = true
		kind := Slow
		if p.config.AckTimeout > 0 {
			kind = TimedOut
		}
		en := m.flight.front()
		serial, _ := en.event.Serial()
		payload, _ := en.event.PayloadIn(p.config.Payload)
		p.emit(Outcome{Kind: kind, Listener: m.listener.name, Event: en.event, Serial: serial, PoolSerial: en.serial, Waited: now.Sub(m.since), Empty: len(payload) == 0})
	}
}

func (p *Pool) patience() time.Duration {
	if p.config.AckTimeout > 0 {
		return p.config.AckTimeout
	}
	return SlowAfter
}

func (p *Pool) watchFor(due time.Time) {
	if p.watch.IsZero() || due.Before(p.watch) {
		p.watch = due
	}
}

// await begins the wait for the answer to the oldest event in flight.
func (m *Member) await() {
	p := m.pool
	m.since, m.told = p.bus.Now(), false
	if p.watch.IsZero() { // otherwise it is earlier
		p.watch = m.since.Add(p.patience())
	}
}

// Blame must be called, after Stopping, when the process is stopped because it did not answer its oldest event: that delivery
// counts as failed.
func (m *Member) Blame() { m.wound = false }
