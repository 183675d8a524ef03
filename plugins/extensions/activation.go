package extensions

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/daemonlog"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/plugins/outlets"
	"github.com/hark-supervisor/hark/plugins/sections"
)

// This file activates, changes and deactivates sections about plugins. Whoever does so (a client's call, a section whose grace time is over,
// the beginning of a life, the end) holds changing, and checks again whatever was found out before, since another may have come
// first. The holder never waits for a plugin; it waits for disks and the loop within bounds.

// change runs f, which may change what is active, alone. The error is f's, ctx's, or ShutdownState.
func (e *Set) change(ctx context.Context, f func() error) error {
	select {
	case <-e.ending:
		return &core.Error{Kind: core.ShutdownState}
	case <-ctx.Done():
		return ctx.Err()
	default:
	}
	select {
	case e.changing <- struct{}{}:
		defer func() { <-e.changing }()
		return f()
	case <-e.ending:
		return &core.Error{Kind: core.ShutdownState}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// guarded is change for callers without an answer to give. A panic ends that change and is logged; everything else continues.
func (e *Set) guarded(section string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			e.log(config.CRIT, fmt.Sprintf("internal error: [%s] is left as it is: %v\n%s", section, p, debug.Stack()))
		}
	}()
	f()
}

// Begin makes the extensions those of a life of the daemon, before its supervisor runs: what was active in the life before, and is still configured,
// continues with all that waits. It waits for disks, for none of them long, and for no plugin.
func (e *Set) Begin(conf *config.Config, level config.Level, supervisor *core.Supervisor, letters *deadletters.Log, dispatcher *rpc.Dispatcher) {
	before := e.now.Swap(&life{
		conf: conf, supervisor: supervisor, dispatcher: dispatcher,
		own: rpc.NewDispatcher(e.log, rpc.Hark{Twiddling: supervisor}.ForPlugins()),
	})
	e.logger.SetLevel(daemonlog.HCLevel(level))
	e.core.move(supervisor, letters)
	e.policy.Store(sections.Policy(conf.Supervisord.PluginDirs, e.run.Make))
	diff := e.configure(conf)
	if before != nil {
		e.outlets.SetDaemon(e.daemonOf(conf))
		e.host.Renew(e.daemonOf(conf))
	}
	update := func() error {
		for _, name := range diff.Removed {
			e.guarded(name, func() { e.withdraw(name) })
		}
		for _, name := range slices.Concat(diff.Changed, diff.Added) {
			e.guarded(name, func() { _ = e.apply(name, 0) })
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), coreTime)
	defer cancel()
	if e.change(ctx, update) != nil { // a disk hangs
		go func() {
			if e.change(context.Background(), update) == nil {
				e.tellNamespaces()
			}
		}()
	}
	e.tellNamespaces() // a call that comes at once is answered that its plugin is not there yet
}

// configure takes a configuration as the one that is to be active, and reports what is to change for that.
func (e *Set) configure(conf *config.Config) core.GroupDiff {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.configured = sectionsOf(conf)
	for name := range e.leaving {
		e.stay(name)
	}
	return e.configured.against(&e.active)
}

// tellNamespaces passes the current namespaces to the dispatcher.
func (e *Set) tellNamespaces() {
	e.naming.Lock()
	defer e.naming.Unlock()
	if now := e.now.Load(); now != nil {
		now.dispatcher.SetNamespaces(namespaces(e.host, now.supervisor.Mood))
	}
}

// add makes a configured section active. One that is leaving is changed in place. The caller holds changing, as that of all that follow but close.
func (e *Set) add(name string) error {
	switch active, configured := e.knows(name); {
	case active:
		return &core.Error{Kind: core.AlreadyAdded, Detail: name}
	case !configured: // any more
		return &core.Error{Kind: core.BadName, Detail: name}
	}
	return e.apply(name, holdTime)
}

// parting is a section that was removed and may come back, changed.
type parting struct{ timer *time.Timer }

// stay keeps a section that was to leave. Under the lock.
func (e *Set) stay(name string) {
	if p := e.leaving[name]; p != nil {
		p.timer.Stop()
		delete(e.leaving, name)
	}
}

// leave ends a section. One that has changed in the configuration is given a moment to come back: what waits in its queue, and its
// plugin's state, then stay.
func (e *Set) leave(name string) error {
	active, waits := e.part(name)
	switch {
	case !active: // another change was first
		return &core.Error{Kind: core.BadName, Detail: name}
	case !waits:
		e.withdraw(name)
	}
	return nil
}

// part reports whether a section is active, and whether it is given a moment now.
func (e *Set) part(name string) (active, waits bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	active = e.active.has(name) && e.leaving[name] == nil
	if waits = active && e.configured.has(name) && !e.configured.same(&e.active, name); waits {
		p := &parting{}
		p.timer = time.AfterFunc(leaveTime, func() { e.left(name, p) })
		e.leaving[name] = p
	}
	return active, waits
}

// left ends a section that has not come back.
func (e *Set) left(name string, p *parting) {
	_ = e.change(context.Background(), func() error {
		e.guarded(name, func() {
			if e.over(name, p) {
				e.withdraw(name)
			}
		})
		return nil
	})
	e.tellNamespaces()
}

