package eventlistener

import "time"

// SlowAfter is how long a listener may take over an event before the log names it
// once, in a pool without AckTimeout.
const SlowAfter = 60 * time.Second

// Deadline is when Check is to be called next; false while no member owes an
// answer. It is no later than the first moment at which Check has something to
// say, and may be earlier: answers do not move it.
func (p *Pool) Deadline() (time.Time, bool) { return p.watch, !p.watch.IsZero() }

// Check emits TimedOut for each member that has owed an answer for AckTimeout,
// once an event, or Slow for SlowAfter if the pool has none. Members that are not
// RUNNING are left alone.
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
	if p.watch.IsZero() { // else it is earlier
		p.watch = m.since.Add(p.patience())
	}
}

// Blame tells that the process is stopped because of the oldest event it has not
// answered: that delivery counts as failed. Call it after Stopping.
func (m *Member) Blame() { m.wound = false }
