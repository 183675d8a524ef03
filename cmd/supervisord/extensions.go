package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/outlets"
	"github.com/hark-supervisor/hark/plugins/trust"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// flushTime is how long a notifier or sink that was taken away may take to bring to its plugin what waits. Nobody waits for it, but for one
	// that is to have its spool, and that no longer than holdTime.
	flushTime = 5 * time.Second
	holdTime  = time.Second
	// coreTime bounds what is asked of the loop and of disks for a section.
	coreTime = 5 * time.Second
	// leaveTime is how long a section that was removed to be added again, changed, may take to come back: clients update in two calls.
	leaveTime = 5 * time.Second
)

// extensions are the plugins of the daemon with their notifiers, log sinks and namespaces. They last over its lives: what waits in a queue, and a
// plugin that takes its time, hold no restart up. Sections about plugins are active or not as groups are, under the whole names of the sections.
type extensions struct {
	host     *host.Host
	outlets  *outlets.Set
	core     *outletCore
	launcher *launcher
	schemas  *schemas
	log      func(config.Level, string)
	logger   hclog.Logger
	policy   atomic.Pointer[trust.Policy]
	run      *runDir
	now      atomic.Pointer[life]

	changing chan struct{} // held by what changes what is active
	ending   chan struct{} // closed when nothing is changed any more
	naming   sync.Mutex    // held by what tells a dispatcher of namespaces

	mu         sync.Mutex
	configured sections
	active     sections
	leaving    map[string]*parting
}

// life is a life of the daemon as the extensions meet it.
type life struct {
	conf       *config.Config
	supervisor *core.Supervisor
	dispatcher *rpc.Dispatcher
	own        *rpc.Dispatcher // the methods that only plugins can call
}

// newExtensions makes those of the daemon; nothing is started.
func (d *daemon) newExtensions() *extensions {
	pidfile := d.conf.Supervisord.Pidfile
	e := &extensions{
		log: d.write, logger: hostLogger(d.write), core: newOutletCore(), run: newRunDir(pidfile),
		launcher: newLauncher(d.system, d.write, pidfile),
		changing: make(chan struct{}, 1), ending: make(chan struct{}),
		active: sectionsOf(&config.Config{}), configured: sectionsOf(&config.Config{}), leaving: map[string]*parting{},
	}
	e.policy.Store(trustPolicy(d.conf.Supervisord.PluginDirs, e.run.make))
	e.host = host.New(host.Options{
		Launcher: e.launcher, RunDir: e.run.make, Daemon: daemonOf(d.conf), Log: e.logger,
		Resolve: func(s host.Settings) (*host.Executable, error) {
			defer d.disk()()
			return resolve(e.policy.Load(), s)
		},
		Call: func(ctx context.Context, readOnly bool, method string, params []any) (any, error) {
			now := e.now.Load()
			return callBack(ctx, now.dispatcher, now.own, readOnly, method, params)
		},
		ReadSecret: func(path string) (string, error) {
			defer d.disk()()
			secret, err := config.ReadSecretFile(path)
			return secret.Reveal(), err
		},
		Changed: func(c host.StateChange) {
			e.log(config.INFO, pluginLine(c))
			e.now.Load().supervisor.Publish(eventlistener.NewPluginState(pluginStates()[c.To], c.Plugin, c.From.String(), c.PID, c.Why))
		},
		Permits:    permits,
		Namespaces: e.tellNamespaces,
		Configured: func(kind wire.Kind, name string) { e.outlets.Retry(kind, name) },
	})
	e.schemas = newSchemas(e.policy.Load, e.host, e.launcher, d.disk)
	e.outlets = outlets.New(e.core, e.host, daemonOf(d.conf), d.silences, e.logger)
	return e
}

// daemonOf is what plugins learn about the daemon.
func daemonOf(c *config.Config) sdk.Daemon {
	hostname, _ := os.Hostname()
	return sdk.Daemon{Identifier: c.Supervisord.Identifier, Hostname: hostname, Version: version}
}

// permits is what a plugin may call back that has no section [plugin:x]: twiddler is there for nothing else, and sections
// [rpcinterface:x] with the factory of supervisor_twiddler must work as they are.
func permits(plugin string) host.Permissions {
	if plugin == "twiddler" {
		return host.AllCalls
	}
	return host.NoCalls
}

