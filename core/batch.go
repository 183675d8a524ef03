package core

import (
	"context"
	"slices"
	"syscall"
)

// The calls on a Selection: each is one turn of the loop for all its processes, so
// that a hundred of them stop in the time of the slowest. A process chosen by a
// pattern is passed over where there is nothing to do; one chosen by its name gives
// the outcome that the call on it alone would have, and a name or pattern that
// chooses none is an outcome BadName of its own.

// batch acts on the processes of a Selection and waits for all of them.
func (s *Supervisor) batch(ctx context.Context, sel *Selection, act func(*gathering, pick)) ([]Outcome, error) {
	g := &gathering{answer: make(reply[[]Outcome], 1)}
	err := s.ask(ctx, func() {
		picked, missed := s.pick(sel)
		for _, name := range missed {
			g.outcomes = append(g.outcomes, Outcome{Name: name, Group: name, Err: refuse(BadName, name)})
		}
		g.open = 1 // ours, so that early outcomes don't close it
		for _, p := range picked {
			act(g, p)
		}
		g.close()
	})
	if err != nil {
		return nil, err
	}
	return await(ctx, s, g.answer)
}

// checkCommands looks for the programs of a Selection's processes, off the loop.
func (s *Supervisor) checkCommands(ctx context.Context, sel *Selection) (map[*member]*Error, error) {
	var picked []pick
	if err := s.askRunning(ctx, func() *Error { picked, _ = s.pick(sel); return nil }); err != nil {
		return nil, err
	}
	checked := make(map[*member]*Error, len(picked))
	for _, p := range picked {
		checked[p.m] = s.checkCommand(p.m.conf)
	}
	return checked, nil
}

// StartSelected starts the processes that aren't running, together. Error:
// ShutdownState, as of StartGroup.
func (s *Supervisor) StartSelected(ctx context.Context, sel *Selection, wait bool) ([]Outcome, error) {
	checked, err := s.checkCommands(ctx, sel)
	if err != nil {
		return nil, err
	}
	return s.batch(ctx, sel, func(g *gathering, p pick) {
		running := p.m.machine.State().IsRunning()
		if running && !p.named {
			return
		}
		if e := checked[p.m]; e != nil && !running {
			g.add(p.m, e)
			return
		}
		s.start(p.m, wait, g.later(p.m))
	})
}

// StopSelected stops the processes that run, together.
func (s *Supervisor) StopSelected(ctx context.Context, sel *Selection, wait bool) ([]Outcome, error) {
	return s.batch(ctx, sel, func(g *gathering, p pick) {
		if p.named || p.m.stoppable() {
			s.stop(p.m, wait, g.later(p.m))
		}
	})
}

// SignalSelected signals the processes that can take a signal.
func (s *Supervisor) SignalSelected(ctx context.Context, sel *Selection, sig syscall.Signal) ([]Outcome, error) {
	return s.batch(ctx, sel, func(g *gathering, p pick) {
		if p.named || p.m.machine.State().IsSignallable() {
			g.add(p.m, s.signal(p.m, sig))
		}
	})
}

// RestartSelected stops the processes that run and starts all, each as soon as it
// has itself stopped. It goes on when the caller no longer waits, but for processes
// that somebody else is stopping: these stay stopped then. The outcomes
// tell their Step; a stop that fails is the last of its process. Error:
// ShutdownState, as of StartGroup.
func (s *Supervisor) RestartSelected(ctx context.Context, sel *Selection) ([]Outcome, error) {
	checked, err := s.checkCommands(ctx, sel)
	if err != nil {
		return nil, err
	}
	var foreign []*member // whose stop is another call's; loop only, like those below
	var all *gathering
	outcomes, err := s.batch(ctx, sel, func(g *gathering, p pick) {
		m := p.m
		all = g
		g.open++ // until its start is decided
		startNow := func() {
			s.startAgain(m, checked[m], func(e *Error) {
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
			s.inbox.put(startNow)
		}
		switch {
		case m.stoppable():
			s.stop(m, true, next)
		case !m.machine.State().IsStopped(): // STOPPING
			// However many ask for it, and however long it takes, what is kept for those who are gone is nothing.
			foreign = append(foreign, m)
			m.waiters = append(m.waiters, waiter{answer: next, decided: stopped, stop: g})
		default:
			if p.named {
				g.addStep(m, StepStop, refuse(NotRunning, m.namespec()))
			}
			startNow()
		}
	})
	if err != nil && ctx.Err() != nil {
		_ = s.ask(context.WithoutCancel(ctx), func() { // it fails when there is nobody to wait any more
			for _, m := range foreign {
				m.waiters = slices.DeleteFunc(m.waiters, func(w waiter) bool { return w.stop == all })
			}
		})
	}
	return outcomes, err
}

// startAgain starts a process unless its group was removed meanwhile.
func (s *Supervisor) startAgain(m *member, command *Error, answer func(*Error)) {
	switch now, refused := s.find(m.group.conf.Name, m.conf.Name); {
	case refused != nil:
		answer(refused)
	case now != m:
		answer(nil) // it has another configuration, and was started with that
	case command != nil:
		answer(command)
	default:
		s.start(m, true, answer)
	}
}

// SelectedNames lists the processes of a Selection by priority; those of its names
// and patterns that choose none follow, with the error BadName.
func (s *Supervisor) SelectedNames(ctx context.Context, sel *Selection) ([]Outcome, error) {
	return s.batch(ctx, sel, func(g *gathering, p pick) { g.add(p.m, nil) })
}
