package core

import (
	"context"
	"syscall"
)

// The calls on several processes: each is one turn of the loop for all of them, so
// that a hundred of them stop in the time of the slowest. A process that was chosen by a pattern or a group is left out of
// the outcomes where there is nothing to do; one that was chosen by its own name has the outcome that the call on it alone
// would have. A name or pattern that chooses no process has an outcome BadName.

// gathering collects the outcomes of one call on several processes, in the
// order in which they are decided (rpcinterface.py, make_allfunc).
type gathering struct {
	outcomes []Outcome
	open     int
	answer   reply[[]Outcome]
}

func (g *gathering) add(m *member, e *Error) {
	g.outcomes = append(g.outcomes, Outcome{Name: m.conf.Name, Group: m.group.conf.Name, Err: e})
}

// addStep is add for a step of a restart.
func (g *gathering) addStep(m *member, step string, e *Error) {
	g.outcomes = append(g.outcomes, Outcome{Name: m.conf.Name, Group: m.group.conf.Name, Err: e, Step: step})
}

// later returns the callback for a process whose outcome is not decided yet.
func (g *gathering) later(m *member) func(*Error) {
	g.open++
	return func(e *Error) {
		g.add(m, e)
		g.close()
	}
}

func (g *gathering) close() {
	if g.open--; g.open == 0 {
		g.answer <- g.outcomes
	}
}

// pick is a process that was chosen.
type pick struct {
	m     *member
	named bool // chosen by its own name: it is an error if the call cannot act on it
}

// choice finds the processes of a call, by priority, and the names and patterns that chose none.
type choice func(l *loop) (picked []pick, missed []string, refused *Error)

// everything chooses all processes.
func everything(l *loop) (picked []pick, _ []string, _ *Error) {
	for _, g := range l.byPriority() {
		for _, m := range g.ranked {
			picked = append(picked, pick{m: m})
		}
	}
	return picked, nil, nil
}

// ofGroup chooses the processes of a group.
func ofGroup(name string) choice {
	return func(l *loop) (picked []pick, _ []string, _ *Error) {
		g := l.groups[name]
		if g == nil {
			return nil, nil, refuse(BadName, name)
		}
		for _, m := range g.ranked {
			picked = append(picked, pick{m: m})
		}
		return picked, nil, nil
	}
}

// together acts on the chosen processes in one turn of the loop and waits for all of them.
func (s *Supervisor) together(ctx context.Context, choose choice, act func(*loop, *gathering, pick)) ([]Outcome, error) {
	g := &gathering{answer: make(reply[[]Outcome], 1)}
	err := s.asking(ctx, func(l *loop) *Error {
		picked, missed, refused := choose(l)
		if refused != nil {
			return refused
		}
		for _, name := range missed {
			g.outcomes = append(g.outcomes, Outcome{Name: name, Group: name, Err: refuse(BadName, name)})
		}
		g.open = 1 // ours, so that early outcomes don't close it
		for _, p := range picked {
			act(l, g, p)
		}
		g.close()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return await(ctx, s, g.answer)
}

// checkCommands makes checkCommand's checks for the chosen processes, off the loop.
func (s *Supervisor) checkCommands(ctx context.Context, choose choice) (map[*member]*Error, error) {
	var picked []pick
	if err := s.askRunning(ctx, func(l *loop) (refused *Error) {
		picked, _, refused = choose(l)
		return refused
	}); err != nil {
		return nil, err
	}
	checked := make(map[*member]*Error, len(picked))
	for _, p := range picked {
		checked[p.m] = s.checkCommand(p.m.conf)
	}
	return checked, nil
}

func (s *Supervisor) startEach(ctx context.Context, choose choice, wait bool) ([]Outcome, error) {
	checked, err := s.checkCommands(ctx, choose)
	if err != nil {
		return nil, err
	}
	return s.together(ctx, choose, func(l *loop, g *gathering, p pick) {
		running := p.m.machine.State().IsRunning()
		if running && !p.named {
			return
		}
		if e := checked[p.m]; e != nil && !running {
			g.add(p.m, e)
			return
		}
		l.start(p.m, wait, g.later(p.m))
	})
}

func stopOne(wait bool) func(*loop, *gathering, pick) {
	return func(l *loop, g *gathering, p pick) {
		if p.named || p.m.stoppable() {
			l.stop(p.m, wait, g.later(p.m))
		}
	}
}

func signalOne(sig syscall.Signal) func(*loop, *gathering, pick) {
	return func(l *loop, g *gathering, p pick) {
		if p.named || p.m.machine.State().IsSignallable() {
			g.add(p.m, l.signal(p.m, sig))
		}
	}
}

// StartGroup starts every process of a group that isn't running, together.
// Errors: BadName, ShutdownState; the latter is an outcome once it has begun.
func (s *Supervisor) StartGroup(ctx context.Context, group string, wait bool) ([]Outcome, error) {
	return s.startEach(ctx, ofGroup(group), wait)
}

// StartAll starts every process that isn't running, together. Error: ShutdownState,
// as of StartGroup.
func (s *Supervisor) StartAll(ctx context.Context, wait bool) ([]Outcome, error) {
	return s.startEach(ctx, everything, wait)
}

// StopGroup stops every running process of a group, together. Error: BadName.
func (s *Supervisor) StopGroup(ctx context.Context, group string, wait bool) ([]Outcome, error) {
	return s.together(ctx, ofGroup(group), stopOne(wait))
}

// StopAll stops every running process, together. Errors: those of InTurn.
func (s *Supervisor) StopAll(ctx context.Context, wait bool) ([]Outcome, error) {
	return s.together(ctx, everything, stopOne(wait))
}

// SignalGroup signals every process of a group that can take one. Error: BadName.
func (s *Supervisor) SignalGroup(ctx context.Context, group string, sig syscall.Signal) ([]Outcome, error) {
	return s.together(ctx, ofGroup(group), signalOne(sig))
}

// SignalAll signals every process that can take one.
func (s *Supervisor) SignalAll(ctx context.Context, sig syscall.Signal) ([]Outcome, error) {
	return s.together(ctx, everything, signalOne(sig))
}

// ProcessNames returns every process by priority (rpcinterface.py, _getAllProcesses): Group and Name of each are set.
func (s *Supervisor) ProcessNames(ctx context.Context) ([]Outcome, error) {
	return s.together(ctx, everything, nameOne)
}

func nameOne(_ *loop, g *gathering, p pick) { g.add(p.m, nil) }
