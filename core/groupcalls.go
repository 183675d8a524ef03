package core

import (
	"context"
	"syscall"
)

// gathering collects the outcomes of one call on several processes, in the
// order in which they are decided (rpcinterface.py, make_allfunc). Loop only.
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

// later gives the callback for a process whose outcome is not decided yet.
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

// chosen is the processes of one group, or of all, by priority. Loop only.
func (s *Supervisor) chosen(group string, all bool) ([]*member, *Error) {
	if all {
		var members []*member
		for _, g := range s.byPriority() {
			members = append(members, g.ranked...)
		}
		return members, nil
	}
	g := s.groups[group]
	if g == nil {
		return nil, refuse(BadName, group)
	}
	return g.ranked, nil
}

// together acts on the chosen processes in one turn of the loop and waits for
// all of them.
func (s *Supervisor) together(ctx context.Context, group string, all bool, act func(*gathering, *member)) ([]Outcome, error) {
	g := &gathering{answer: make(reply[[]Outcome], 1)}
	var refused *Error
	err := s.ask(ctx, func() {
		var members []*member
		if members, refused = s.chosen(group, all); refused != nil {
			return
		}
		g.open = 1 // ours, so that early outcomes don't close it
		for _, m := range members {
			act(g, m)
		}
		g.close()
	})
	if err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	return await(ctx, s, g.answer)
}

// StartGroup starts every process of a group that isn't running, together.
// Errors: BadName, ShutdownState; the latter is an outcome once it has begun.
func (s *Supervisor) StartGroup(ctx context.Context, group string, wait bool) ([]Outcome, error) {
	return s.startTogether(ctx, group, false, wait)
}

// StartAll starts every process that isn't running, together. Error: ShutdownState,
// as of StartGroup.
func (s *Supervisor) StartAll(ctx context.Context, wait bool) ([]Outcome, error) {
	return s.startTogether(ctx, "", true, wait)
}

func (s *Supervisor) startTogether(ctx context.Context, group string, all, wait bool) ([]Outcome, error) {
	var members []*member
	if err := s.askRunning(ctx, func() (refused *Error) {
		members, refused = s.chosen(group, all)
		return refused
	}); err != nil {
		return nil, err
	}
	checked := make(map[*member]*Error, len(members))
	for _, m := range members {
		checked[m] = s.checkCommand(m.conf)
	}
	return s.together(ctx, group, all, func(g *gathering, m *member) {
		if m.machine.State().IsRunning() {
			return
		}
		if e := checked[m]; e != nil {
			g.add(m, e)
			return
		}
		s.start(m, wait, g.later(m))
	})
}

// StopGroup stops every running process of a group, together. Error: BadName.
func (s *Supervisor) StopGroup(ctx context.Context, group string, wait bool) ([]Outcome, error) {
	return s.together(ctx, group, false, s.stopOne(wait))
}

// StopAll stops every running process, together.
func (s *Supervisor) StopAll(ctx context.Context, wait bool) ([]Outcome, error) {
	return s.together(ctx, "", true, s.stopOne(wait))
}

func (s *Supervisor) stopOne(wait bool) func(*gathering, *member) {
	return func(g *gathering, m *member) {
		if m.stoppable() {
			s.stop(m, wait, g.later(m))
		}
	}
}

// SignalGroup signals every process of a group that can take one. Error: BadName.
func (s *Supervisor) SignalGroup(ctx context.Context, group string, sig syscall.Signal) ([]Outcome, error) {
	return s.together(ctx, group, false, s.signalOne(sig))
}

// SignalAll signals every process that can take one.
func (s *Supervisor) SignalAll(ctx context.Context, sig syscall.Signal) ([]Outcome, error) {
	return s.together(ctx, "", true, s.signalOne(sig))
}

func (s *Supervisor) signalOne(sig syscall.Signal) func(*gathering, *member) {
	return func(g *gathering, m *member) {
		if m.machine.State().IsSignallable() {
			g.add(m, s.signal(m, sig))
		}
	}
}
