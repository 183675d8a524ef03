package main

import (
	"context"

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
func (e *extensions) further(fresh *config.Config) (diff core.GroupDiff, why func(string) []config.Change, take func()) {
	s := sectionsOf(fresh)
	e.mu.Lock()
	defer e.mu.Unlock()
	why = func(name string) []config.Change {
		e.mu.Lock()
		defer e.mu.Unlock()
		return s.changes(&e.active, name)
	}
	return s.against(&e.active), why, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.configured = s
	}
}

// knows reports whether there is an active section of that name, and one to become active.
func (e *extensions) knows(name string) (active, configured bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.active.has(name) && e.leaving[name] == nil, e.configured.has(name)
}

// AddGroup makes a section active too.
func (x *extended) AddGroup(ctx context.Context, name string) error {
	if active, configured := x.e.knows(name); !active && !configured {
		return x.Supervisor.AddGroup(ctx, name)
	}
	return x.change(ctx, func() error { return x.e.add(name) })
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
	if active, _ := x.e.knows(name); !active {
		return x.Supervisor.RemoveGroup(ctx, name)
	}
	return x.change(ctx, func() error { return x.e.leave(name) })
}

// change has f change what is active, alone, unless a shutdown or restart has begun while it waited for its turn.
func (x *extended) change(ctx context.Context, f func() error) error {
	err := x.e.change(ctx, func() error {
		if x.Mood() < core.MoodRunning {
			return &core.Error{Kind: core.ShutdownState}
		}
		return f()
	})
	if err == nil {
		x.e.tellNamespaces()
	}
	return err
}
