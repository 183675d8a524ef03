package core

import (
	"context"
	"slices"
	"syscall"
)

// Selections are the calls on a Selection.
type Selections struct{ s *Supervisor }

// Selections gives the calls on a Selection.
func (s *Supervisor) Selections() Selections { return Selections{s} }

// selected chooses those of a Selection.
func selected(sel *Selection) choice {
	return func(l *loop) ([]pick, []string, *Error) {
		picked, missed := l.pick(sel)
		return picked, missed, nil
	}
}

// StartSelected starts the processes that aren't running, together. Error:
// ShutdownState, as of StartGroup.
func (c Selections) StartSelected(ctx context.Context, sel *Selection, wait bool) ([]Outcome, error) {
	return c.s.startEach(ctx, selected(sel), wait)
}

// StopSelected stops the processes that run, together.
func (c Selections) StopSelected(ctx context.Context, sel *Selection, wait bool) ([]Outcome, error) {
	return c.s.together(ctx, selected(sel), stopOne(wait))
}

// SignalSelected signals the processes that can take a signal.
func (c Selections) SignalSelected(ctx context.Context, sel *Selection, sig syscall.Signal) ([]Outcome, error) {
	return c.s.together(ctx, selected(sel), signalOne(sig))
}

// SelectedNames lists the processes of a Selection by priority; those of its names
// and patterns that choose none follow, with the error BadName.
func (c Selections) SelectedNames(ctx context.Context, sel *Selection) ([]Outcome, error) {
	return c.s.together(ctx, selected(sel), nameOne)
}

// RestartSelected stops the processes that run and starts all, each as soon as it
// has itself stopped. It goes on when the caller no longer waits, but for processes
// that somebody else is stopping: these stay stopped then. The outcomes
// tell their Step; a stop that fails is the last of its process. Error:
// ShutdownState, as of StartGroup.
func (c Selections) RestartSelected(ctx context.Context, sel *Selection) ([]Outcome, error) {
	s := c.s
	checked, err := s.checkCommands(ctx, selected(sel))
	if err != nil {
		return nil, err
	}
	var foreign []*member // whose stop is another call's; the loop's, like those below
	var all *gathering
	outcomes, err := s.together(ctx, selected(sel), func(l *loop, g *gathering, p pick) {
		m := p.m
		all = g
		g.open++ // until its start is decided
		startNow := func(l *loop) {
			l.startAgain(m, checked[m], func(e *Error) {
				g.addStep(m, StepStart, e)
				g.close()
			})
		}
		// The start comes in a turn of its own: what answers a stop is inside the step
		// that ended it.
		next := func(e *Error) {
			g.addStep(m, StepStop, e)
			if e != nil {
				g.close()
				return
			}
			l.turns.Put(startNow)
		}
		switch {
		case m.stoppable():
			l.stop(m, true, next)
		case !m.machine.State().IsStopped(): // STOPPING
			// However many ask for it, and however long it takes, what is kept for those who are gone is nothing.
			foreign = append(foreign, m)
			m.waiters = append(m.waiters, waiter{answer: next, decided: stopped, stop: g})
		default:
			if p.named {
				g.addStep(m, StepStop, refuse(NotRunning, m.namespec()))
			}
			startNow(l)
		}
	})
	if err != nil && ctx.Err() != nil {
		_ = s.turns.Ask(context.WithoutCancel(ctx), func(*loop) { // it fails when there is nobody to wait any more
			for _, m := range foreign {
				m.waiters = slices.DeleteFunc(m.waiters, func(w waiter) bool { return w.stop == all })
			}
		})
	}
	return outcomes, err
}

// startAgain starts a process unless its group was removed meanwhile.
func (l *loop) startAgain(m *member, command *Error, answer func(*Error)) {
	switch now, refused := l.find(m.group.conf.Name, m.conf.Name); {
	case refused != nil:
		answer(refused)
	case now != m:
		answer(nil) // it has another configuration, and was started with that
	case command != nil:
		answer(command)
	default:
		l.start(m, true, answer)
	}
}
