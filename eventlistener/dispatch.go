package eventlistener

// batchBytes is the most that is sent to a member in one write, in bytes, however many credits it has: about half of what a
// pipe takes at once. A larger event is sent alone.
const batchBytes = 32 << 10

// dispatchAhead is Dispatch for members with several credits. Events that are
// waiting together go out together, each whole, in one write.
func (p *Pool) dispatchAhead() {
	p.round++
	for p.queue.n > 0 {
		m, n := p.share()
		if m == nil {
			break
		}
		p.sendBatch(m, n)
	}
	p.trim()
}

// share chooses the member with the fewest unanswered events, and how many of the waiting events it gets.
func (p *Pool) share() (*Member, int) {
	var best *Member
	free := 0
	for _, m := range p.members {
		if !m.available() || m.refused == p.round {
			continue
		}
		free++
		if best == nil || m.flight.n < best.flight.n {
			best = m
		}
	}
	if best == nil {
		return nil, 0
	}
	return best, min(best.listener.Credits(), (p.queue.n+free-1)/free)
}

// sendBatch sends up to n events to a member; if its stdin takes none, they stay in the buffer.
func (p *Pool) sendBatch(m *Member, n int) {
	p.scratch, p.boarded = p.scratch[:0], p.boarded[:0]
	for len(p.boarded) < n && len(p.scratch) < batchBytes {
		en := p.queue.popFront()
		whole := len(p.scratch)
		p.scratch = p.appendEvent(p.scratch, en)
		if len(p.scratch) > batchBytes && whole > 0 {
			p.queue.pushFront(en)
			p.scratch = p.scratch[:whole]
			break
		}
		p.boarded = append(p.boarded, en)
	}
	if err := m.sender.Write(p.scratch); err != nil {
		m.refused = p.round
		for i := len(p.boarded) - 1; i >= 0; i-- {
			p.queue.pushFront(p.boarded[i])
		}
		first := p.boarded[0].event
		serial, _ := first.Serial()
		p.emit(Outcome{Kind: Unsent, Listener: m.listener.name, Event: first, Serial: serial, Err: err})
		return
	}
	for _, en := range p.boarded {
		m.board(en)
	}
	for _, en := range p.boarded {
		serial, _ := en.event.Serial()
		p.emit(Outcome{Kind: Sent, Listener: m.listener.name, Event: en.event, Serial: serial})
	}
	clear(p.boarded) // let the events go
}
