package core

import (
	"context"
	"errors"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Reload reads the configuration again and tells how its groups differ from the
// active ones; nothing is started or stopped (rpcinterface.py, reloadConfig). A
// broken file changes nothing: CantReread with the reason.
func (s *Supervisor) Reload(ctx context.Context) (GroupDiff, error) {
	fresh, err := s.opts.Reread()
	if err != nil {
		s.log(config.ERRO, brokenRereadLine(err))
		return GroupDiff{}, refuse(CantReread, firstError(err))
	}
	var diff, further GroupDiff
	if s.opts.Further != nil {
		further = s.opts.Further(fresh)
	}
	err = s.ask(ctx, func() {
		s.configured = fresh.Groups
		active := make([]*config.Group, len(s.order))
		for i, g := range s.order {
			active[i] = g.present()
		}
		diff.Added, diff.Changed, diff.Removed = config.Diff(active, fresh.Groups)
		diff.Added = append(diff.Added, further.Added...)
		diff.Changed = append(diff.Changed, further.Changed...)
		diff.Removed = append(diff.Removed, further.Removed...)
		s.bus.Publish(eventlistener.NewConfigReloaded(diff.Added, diff.Changed, diff.Removed))
	})
	return diff, err
}

// firstError is what Supervisor would say of a broken configuration.
func firstError(err error) string {
	var all config.Errors
	if errors.As(err, &all) {
		return all.First()
	}
	return err.Error()
}

// AddGroup makes a group of the last configuration read active; its autostart
// processes start. Errors: BadName, AlreadyAdded, Failed.
func (s *Supervisor) AddGroup(ctx context.Context, name string) error {
	var conf *config.Group
	var refused *Error
	var closing <-chan struct{}
	if err := s.ask(ctx, func() {
		conf, refused = s.addable(name)
		closing = s.closing[name]
	}); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	set := s.opts.Config.Supervisord
	paths, err := resolveLogs(conf, set.ChildLogDir, set.Identifier)
	if err != nil {
		return refuse(Failed, err.Error())
	}
	sp := s.openSpool(conf, closing)
	added := false
	defer func() {
		if !added {
			sp.close(s.log)
		}
	}()
	if err := s.ask(context.WithoutCancel(ctx), func() { // so that it is known whose the spool is
		// Somebody may have been quicker.
		if _, refused = s.addable(name); refused != nil {
			return
		}
		added = true
		if sp != nil {
			s.resume(sp)
		}
		s.addGroup(conf, paths, sp)
		s.bootGroup(s.groups[name])
	}); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

// addable is the configured group of that name, unless it is active. Loop only.
func (s *Supervisor) addable(name string) (*config.Group, *Error) {
	for _, g := range s.configured {
		if g.Name != name {
			continue
		}
		if s.groups[name] != nil {
			return nil, refuse(AlreadyAdded, name)
		}
		return g, nil
	}
	return nil, refuse(BadName, name)
}

// RemoveGroup takes a stopped group out of the active configuration. Errors:
// BadName, StillRunning.
func (s *Supervisor) RemoveGroup(ctx context.Context, name string) error {
	var refused *Error
	err := s.ask(ctx, func() {
		g := s.groups[name]
		switch {
		case g == nil:
			refused = refuse(BadName, name)
		case !g.stopped():
			refused = refuse(StillRunning, name)
		default:
			s.removeGroup(g)
		}
	})
	if err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}
