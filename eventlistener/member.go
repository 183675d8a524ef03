package eventlistener

import "time"

// Member is one listener process of a pool. The owner of the pool calls its methods when the state of the process changes and
// when the process has written something.
type Member struct {
	pool     *Pool
	listener Listener
	alive    bool      // between Started and Exited
	wound    bool      // it is being stopped, and not for what it did with an event
	sender   Sender    // non-nil while the process is RUNNING
	flight   queue     // the events it was sent and has not answered
	since    time.Time // from when on the oldest of them is waited for
	told     bool      // Slow or TimedOut was emitted for the oldest of them
	refused  uint64    // the number of the pool's dispatch in which its stdin took nothing
}

// Add appends a member for the process of that name. Members are tried in the
// order they were added, which is the configuration's.
func (p *Pool) Add(name string) *Member {
	m := &Member{pool: p, listener: *NewListenerAhead(name, p.config.MaxInFlight)}
	m.listener.handler = p.config.Result
	p.members = append(p.members, m)
	return m
}

// Name returns the name of the member's process.
func (m *Member) Name() string { return m.listener.name }

// State returns the member's state in the protocol. It has a meaning only while the process is alive.
func (m *Member) State() ListenerState { return m.listener.state }

// Alive reports whether the member's process exists: between Started and Exited.
func (m *Member) Alive() bool { return m.alive }

// InFlight returns the oldest event that the member was sent and has not answered, or nil.
func (m *Member) InFlight() *Event {
	if m.flight.n == 0 {
		return nil
	}
	return m.flight.front().event
}

// Unanswered returns the number of events that the member was sent and has not answered.
func (m *Member) Unanswered() int { return m.flight.n }

// Started must be called when the process was spawned. The member is then ACKNOWLEDGED and may write READY, but is sent
// nothing before Running.
func (m *Member) Started() {
	m.Exited() // in case it was not called at the end of the last process: no event is lost
	m.alive = true
	m.wound = false
	m.listener.Reset()
}

// Running must be called when the process has entered the state RUNNING. stdin is the process's standard input.
func (m *Member) Running(stdin Sender) { m.sender = stdin }

// Stopping must be called when the process has left the state RUNNING and is still alive, because it is being stopped.
// It is sent nothing more, but may still answer.
func (m *Member) Stopping() {
	m.sender = nil
	m.wound = true
}

// Exited must be called when the process has ended and all its output was passed to Feed. The events it did not answer go back
// to the head of the buffer. Feed does nothing until the next Started, so output of a descendant that holds the pipe is
// ignored.
func (m *Member) Exited() {
	blame := m.alive && !m.wound
	m.alive = false
	m.sender = nil
	m.surrender(blame)
}

// Feed takes bytes that the process wrote to its stdout, as Listener.Feed does; the pool emits the outcomes. Call the pool's Dispatch afterwards.
func (m *Member) Feed(b []byte) {
	if !m.alive {
		return
	}
	p := m.pool
	for _, o := range m.listener.Feed(b) {
		if o.Kind == BecameReady || m.flight.n == 0 {
			p.emit(o)
			continue
		}
		first := m.flight.front()
		o.Event, o.PoolSerial = first.event, first.serial
		o.Serial, _ = first.event.Serial()
		switch o.Kind {
		case Processed:
			p.Counters.Delivered++
			p.settled(first)
			m.answered()
			p.emit(o)
		case Rejected:
			p.Counters.Rejected++
			m.answered()
			p.emit(o)
			first.failed++
			p.giveBack(m, o.Result, first)
		default:
			if o.Line != nil {
				p.Counters.Rejected++
			}
			p.emit(o)
			m.surrender(true)
		}
	}
}

// available reports whether the member can be sent an event.
func (m *Member) available() bool { return m.sender != nil && m.listener.state == Ready }

// board notes an event as sent.
func (m *Member) board(en entry) {
	m.listener.Sent()
	if m.flight.n == 0 {
		m.await()
	}
	m.flight.pushBack(en)
}

// answered removes the oldest event in flight from the member.
func (m *Member) answered() {
	m.flight.popFront()
	if m.flight.n > 0 {
		m.await()
	}
}

// surrender returns all events that were not answered. With blame, the delivery of the oldest of them counts as failed.
func (m *Member) surrender(blame bool) {
	if m.flight.n == 0 {
		return
	}
	back := make([]entry, 0, m.flight.n)
	for m.flight.n > 0 {
		back = append(back, m.flight.popFront())
	}
	if blame {
		back[0].failed++
	}
	m.pool.giveBack(m, nil, back...)
}
