package extensions

import (
	"context"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
)

// Supervisor is the supervisor as clients see it: it has the sections about plugins as well as groups, so that reread, update, add and remove of
// any supervisorctl reach them too.
type Supervisor struct {
	*core.Supervisor
	sections *Set
}

// Further is core.Options' Further.
func (e *Set) Further(fresh *config.Config) (diff core.GroupDiff, why func(string) []config.Change, take func()) {
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
func (e *Set) knows(name string) (active, configured bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.active.has(name) && e.leaving[name] == nil, e.configured.has(name)
}

// AddGroup makes a section active too.
func (x *Supervisor) AddGroup(ctx context.Context, name string) error {
	if active, configured := x.sections.knows(name); !active && !configured {
		return x.Supervisor.AddGroup(ctx, name)
	}
	return x.change(ctx, func() error { return x.sections.add(name) })
}

// StopGroup of a section has nothing to stop: it ends when it is removed.
func (x *Supervisor) StopGroup(ctx context.Context, name string, wait bool) ([]core.Outcome, error) {
	if active, _ := x.sections.knows(name); active {
		return nil, nil
	}
	return x.Supervisor.StopGroup(ctx, name, wait)
}

// RemoveGroup ends a section too.
func (x *Supervisor) RemoveGroup(ctx context.Context, name string) error {
	if active, _ := x.sections.knows(name); !active {
		return x.Supervisor.RemoveGroup(ctx, name)
	}
	return x.change(ctx, func() error { return x.sections.leave(name) })
}

// change has f change what is active, alone, unless a shutdown or restart has begun while it waited for its turn.
func (x *Supervisor) change(ctx context.Context, f func() error) error {
	err := x.sections.change(ctx, func() error {
		if x.Mood() < core.MoodRunning {
			return &core.Error{Kind: core.ShutdownState}
		}
		return f()
	})
	if err == nil {
		x.sections.tellNamespaces()
	}
	return err
}

// Extend returns the supervisor of a life as clients see it.
func (e *Set) Extend(s *core.Supervisor) *Supervisor { return &Supervisor{s, e} }

// Check reports what is wrong with the sections about plugins of a configuration that was read again.
func (e *Set) Check(c *config.Config) error { return e.schemas.Check(c, e.log) }

// Unserved returns what is known to be wrong with the sections about plugins of a configuration, and why they are not served.
func (e *Set) Unserved(c *config.Config) config.Errors { return e.schemas.Unserved(c) }
