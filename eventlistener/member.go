package eventlistener

// Member is one listener process of a pool. The loop tells it what becomes of
// the process and feeds it what the process writes.
type Member struct {
	pool     *Pool
	listener Listener
	alive    bool   // between Started and Exited
	sender   Sender // non-nil while the process is RUNNING
	flight   entry  // the event it was sent and has not answered
}

// Add appends a member for the process of that name. Members are tried in the
// order they were added, which is the configuration's.
func (p *Pool) Add(name string) *Member {
	m := &Member{pool: p, listener: Listener{name: name, state: Acknowledged}}
	p.members = append(p.members, m)
	return m
}

// Name is the name of the member's process.
func (m *Member) Name() string { return m.listener.name }

// State is where the member stands in the protocol. It says something only while
// its process is alive.
func (m *Member) State() ListenerState { return m.listener.state }

// InFlight is the event the member was sent and has not answered, or nil.
func (m *Member) InFlight() *Event { return m.flight.event }

// Started tells that the process was spawned. The member is ACKNOWLEDGED and may
// say READY, but is sent nothing before Running.
func (m *Member) Started() {
	m.Exited() // in case its end was never told: no event is lost
	m.alive = true
	m.listener.Reset()
}

// Running tells that the process entered the state RUNNING, with its stdin.
func (m *Member) Running(stdin Sender) { m.sender = stdin }

// Stopping tells that the process left the state RUNNING and is still alive. It
// is sent nothing more, and may still answer what it was sent.
func (m *Member) Stopping() { m.sender = nil }

// Exited tells that the process has ended and all it wrote was fed. The event it
// did not answer goes back to the head of the buffer. Feed does nothing until
// the next Started, so a descendant that holds the pipe is not heard.
func (m *Member) Exited() {
	m.alive = false
	m.sender = nil
	if flight := m.land(); flight.event != nil {
		m.pool.giveBack(flight)
	}
}

// Feed takes what the process wrote to its stdout, as Listener.Feed does; what
// comes of it is emitted by the pool. Call the pool's Dispatch afterwards.
func (m *Member) Feed(b []byte) {
	if !m.alive {
		return
	}
	p := m.pool
	for _, o := range m.listener.Feed(b) {
		var flight entry
		if o.Kind != BecameReady {
			flight = m.land()
		}
		if flight.event != nil {
			o.Event = flight.event
			o.Serial, _ = flight.event.Serial()
		}
		switch {
		case o.Kind == Processed:
			p.Counters.Delivered++
		case flight.event != nil:
			p.Counters.Rejected++
		}
		p.emit(o)
		if flight.event != nil && o.Kind != Processed {
			p.giveBack(flight)
		}
	}
}

// available tells whether the member can be sent an event.
func (m *Member) available() bool { return m.sender != nil && m.listener.state == Ready }

// land takes the event in flight away from the member.
func (m *Member) land() entry {
	en := m.flight
	m.flight = entry{}
	return en
}
