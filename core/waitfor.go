package core

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/core/process"
)

// Waited is the state of a process when a WaitFor ended.
type Waited struct {
	ProcessInfo
	Reached bool // the process entered one of the states
	Gone    bool // its group was removed meanwhile
}

// maxWaited is how many processes all WaitFors under way wait for together: each of them takes some 400 bytes.
const maxWaited = 1 << 16

// stateWait is one WaitFor under way. It is the loop's until answer has a value.
type stateWait struct {
	states []process.State
	rows   []Waited // in the order of the selection
	open   int
	answer reply[[]Waited]
}

// decides reports whether a state ends the wait. FATAL does, wanted or not: a
// process leaves it only when it is started explicitly.
func (w *stateWait) decides(st process.State) bool {
	return st == process.Fatal || slices.Contains(w.states, st)
}

// WaitFor waits until each process of the selection has entered one of the states, if only for a moment, or FATAL, or is gone.
// When ctx ends first, it returns the states of that moment: a process that has not entered one of the states yet is not
// Reached. Errors: BadName for a name or pattern that chooses no process, Failed when too many processes are waited for.
func (c Selections) WaitFor(ctx context.Context, sel *Selection, states []process.State) ([]Waited, error) {
	s := c.s
	look := context.WithoutCancel(ctx) // a ctx that has ended only looks
	choose, err := s.chosen(look, sel)
	if err != nil {
		return nil, err
	}
	w := &stateWait{states: states, answer: make(reply[[]Waited], 1)}
	var members []*member
	var refused *Error
	// Without ctx: the loop answers at once, and a wait that it began must be ended below.
	if err := s.turns.Ask(look, func(l *loop) { members, refused = l.beginWait(w, choose) }); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	rows, err := await(ctx, s, w.answer)
	if err == nil || ctx.Err() == nil {
		return rows, err
	}
	if err := s.turns.Ask(context.WithoutCancel(ctx), func(l *loop) { l.endWait(w, members) }); err != nil {
		return nil, err
	}
	return await(context.WithoutCancel(ctx), s, w.answer)
}

func (l *loop) beginWait(w *stateWait, choose choice) ([]*member, *Error) {
	picked, missed, _ := choose(l)
	if len(missed) > 0 {
		return nil, refuse(BadName, missed[0])
	}
	if l.waited+len(picked) > maxWaited {
		return nil, refuse(Failed, "too many processes are waited for already; try again later")
	}
	l.waited += len(picked)
	members := make([]*member, len(picked))
	w.rows = make([]Waited, len(picked))
	w.open = 1 // ours, until all are looked at
	decided := func(m *member) (bool, *Error) { return w.decides(m.machine.State()), nil }
	for i, p := range picked {
		members[i] = p.m
		w.open++
		answer := func(gone *Error) {
			w.rows[i] = l.stands(w, p.m)
			w.rows[i].Gone = gone != nil
			w.close(l)
		}
		if done, _ := decided(p.m); done {
			answer(nil)
			continue
		}
		p.m.waiters = append(p.m.waiters, waiter{decided: decided, answer: answer, states: w})
	}
	w.close(l)
	return members, nil
}

// endWait answers for the processes that are still waited for.
func (l *loop) endWait(w *stateWait, members []*member) {
	for i, m := range members {
		before := len(m.waiters)
		m.waiters = slices.DeleteFunc(m.waiters, func(o waiter) bool { return o.states == w })
		if len(m.waiters) < before {
			w.rows[i] = l.stands(w, m)
			w.close(l)
		}
	}
}

func (l *loop) stands(w *stateWait, m *member) Waited {
	info := l.info(m, l.clock.Now())
	return Waited{ProcessInfo: info, Reached: slices.Contains(w.states, info.State)}
}

func (w *stateWait) close(l *loop) {
	if w.open--; w.open == 0 {
		l.waited -= len(w.rows)
		w.answer <- w.rows
	}
}

// gone answers the calls that wait for a process that no longer exists.
func (m *member) gone() {
	waiters := m.waiters
	m.waiters = nil
	for _, w := range waiters {
		w.answer(refuse(BadName, m.namespec()))
	}
}