// over reports whether a section has not come back, nor left again since.
func (e *Set) over(name string, p *parting) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.leaving[name] != p {
		return false
	}
	delete(e.leaving, name)
	return true
}

// activate records a configured section as active and returns it; neither: it is no longer configured.
func (e *Set) activate(name string) (*config.Plugin, *config.PluginInstance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stay(name)
	if !e.configured.has(name) {
		return nil, nil
	}
	e.active.put(&e.configured, name)
	return e.active.plugins[name], e.active.instances[name]
}

// deactivate records that a section is not active, and returns it as it was.
func (e *Set) deactivate(name string) (*config.Plugin, *config.PluginInstance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stay(name)
	p, i := e.active.plugins[name], e.active.instances[name]
	e.active.remove(name)
	return p, i
}

// apply makes a configured section active, or changes the active one of its name in place. hold is outlets.Leave's. The error is BadName: it is not
// configured any more. One that cannot be used is active all the same; the log reports why. A panic leaves it inactive, so that it can be added again.
func (e *Set) apply(name string, hold time.Duration) error {
	p, i := e.activate(name)
	if p == nil && i == nil {
		return &core.Error{Kind: core.BadName, Detail: name}
	}
	whole := false
	defer func() {
		if !whole {
			e.deactivate(name)
		}
	}()
	if p != nil {
		e.applyPlugin(name, p)
	} else {
		e.applyInstance(name, i, hold)
	}
	whole = true
	return nil
}

func (e *Set) applyPlugin(name string, p *config.Plugin) {
	settings, err := sections.SettingsOf(p)
	if err != nil {
		e.log(config.ERRO, fmt.Sprintf("%s[%s] command: %v", config.Place(p.File, p.Line), name, err))
	}
	e.host.SetPlugin(settings)
}

func (e *Set) applyInstance(name string, i *config.PluginInstance, hold time.Duration) {
	e.host.SetInstance(sections.InstanceOf(i))
	ctx, cancel := context.WithTimeout(context.Background(), coreTime)
	defer cancel()
	var err error
	childLogDir := e.now.Load().conf.Supervisord.ChildLogDir
	switch leave := (outlets.Leave{Flush: flushTime, Hold: hold}); {
	case i.Notifier != nil:
		err = e.outlets.SetNotifier(ctx, sections.NotifierOptions(i.Name, i.Notifier, childLogDir), leave)
	case i.LogSink != nil:
		err = e.outlets.SetLogSink(ctx, sections.SinkOptions(i.Name, i.LogSink, childLogDir), leave)
	}
	if err != nil {
		e.log(config.ERRO, fmt.Sprintf("%s[%s] cannot be used: %v", config.Place(i.File, i.Line), name, err))
	}
}

// withdraw ends an active section. Its queue is delivered to its plugin in the background, and then the instance is removed there too.
func (e *Set) withdraw(name string) {
	p, i := e.deactivate(name)
	switch {
	case p != nil:
		e.host.RemovePlugin(p.Name)
		return
	case i == nil:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), coreTime)
	defer cancel()
	leave := outlets.Leave{Flush: flushTime, Gone: func() { e.dismiss(name, i) }}
	err := outlets.ErrNoOutlet
	switch {
	case i.Notifier != nil:
		err = e.outlets.RemoveNotifier(ctx, i.Name, leave)
	case i.LogSink != nil:
		err = e.outlets.RemoveLogSink(ctx, i.Name, leave)
	}
	if err != nil { // a namespace has no queue, nor has what could not be used
		e.host.RemoveInstance(sections.KindOf(i), i.Name)
	}
}

// dismiss ends the instance of a section that was withdrawn and flushed, unless it has come back.
func (e *Set) dismiss(name string, i *config.PluginInstance) {
	_ = e.change(context.Background(), func() error {
		e.guarded(name, func() {
			if active, _ := e.knows(name); !active {
				e.host.RemoveInstance(sections.KindOf(i), i.Name)
			}
		})
		return nil
	})
}

// Close ends all plugins, within a time or as soon as hurry is done: for its first half what waits is brought to them, then they have until three
// quarters of it to bring that further, and what still runs is killed. What does not end even so is left alone.
func (e *Set) Close(hurry context.Context, within time.Duration) {
	close(e.ending)
	ctx, cancel := context.WithTimeout(hurry, within)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.guarded("plugins", func() { e.end(ctx, within) })
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	last := time.NewTimer(lastTime)
	defer last.Stop()
	select {
	case <-done:
	case <-last.C:
		e.log(config.ERRO, "cannot wait for plugins, or disks of theirs, any longer")
	}
}

// lastTime is how long close waits for the ends of plugins that were killed, and for disks to take what is in memory.
const lastTime = 2500 * time.Millisecond

func (e *Set) end(ctx context.Context, within time.Duration) {
	part := func(eighths time.Duration) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, within*eighths/8)
	}
	flush, cancel := part(4)
	defer cancel()
	stop, cancel := part(6)
	defer cancel()
	select { // wait for the change that is in progress
	case e.changing <- struct{}{}:
		defer func() { <-e.changing }()
	case <-flush.Done():
	}
	e.stayAll()
	e.schemas.Close(flush)
	e.outlets.Close(flush)
	e.host.Close(stop)
	e.launcher.Wait()
}

func (e *Set) stayAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.leaving {
		e.stay(name)
	}
}
