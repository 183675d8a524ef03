package extensions

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
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/daemonlog"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/rundir"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/launch"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/outlets"
	"github.com/hark-supervisor/hark/plugins/sections"
	"github.com/hark-supervisor/hark/plugins/trust"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// flushTime is how long a removed notifier or sink may take to deliver its queue to its plugin. Nothing waits for it, except another one
	// that is to use its spool, and that one for holdTime at most.
	flushTime = 5 * time.Second
	holdTime  = time.Second
	// coreTime bounds what is asked of the loop and of disks for a section.
	coreTime = 5 * time.Second
	// leaveTime is how long a section that was removed to be added again, changed, may take to come back: clients update in two calls.
	leaveTime = 5 * time.Second
)

// Set is the plugins of the daemon with their notifiers, log sinks and namespaces. They last over its lives: what waits in a queue, and a
// plugin that takes its time, hold no restart up. Sections about plugins are active or not as groups are, under the whole names of the sections.
type Set struct {
	host     *host.Host
	outlets  *outlets.Set
	core     *outletCore
	launcher *launch.Launcher
	schemas  *sections.Schemas
	log      func(config.Level, string)
	version  string
	logger   hclog.Logger
	policy   atomic.Pointer[trust.Policy]
	run      *rundir.Dir
	now      atomic.Pointer[life]

	changing chan struct{} // held by what changes what is active
	ending   chan struct{} // closed when nothing is changed any more
	naming   sync.Mutex    // held while namespaces are passed to a dispatcher

	mu         sync.Mutex
	configured sectionSet
	active     sectionSet
	leaving    map[string]*parting
}

// life is a life of the daemon as the extensions meet it.
type life struct {
	conf       *config.Config
	supervisor *core.Supervisor
	dispatcher *rpc.Dispatcher
	own        *rpc.Dispatcher // the methods that only plugins can call
}

// Options are the daemon's values and functions for plugins. The functions may be called from any goroutine.
type Options struct {
	System   *child.System
	Log      func(config.Level, string)
	Disk     func() (done func()) // waits for a turn at the disk
	Silences *notify.Silences
	Version  string         // of the daemon, for plugins
	Config   *config.Config // of the first life
	Dir      string         // where relative names of configuration files begin
}

// New makes the plugins of a daemon; nothing is started.
func New(o Options) *Set {
	pidfile := o.Config.Supervisord.Pidfile
	e := &Set{
		log: o.Log, version: o.Version, logger: daemonlog.NewLogger(o.Log), core: newOutletCore(), run: rundir.New(pidfile),
		launcher: launch.New(o.System, o.Log, pidfile),
		changing: make(chan struct{}, 1), ending: make(chan struct{}),
		active: sectionsOf(&config.Config{}), configured: sectionsOf(&config.Config{}), leaving: map[string]*parting{},
	}
	e.policy.Store(sections.Policy(o.Config.Supervisord.PluginDirs, e.run.Make))
	e.host = host.New(host.Options{
		Launcher: e.launcher, RunDir: e.run.Make, Daemon: e.daemonOf(o.Config), Log: e.logger, Dir: o.Dir,
		Resolve: func(s host.Settings) (*host.Executable, error) {
			defer o.Disk()()
			return sections.Resolve(e.policy.Load(), s)
		},
		Call: func(ctx context.Context, readOnly bool, method string, params []any) (any, error) {
			now := e.now.Load()
			return callBack(ctx, now.dispatcher, now.own, readOnly, method, params)
		},
		ReadSecret: func(path string) (string, error) {
			defer o.Disk()()
			secret, err := config.ReadSecretFile(path)
			return secret.Reveal(), err
		},
		Changed: func(c host.StateChange) {
			e.log(config.INFO, pluginLine(c))
			e.now.Load().supervisor.Publish(eventlistener.NewPluginState(pluginStates()[c.To], c.Plugin, c.From.String(), c.PID, c.Why))
		},
		Namespaces: e.tellNamespaces,
		Configured: func(kind wire.Kind, name string) { e.outlets.Retry(kind, name) },
	})
	e.schemas = sections.NewSchemas(e.policy.Load, e.host, e.launcher, o.Disk)
	e.outlets = outlets.New(e.core, e.host, e.daemonOf(o.Config), o.Silences, e.logger)
	return e
}

// daemonOf is what plugins learn about the daemon.
func (e *Set) daemonOf(c *config.Config) sdk.Daemon {
	hostname, _ := os.Hostname()
	return sdk.Daemon{Identifier: c.Supervisord.Identifier, Hostname: hostname, Version: e.version}
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

func sortedNames(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// Plugins implements rpc.Plugins.
func (e *Set) Plugins() (all []rpc.Plugin) {
	for _, s := range e.host.Plugins() {
		p := rpc.Plugin{
			Name: s.Name, Version: s.Version, State: s.State.String(), PID: s.PID, Since: s.Since, Restarts: s.Restarts, Failures: s.Failures, Defects: s.Defects,
			Trouble: s.Trouble, SHA256: s.SHA256, Permissions: s.Permissions.String(),
		}
		for _, i := range s.Instances {
			p.Instances = append(p.Instances, rpc.PluginInstance(i))
		}
		all = append(all, p)
	}
	return all
}

// RestartPlugin implements rpc.Plugins.
func (e *Set) RestartPlugin(name string) error {
	if e.host.Restart(name) != nil {
		return rpc.ErrNoSuch
	}
	return nil
}

// RetryPlugins implements rpc.Plugins.
func (e *Set) RetryPlugins() { e.host.Retry() }
