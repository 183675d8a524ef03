// Package relisten plans the restarts of listeners: of those that took longer than ack_timeout, or broke the
// protocol under on_protocol_error=restart.
package relisten

import "time"

const (
	// rowEnds is how long after a restart of a listener the next one counts as
	// the first of a row.
	rowEnds = time.Minute
	// maxPause bounds the pause before a listener is started again. The first
	// of a row has none, the next ones 1, 2, 3 … seconds: one that breaks the protocol
	// as soon as it starts must not keep the machine busy.
	maxPause = 10 * time.Second
)

// Plan holds the listeners, of a type L, that are to be stopped or started. It belongs to one goroutine.
type Plan[L comparable] struct {
	wanted []Stop[L]
	due    map[L]time.Time // to be started; zero while it still stops
}

// Stop is a listener to be stopped.
type Stop[L comparable] struct {
	Listener L
	Blame    bool // the delivery of its oldest unanswered event counts as failed
}

// New returns an empty Plan.
func New[L comparable]() *Plan[L] { return &Plan[L]{due: make(map[L]time.Time)} }

// Row is how often a listener was restarted in a row.
type Row struct {
	last time.Time
	n    int
}

// Want adds a listener that is to be stopped in this turn.
func (p *Plan[L]) Want(listener L, blame bool) {
	p.wanted = append(p.wanted, Stop[L]{listener, blame})
}

// Wanted removes and returns the listeners that are to be stopped.
func (p *Plan[L]) Wanted() []Stop[L] {
	wanted := p.wanted
	p.wanted = nil
	return wanted
}

// Stopping notes that a listener is being stopped, to be started again.
func (p *Plan[L]) Stopping(listener L) { p.due[listener] = time.Time{} }

// Stopped must be called when a listener has stopped: it sets when the listener is started again, unless Forget was called.
func (p *Plan[L]) Stopped(listener L, row *Row, now time.Time) {
	if _, ok := p.due[listener]; !ok {
		return
	}
	if now.Sub(row.last) > rowEnds {
		row.n = 0
	}
	p.due[listener] = now.Add(min(time.Duration(row.n)*time.Second, maxPause))
	row.last = now
	row.n++
}

// Due removes and returns the listeners whose pause is over.
func (p *Plan[L]) Due(now time.Time) (due []L) {
	for listener, at := range p.due {
		if !at.IsZero() && !at.After(now) {
			delete(p.due, listener)
			due = append(due, listener)
		}
	}
	return due
}

// Forget cancels the start of a listener, and reports whether one was planned.
func (p *Plan[L]) Forget(listener L) bool {
	_, ok := p.due[listener]
	delete(p.due, listener)
	return ok
}

// Next returns when the next listener must be started again; false: none must.
func (p *Plan[L]) Next(time.Time) (next time.Time, wanted bool) {
	for _, at := range p.due {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, !next.IsZero()
}
