package main

import (
	"context"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
)

// extended is the supervisor as clients see it: with sections about plugins beside groups, so that reread, update, add and remove of any
// supervisorctl reach them too.
type extended struct {
	*core.Supervisor
	e *extensions
}

// further is core.Options' Further.
func (e *extensions) further(fresh *config.Config) (diff core.GroupDiff) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.configured = sectionsOf(fresh)
	for _, name := range e.configured.order {
		switch {
		case !e.active.has(name):
			diff.Added = append(diff.Added, name)
		case !e.configured.same(&e.active, name):
			diff.Changed = append(diff.Changed, name)
		}
	}
	for _, name := range e.active.order {
		if !e.configured.has(name) {
			diff.Removed = append(diff.Removed, name)
		}
	}
	return diff
}

// knows tells whether there is an active section of that name, and one to become active.
func (e *extensions) knows(name string) (active, configured bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.active.has(name) && e.leaving[name] == nil, e.configured.has(name)
}

// AddGroup makes a section active too.
func (x *extended) AddGroup(ctx context.Context, name string) error {
	active, configured := x.e.knows(name)
	switch {
	case active:
		return &core.Error{Kind: core.AlreadyAdded, Detail: name}
	case !configured:
		return x.Supervisor.AddGroup(ctx, name)
	case x.Mood() < core.MoodRunning:
		return &core.Error{Kind: core.ShutdownState}
	}
	x.e.add(name)
	return nil
}

// StopGroup of a section has nothing to stop: it ends when it is removed.
func (x *extended) StopGroup(ctx context.Context, name string, wait bool) ([]core.Outcome, error) {
	if active, _ := x.e.knows(name); active {
		return nil, nil
	}
	return x.Supervisor.StopGroup(ctx, name, wait)
}

// RemoveGroup ends a section too.
func (x *extended) RemoveGroup(ctx context.Context, name string) error {
	if active, _ := x.e.knows(name); active {
		x.e.leave(name)
		return nil
	}
	return x.Supervisor.RemoveGroup(ctx, name)
}

// add makes a section active. One that is leaving is changed in place.
func (e *extensions) add(name string) {
	e.changing.Lock()
	e.mu.Lock()
	if timer := e.leaving[name]; timer != nil {
		timer.Stop()
		delete(e.leaving, name)
	}
	closed := e.closed
	e.mu.Unlock()
	if !closed {
		e.apply(name)
	}
	e.changing.Unlock()
	e.tellNamespaces()
}

// leave ends a section. One that has changed in the configuration is given a moment to come back: what waits in its queue, and its
// plugin's state, then stay.
func (e *extensions) leave(name string) {
	e.mu.Lock()
	if e.configured.has(name) && !e.configured.same(&e.active, name) && !e.closed {
		e.leaving[name] = time.AfterFunc(leaveTime, func() { e.left(name) })
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	e.changing.Lock()
	e.mu.Lock()
	gone := e.active.has(name) && !e.closed // nobody was quicker
	e.mu.Unlock()
	if gone {
		e.withdraw(name)
	}
	e.changing.Unlock()
	e.tellNamespaces()
}

// left ends a section that has not come back.
func (e *extensions) left(name string) {
	e.changing.Lock()
	defer e.changing.Unlock()
	e.mu.Lock()
	gone := e.leaving[name] != nil && !e.closed
	delete(e.leaving, name)
	e.mu.Unlock()
	if gone {
		e.withdraw(name)
		e.dispatcher.SetNamespaces(namespaces(e.host, e.mood))
	}
}
