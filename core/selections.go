package core

import (
	"context"
	"slices"
	"syscall"
)

// Selections has the calls that act on a Selection.
type Selections struct{ s *Supervisor }

// Selections returns the calls that act on a Selection.
func (s *Supervisor) Selections() Selections { return Selections{s} }

// together acts on the processes of a Selection in one turn of the loop and waits for all of them.
func (c Selections) together(ctx context.Context, sel *Selection, act func(*loop, *gathering, pick)) ([]Outcome, error) {
	choose, err := c.s.chosen(ctx, sel)
	if err != nil {
		return nil, err
	}
	return c.s.together(ctx, choose, act)
}

// StartSelected starts the processes that aren't running, together. Error:
// ShutdownState, as of StartGroup.
func (c Selections) StartSelected(ctx context.Context, sel *Selection, wait bool) ([]Outcome, error) {
	choose, err := c.s.chosen(ctx, sel)
	if err != nil {
		return nil, err
	}
	return c.s.startEach(ctx, choose, wait)
}

// StopSelected stops the processes that run, together.
func (c Selections) StopSelected(ctx context.Context, sel *Selection, wait bool) ([]Outcome, error) {
	return c.together(ctx, sel, stopOne(wait))
}

// SignalSelected signals the processes that can take a signal.
func (c Selections) SignalSelected(ctx context.Context, sel *Selection, sig syscall.Signal) ([]Outcome, error) {
	return c.together(ctx, sel, signalOne(sig))
}

// SelectedNames returns the processes of a Selection by priority; names and patterns of it that choose no process follow,
// with the error BadName.
func (c Selections) SelectedNames(ctx context.Context, sel *Selection) ([]Outcome, error) {
	return c.together(ctx, sel, nameOne)
}

// RestartSelected stops the processes that run and starts all processes of the Selection, each as soon as it has itself
// stopped. When ctx ends, the restart goes on, except for processes that another call is stopping: they stay stopped. Each
// outcome has a Step; after a stop that failed there is no outcome of a start. Error: ShutdownState, as of StartGroup.
func (c Selections) RestartSelected(ctx context.Context, sel *Selection) ([]Outcome, error) {
	s := c.s
	choose, err := s.chosen(ctx, sel)
	if err != nil {
		return nil, err
	}
	checked, err := s.checkCommands(ctx, choose)
	if err != nil {
		return nil, err
	}
	var foreign []*member // processes that another call is stopping; belongs to the loop, as does all
	var all *gathering
	outcomes, err := s.together(ctx, choose, func(l *loop, g *gathering, p pick) {
		m := p.m
		all = g
		g.open++ // until its start is decided
		startNow := func(l *loop) {
			l.startAgain(m, checked[m], func(e *Error) {
				g.addStep(m, StepStart, e)
				g.close()
			})
		}
		// The start is a turn of its own, because next is called inside the step that ended the stop.
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
			// The waiter is removed below when the caller goes away, so that many such calls do not use memory.
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
		_ = s.turns.Ask(context.WithoutCancel(ctx), func(*loop) { // it fails only after the end of the loop, when there are no waiters
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
		answer(nil) // the process was replaced and has been started with its new configuration
	case command != nil:
		answer(command)
	default:
		l.start(m, true, answer)
	}
}
