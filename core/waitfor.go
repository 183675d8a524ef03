package core

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/core/process"
)

// Waited is how a process stood when a WaitFor ended.
type Waited struct {
	ProcessInfo
	Reached bool // it came into one of the states
	Gone    bool // its group was removed meanwhile
}

// maxWaited is how many processes all WaitFors under way wait for together: each of them takes some 400 bytes.
const maxWaited = 1 << 16

// stateWait is one WaitFor under way. Loop only, until answer has a value.
type stateWait struct {
	s      *Supervisor
	states []process.State
	rows   []Waited // in the order of the selection
	open   int
	answer reply[[]Waited]
}

// decides reports whether a state ends the wait. FATAL does, wanted or not: a
// process leaves it only when somebody starts it.
func (w *stateWait) decides(st process.State) bool {
	return st == process.Fatal || slices.Contains(w.states, st)
}

// WaitFor waits until each process of the selection has come into one of the
// states, if only for a moment, or into FATAL, or is gone. When ctx ends first, it
// reports how they stand then: those that have not come yet are not Reached. Errors: BadName
// for a name or pattern that chooses none, Failed when too many processes are waited for.
func (s *Supervisor) WaitFor(ctx context.Context, sel *Selection, states []process.State) ([]Waited, error) {
	w := &stateWait{s: s, states: states, answer: make(reply[[]Waited], 1)}
	var members []*member
	var refused *Error
	// The loop answers at once; what it began must be ended below.
	if err := s.ask(context.WithoutCancel(ctx), func() { members, refused = s.beginWait(w, sel) }); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	rows, err := await(ctx, s, w.answer)
	if err == nil || ctx.Err() == nil {
		return rows, err
	}
	if err := s.ask(context.WithoutCancel(ctx), func() { s.endWait(w, members) }); err != nil {
		return nil, err
	}
	return await(context.WithoutCancel(ctx), s, w.answer)
}

func (s *Supervisor) beginWait(w *stateWait, sel *Selection) ([]*member, *Error) {
	picked, missed := s.pick(sel)
	if len(missed) > 0 {
		return nil, refuse(BadName, missed[0])
	}
	if s.waited+len(picked) > maxWaited {
		return nil, refuse(Failed, "too many processes are waited for already; try again later")
	}
	s.waited += len(picked)
	members := make([]*member, len(picked))
	w.rows = make([]Waited, len(picked))
	w.open = 1 // ours, until all are looked at
	decided := func(m *member) (bool, *Error) { return w.decides(m.machine.State()), nil }
	for i, p := range picked {
		members[i] = p.m
		w.open++
		answer := func(gone *Error) {
			w.rows[i] = s.stands(w, p.m)
			w.rows[i].Gone = gone != nil
			w.close()
		}
		if done, _ := decided(p.m); done {
			answer(nil)
			continue
		}
		p.m.waiters = append(p.m.waiters, waiter{decided: decided, answer: answer, states: w})
	}
	w.close()
	return members, nil
}

// endWait answers for the processes that are still waited for.
func (s *Supervisor) endWait(w *stateWait, members []*member) {
	for i, m := range members {
		before := len(m.waiters)
		m.waiters = slices.DeleteFunc(m.waiters, func(o waiter) bool { return o.states == w })
		if len(m.waiters) < before {
			w.rows[i] = s.stands(w, m)
			w.close()
		}
	}
}

func (s *Supervisor) stands(w *stateWait, m *member) Waited {
	info := s.info(m, s.clock.Now())
	return Waited{ProcessInfo: info, Reached: slices.Contains(w.states, info.State)}
}

func (w *stateWait) close() {
	if w.open--; w.open == 0 {
		w.s.waited -= len(w.rows)
		w.answer <- w.rows
	}
}

// gone answers those who wait for a process that is there no more.
func (m *member) gone() {
	waiters := m.waiters
	m.waiters = nil
	for _, w := range waiters {
		w.answer(refuse(BadName, m.namespec()))
	}
}
