package core

import (
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

const (
	// restartRowEnds is how long a listener must go without a restart of ours for
	// the next one to be the first of a row.
	restartRowEnds = time.Minute
	// maxRestartPause bounds the pause before a listener is started again. The first
	// of a row has none, the next ones 1, 2, 3 … seconds: one that breaks the protocol
	// as soon as it starts must not keep the machine busy.
	maxRestartPause = 10 * time.Second
)

// listenerRestarts are the listeners to be stopped and started again: those that
// took longer than ack_timeout, or broke the protocol under
// on_protocol_error=restart. Loop only.
type listenerRestarts struct {
	wanted []listenerRestart     // to be stopped in this turn
	due    map[*member]time.Time // to be started; zero while it still stops
}

type listenerRestart struct {
	m     *member
	blame bool // the event it has not answered is to be counted against
}

// restartRow is how often a listener was restarted in a row.
type restartRow struct {
	last time.Time
	n    int
}

func (r *listenerRestarts) want(m *member, blame bool) {
	r.wanted = append(r.wanted, listenerRestart{m, blame})
}

// forget gives up a start to come; true if there was one.
func (r *listenerRestarts) forget(m *member) bool {
	_, ok := r.due[m]
	delete(r.due, m)
	return ok
}

// next is when a listener must be started again.
func (r *listenerRestarts) next(time.Time) (time.Time, bool) {
	var next time.Time
	for _, at := range r.due {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, !next.IsZero()
}

// restartListeners stops the listeners that are to be restarted, in the
// process's own way (stopsignal, then SIGKILL after stopwaitsecs), and starts
// those whose pause is over.
func (l *loop) restartListeners(now time.Time) {
	wanted := l.restarts.wanted
	l.restarts.wanted = nil
	for _, w := range wanted {
		m := w.m
		if st := m.machine.State(); st != process.Running && st != process.Starting {
			continue // it is being stopped, or gone
		}
		l.log(config.WARN, restartListenerLine(m.conf.Name))
		l.restarts.due[m] = time.Time{}
		l.whenStopped(m, true, func(*Error) { l.listenerStopped(m) })
		l.step(m, process.Stop{})
		if w.blame {
			m.listens.Blame()
		}
	}
	for m, at := range l.restarts.due {
		if at.IsZero() || at.After(now) {
			continue
		}
		delete(l.restarts.due, m)
		if l.groups[m.group.conf.Name] == m.group && m.machine.State().IsStopped() {
			m.restarts++
			l.step(m, process.Start{})
		}
	}
}

// listenerStopped sets when a listener is started again, unless a user's stop
// came between.
func (l *loop) listenerStopped(m *member) {
	if _, ok := l.restarts.due[m]; !ok {
		return
	}
	now := l.clock.Now()
	if now.Sub(m.again.last) > restartRowEnds {
		m.again.n = 0
	}
	l.restarts.due[m] = now.Add(min(time.Duration(m.again.n)*time.Second, maxRestartPause))
	m.again.last = now
	m.again.n++
}

func restartListenerLine(name string) string { return "restarting listener " + name }