func pluginStates() map[host.State]eventlistener.Type {
	return map[host.State]eventlistener.Type{
		host.Stopped: eventlistener.PluginStateStopped, host.Starting: eventlistener.PluginStateStarting,
		host.Running: eventlistener.PluginStateRunning, host.Backoff: eventlistener.PluginStateBackoff,
		host.Fatal: eventlistener.PluginStateFatal, host.Stopping: eventlistener.PluginStateStopping,
	}
}

// pluginLine is the activity log's line of a change of a plugin's state.
func pluginLine(c host.StateChange) string {
	text := fmt.Sprintf("plugin %s is %s", c.Plugin, c.To)
	if c.PID > 0 {
		text += fmt.Sprintf(", pid %d", c.PID)
	}
	return text
}

// resolve finds what to execute for a plugin and checks it.
func resolve(policy *trust.Policy, s host.Settings) (*host.Executable, error) {
	e, err := policy.Resolve(trust.Wanted{Name: s.Name, Command: s.Command, SHA256: s.SHA256, Files: s.Files})
	if err != nil {
		return nil, suggested(policy, s.Name, err)
	}
	return &host.Executable{Argv: e.Argv, File: e.File, Path: e.Path, SHA256: e.SHA256, Close: func() { _ = e.Close() }}, nil
}

func settingsOf(p *config.Plugin) (host.Settings, error) {
	s := host.Settings{Name: p.Name, SHA256: p.SHA256, Files: p.Files, Permissions: permissionsOf(p.Permissions), MaxProcesses: p.MaxProcesses}
	if u := p.User; u != nil && u.UID != os.Geteuid() {
		s.User = &host.Account{Name: u.Name, UID: uint32(u.UID), GID: uint32(u.GID)} //nolint:gosec // ids
		for _, g := range u.Groups {
			s.User.Groups = append(s.User.Groups, uint32(g)) //nolint:gosec // an id
		}
	}
	s.Command = p.Command.Argv
	if p.Command.Err != nil {
		s.Command = []string{p.Command.Line} // which is refused when it is resolved
	}
	return s, p.Command.Err
}

func permissionsOf(p config.Permission) host.Permissions {
	switch p {
	case config.ReadCalls:
		return host.ReadCalls
	case config.AllCalls:
		return host.AllCalls
	}
	return host.NoCalls
}

func kindOf(i *config.PluginInstance) wire.Kind {
	switch i.Kind {
	case config.NotifierInstance:
		return wire.Notifier
	case config.LogSinkInstance:
		return wire.LogSink
	}
	return wire.Namespace
}

func instanceOf(i *config.PluginInstance) host.Instance {
	in := host.Instance{Kind: kindOf(i), Name: i.Name, Section: i.Section, Plugin: i.Plugin, File: i.File, Line: i.Line}
	for _, k := range i.Keys {
		in.Keys = append(in.Keys, host.Key{Name: k.Name, Value: k.Value.Reveal(), File: k.File, Line: k.Line})
	}
	return in
}

func sortedNames(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// Plugins is rpc.Plugins'.
func (e *extensions) Plugins() (all []rpc.Plugin) {
	for _, s := range e.host.Plugins() {
		p := rpc.Plugin{
			Name: s.Name, Version: s.Version, State: s.State.String(), PID: s.PID, Since: s.Since, Restarts: s.Restarts, Failures: s.Failures, Defects: s.Defects,
			Trouble: s.Trouble, SHA256: s.SHA256, Permissions: s.Permissions.String(),
		}
		for _, i := range s.Instances {
			p.Instances = append(p.Instances, rpc.PluginInstance{Section: i.Section, Kind: string(i.Kind), Name: i.Name, Ready: i.Ready, Pending: i.Pending, Previous: i.Previous, Trouble: i.Trouble})
		}
		all = append(all, p)
	}
	return all
}

// RestartPlugin is rpc.Plugins'.
func (e *extensions) RestartPlugin(name string) error {
	if e.host.Restart(name) != nil {
		return rpc.ErrNoSuch
	}
	return nil
}

// RetryPlugins is rpc.Plugins'.
func (e *extensions) RetryPlugins() { e.host.Retry() }
