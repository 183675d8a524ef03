package core

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/preview"
	"github.com/hark-supervisor/hark/core/spools"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Reload reads the configuration again and reports how its groups differ from the
// active ones; nothing is started or stopped (rpcinterface.py, reloadConfig). A
// broken file changes nothing: CantReread with the reason. The other error is
// ShutdownState. Of two calls at once the second reads when the first is done: what
// is configured then is the file as it was read last.
func (s *Supervisor) Reload(ctx context.Context) (GroupDiff, error) {
	select {
	case s.reloading <- struct{}{}:
		defer func() { <-s.reloading }()
	case <-ctx.Done():
		return GroupDiff{}, ctx.Err()
	case <-s.turns.Ended():
		return GroupDiff{}, ErrEnded
	}
	fresh, err := s.opts.Reread()
	if err != nil {
		s.log(config.ERRO, activity.BrokenReread(err))
		return GroupDiff{}, refuse(CantReread, config.FirstError(err))
	}
	for _, warning := range fresh.Warnings {
		if !slices.Contains(s.warned, warning) {
			s.log(config.WARN, warning)
		}
	}
	s.warned = fresh.Warnings
	var diff, further GroupDiff
	take := func() {}
	if s.opts.Further != nil {
		further, _, take = s.opts.Further(fresh)
	}
	err = s.askRunning(ctx, func(l *loop) *Error {
		l.configured = fresh.Groups
		take()
		active := make([]*config.Group, len(l.order))
		for i, g := range l.order {
			active[i] = g.present()
		}
		diff.Added, diff.Changed, diff.Removed = config.Diff(active, fresh.Groups)
		diff.Added = append(diff.Added, further.Added...)
		diff.Changed = append(diff.Changed, further.Changed...)
		diff.Removed = append(diff.Removed, further.Removed...)
		l.bus.Publish(eventlistener.NewConfigReloaded(diff.Added, diff.Changed, diff.Removed))
		return nil
	})
	return diff, err
}

// PreviewUpdate reads the configuration again and reports what reloadConfig followed by
// adding and removing groups would do. Unlike Reload it changes nothing: the
// configuration that addProcessGroup takes from stays the one read before. Error: CantReread with
// every reason.
func (s *Supervisor) PreviewUpdate(ctx context.Context) ([]preview.Group, error) {
	fresh, err := s.opts.Reread()
	if err != nil {
		return nil, refuse(CantReread, err.Error())
	}
	var further preview.Sections
	if s.opts.Further != nil {
		diff, why, _ := s.opts.Further(fresh)
		further = preview.Sections{Added: diff.Added, Changed: diff.Changed, Removed: diff.Removed, Why: why}
	}
	var active []preview.Active
	if err := s.turns.Ask(ctx, func(l *loop) {
		for _, g := range l.order {
			one := preview.Active{Conf: g.present()}
			for _, m := range g.members {
				x := m.machine
				one.Processes = append(one.Processes, preview.Present{Name: m.conf.Name, State: x.State(), Respawning: x.Respawning(), Started: !x.StartTime().IsZero()})
			}
			active = append(active, one)
		}
	}); err != nil {
		return nil, err
	}
	return preview.Of(active, s.opts.Config, fresh, further), nil
}

// AddGroup makes a group of the last configuration read active; its autostart processes start. Errors: BadName, AlreadyAdded,
// Failed, ShutdownState; the group is then not added.
func (s *Supervisor) AddGroup(ctx context.Context, name string) error {
	for {
		if changed, err := s.tryAddGroup(ctx, name); !changed || err != nil {
			return err
		}
	}
}

// tryAddGroup is AddGroup, except that it adds nothing and reports changed if meanwhile a configuration was read in which the
// group of that name is another one.
func (s *Supervisor) tryAddGroup(ctx context.Context, name string) (changed bool, err error) {
	var conf *config.Group
	var closing <-chan struct{}
	if err := s.askRunning(ctx, func(l *loop) (refused *Error) {
		conf, refused = l.addable(name)
		closing = l.closing[name]
		return refused
	}); err != nil {
		return false, err
	}
	set := s.opts.Config.Supervisord
	paths, err := output.ResolveLogs(conf, set.ChildLogDir, set.Identifier)
	if err != nil {
		return false, refuse(Failed, err.Error())
	}
	sp := spools.Open(conf, set.ChildLogDir, s.spoolHooks(), closing)
	added := false
	defer func() {
		if !added {
			sp.Close(s.log)
			output.DiscardLogs(conf.Processes, paths)
		}
	}()
	// Without ctx, so that it is known whether the group has taken the spool and the logs.
	err = s.askRunning(context.WithoutCancel(ctx), func(l *loop) *Error {
		now, refused := l.addable(name) // another call may have added the group meanwhile
		if refused != nil {
			return refused
		}
		if changed = now != conf; changed {
			return nil
		}
		added = true
		if sp != nil {
			sp.Resume(l.bus, l.log)
		}
		l.addGroup(conf, paths, sp)
		l.bootGroup(l.groups[name])
		return nil
	})
	return changed, err
}

// addable returns the configured group of that name; it is an error if the group is active.
func (l *loop) addable(name string) (*config.Group, *Error) {
	for _, g := range l.configured {
		if g.Name != name {
			continue
		}
		if l.groups[name] != nil {
			return nil, refuse(AlreadyAdded, name)
		}
		return g, nil
	}
	return nil, refuse(BadName, name)
}

// RemoveGroup takes a stopped group out of the active configuration. Errors:
// BadName, StillRunning, ShutdownState.
func (s *Supervisor) RemoveGroup(ctx context.Context, name string) error {
	return s.askRunning(ctx, func(l *loop) *Error {
		g := l.groups[name]
		switch {
		case g == nil:
			return refuse(BadName, name)
		case !g.stopped():
			return refuse(StillRunning, name)
		}
		l.removeGroup(g)
		return nil
	})
}
