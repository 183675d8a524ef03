package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins"
	"github.com/hark-supervisor/hark/plugins/trust"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// flushTime is how long notifiers and sinks may take, at the end, to bring to their plugins what waits; then the plugins have as long
	// to bring it further.
	flushTime = 5 * time.Second
	// leaveTime is how long a section that was removed to be added again, changed, may take to come back: clients update in two calls.
	leaveTime = 5 * time.Second
)

// extensions are the plugins of one life of the daemon with their notifiers, log sinks and namespaces. Sections about plugins are
// active or not as groups are, under the whole names of the sections.
type extensions struct {
	host       *plugins.Host
	outlets    *plugins.Outlets
	launcher   *launcher
	schemas    *schemas
	log        *activity
	conf       *config.Config // of the start
	dispatcher *rpc.Dispatcher
	mood       func() core.Mood

	changing   sync.Mutex // held by what changes something, which may block
	mu         sync.Mutex
	configured sections
	active     sections
	leaving    map[string]*time.Timer
	closed     bool
}

// sections are the sections about plugins of a configuration, by their names.
type sections struct {
	plugins   map[string]*config.Plugin
	instances map[string]*config.PluginInstance
	order     []string
}

func sectionsOf(c *config.Config) sections {
	s := sections{plugins: map[string]*config.Plugin{}, instances: map[string]*config.PluginInstance{}}
	for i := range c.Plugins {
		name := pluginPrefix + c.Plugins[i].Name
		s.plugins[name] = &c.Plugins[i]
		s.order = append(s.order, name)
	}
	for i := range c.Instances {
		name := c.Instances[i].Section
		s.instances[name] = &c.Instances[i]
		s.order = append(s.order, name)
	}
	return s
}

const pluginPrefix = "plugin:"

func (s *sections) has(name string) bool { return s.plugins[name] != nil || s.instances[name] != nil }

// same tells whether a section is the same in both.
func (s *sections) same(o *sections, name string) bool {
	if p := s.plugins[name]; p != nil {
		return o.plugins[name] != nil && p.Equal(o.plugins[name])
	}
	i := s.instances[name]
	return i != nil && o.instances[name] != nil && i.Equal(o.instances[name])
}

// put makes a section that of another set; remove takes it out.
func (s *sections) put(o *sections, name string) {
	if !s.has(name) {
		s.order = append(s.order, name)
	}
	if p := o.plugins[name]; p != nil {
		s.plugins[name] = p
		return
	}
	s.instances[name] = o.instances[name]
}

func (s *sections) remove(name string) {
	delete(s.plugins, name)
	delete(s.instances, name)
	s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == name })
}

// newExtensions makes those of a life; nothing is started.
func (d *daemon) newExtensions(supervisor *core.Supervisor, log *activity) *extensions {
	set := &d.conf.Supervisord
	hostname, _ := os.Hostname()
	daemon := sdk.Daemon{Identifier: set.Identifier, Hostname: hostname, Version: version}
	logger := hostLogger(log)
	e := &extensions{
		launcher: newLauncher(d.system, log.write, set.Pidfile), log: log, conf: d.conf, mood: supervisor.Mood,
		active: sectionsOf(&config.Config{}), configured: sectionsOf(d.conf), leaving: map[string]*time.Timer{},
	}
	run := runDirectory(set.Pidfile)
	policy := trustPolicy(set.PluginDirs, filepath.Join(run, "x"))
	e.host = plugins.NewHost(plugins.HostOptions{
		Launcher: e.launcher, RunDir: run, Daemon: daemon, Log: logger,
		Resolve: func(s plugins.Settings) (*plugins.Executable, error) {
			defer d.disk()()
			return resolve(policy, s)
		},
		Call: func(ctx context.Context, readOnly bool, method string, params []any) (any, error) {
			return callBack(ctx, e.dispatcher, readOnly, method, params)
		},
		ReadSecret: func(path string) (string, error) {
			defer d.disk()()
			secret, err := config.ReadSecretFile(path)
			return secret.Reveal(), err
		},
		Changed: func(c plugins.StateChange) {
			log.write(config.INFO, pluginLine(c))
			supervisor.PluginChanged(pluginStates()[c.To], c.Plugin, c.From.String(), c.PID, c.Why)
		},
		Namespaces: e.tellNamespaces,
	})
	e.schemas = newSchemas(policy, e.host, e.launcher, d.disk)
	e.outlets = plugins.NewOutlets(newOutletCore(supervisor), e.host, daemon, d.silences, logger)
	return e
}

func pluginStates() map[plugins.State]eventlistener.Type {
	return map[plugins.State]eventlistener.Type{
		plugins.Stopped: eventlistener.PluginStateStopped, plugins.Starting: eventlistener.PluginStateStarting,
		plugins.Running: eventlistener.PluginStateRunning, plugins.Backoff: eventlistener.PluginStateBackoff,
		plugins.Fatal: eventlistener.PluginStateFatal, plugins.Stopping: eventlistener.PluginStateStopping,
	}
}

// pluginLine is the activity log's line of a change of a plugin's state.
func pluginLine(c plugins.StateChange) string {
	text := fmt.Sprintf("plugin %s is %s", c.Plugin, c.To)
	if c.PID > 0 {
		text += fmt.Sprintf(", pid %d", c.PID)
	}
	return text
}

// runDirectory is where the sockets of plugins are: short, for their paths are limited, and ours alone by the path of the pidfile.
func runDirectory(pidfile string) string {
	base := fmt.Sprintf("%s/hark-%d", strings.TrimSuffix(os.TempDir(), "/"), os.Geteuid())
	if own := os.Getenv("XDG_RUNTIME_DIR"); own != "" && os.Geteuid() != 0 && isOwn(own) {
		base = filepath.Join(own, "hark")
	}
	if os.Geteuid() == 0 {
		for _, dir := range []string{"/run", "/var/run"} {
			if st, err := os.Stat(dir); err == nil && st.IsDir() {
				base = filepath.Join(dir, "hark")
				break
			}
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(pidfile))
	return filepath.Join(base, fmt.Sprintf("%08x", h.Sum32()))
}

// isOwn tells whether a directory is ours: XDG_RUNTIME_DIR is root's where root started us and user= made us another.
func isOwn(dir string) bool {
	st, err := os.Stat(dir)
	if err != nil || !st.IsDir() {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}

// resolve finds what to execute for a plugin and checks it.
func resolve(policy *trust.Policy, s plugins.Settings) (*plugins.Executable, error) {
	e, err := policy.Resolve(trust.Wanted{Name: s.Name, Command: s.Command, SHA256: s.SHA256, Files: s.Files})
	if err != nil {
		return nil, err
	}
	return &plugins.Executable{Argv: e.Argv, File: e.File, Path: e.Path, SHA256: e.SHA256, Close: func() { _ = e.Close() }}, nil
}

// begin makes all sections of the configuration active, before the supervisor runs.
func (e *extensions) begin(dispatcher *rpc.Dispatcher) {
	e.dispatcher = dispatcher
	for _, name := range slices.Clone(e.configured.order) {
		e.apply(name)
	}
	e.tellNamespaces() // who calls one at once is told that its plugin is not there yet
}

// tellNamespaces gives the dispatcher the namespaces there are.
func (e *extensions) tellNamespaces() {
	e.changing.Lock()
	defer e.changing.Unlock()
	e.dispatcher.SetNamespaces(namespaces(e.host, e.mood))
}

// apply makes a configured section active, or changes the active one of its name in place.
func (e *extensions) apply(name string) {
	e.mu.Lock()
	p, i := e.configured.plugins[name], e.configured.instances[name]
	e.active.put(&e.configured, name)
	e.mu.Unlock()
	if p != nil {
		settings, err := settingsOf(p)
		if err != nil {
			e.log.write(config.ERRO, fmt.Sprintf("%s:%d: [%s] command: %v", p.File, p.Line, name, err))
		}
		e.host.SetPlugin(settings)
		return
	}
	e.host.SetInstance(instanceOf(i))
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	var err error
	childLogDir := e.conf.Supervisord.ChildLogDir
	switch {
	case i.Notifier != nil:
		err = e.outlets.SetNotifier(ctx, notifierOptions(i.Name, i.Notifier, childLogDir))
	case i.LogSink != nil:
		err = e.outlets.SetLogSink(ctx, sinkOptions(i.Name, i.LogSink, childLogDir))
	}
	if err != nil {
		e.log.write(config.ERRO, fmt.Sprintf("%s:%d: [%s] cannot be used: %v", i.File, i.Line, name, err))
	}
}

// withdraw ends an active section.
func (e *extensions) withdraw(name string) {
	e.mu.Lock()
	p, i := e.active.plugins[name], e.active.instances[name]
	e.active.remove(name)
	e.mu.Unlock()
	if p != nil {
		e.host.RemovePlugin(p.Name)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	var err error
	switch {
	case i.Notifier != nil:
		err = e.outlets.RemoveNotifier(ctx, i.Name)
	case i.LogSink != nil:
		err = e.outlets.RemoveLogSink(ctx, i.Name)
	}
	if err != nil {
		e.log.write(config.WARN, fmt.Sprintf("[%s] at its end: %v", name, err))
	}
	e.host.RemoveInstance(kindOf(i), i.Name)
}

// close brings what waits to the plugins, and ends them.
func (e *extensions) close() {
	e.changing.Lock() // what is being changed is waited for; nothing is changed any more
	e.mu.Lock()
	e.closed = true
	for _, timer := range e.leaving {
		timer.Stop()
	}
	e.mu.Unlock()
	e.changing.Unlock()
	e.schemas.close()
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	e.outlets.Close(ctx)
	cancel()
	ctx, cancel = context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	e.host.Close(ctx)
	e.launcher.ending.Wait()
}

func settingsOf(p *config.Plugin) (plugins.Settings, error) {
	s := plugins.Settings{Name: p.Name, SHA256: p.SHA256, Files: p.Files, Permissions: plugins.Permissions(p.Permissions), MaxProcesses: p.MaxProcesses}
	if u := p.User; u != nil && u.UID != os.Geteuid() {
		s.User = &plugins.Account{Name: u.Name, UID: uint32(u.UID), GID: uint32(u.GID)} //nolint:gosec // ids
		for _, g := range u.Groups {
			s.User.Groups = append(s.User.Groups, uint32(g)) //nolint:gosec // an id
		}
	}
	if p.Command == "" {
		return s, nil
	}
	argv, err := process.Split(p.Command)
	if err == nil && len(argv) == 0 {
		err = fmt.Errorf("it is empty")
	}
	if err != nil {
		argv = []string{p.Command} // which is refused when it is resolved
	}
	s.Command = argv
	return s, err
}

func kindOf(i *config.PluginInstance) sdk.KindName {
	switch i.Kind {
	case config.NotifierInstance:
		return sdk.NotifierKind
	case config.LogSinkInstance:
		return sdk.LogSinkKind
	}
	return sdk.NamespaceKind
}

func instanceOf(i *config.PluginInstance) plugins.Instance {
	in := plugins.Instance{Kind: kindOf(i), Name: i.Name, Section: i.Section, Plugin: i.Plugin, File: i.File, Line: i.Line}
	for _, k := range i.Keys {
		in.Keys = append(in.Keys, plugins.Key{Name: k.Name, Value: k.Value.Reveal(), File: k.File, Line: k.Line})
	}
	return in
}

func sortedNames(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// Plugins is rpc.Plugins'.
func (e *extensions) Plugins() (all []rpc.Plugin) {
	for _, s := range e.host.Plugins() {
		p := rpc.Plugin{
			Name: s.Name, Version: s.Version, State: s.State.String(), PID: s.PID, Since: s.Since, Restarts: s.Restarts, Failures: s.Failures,
			Trouble: s.Trouble, SHA256: s.SHA256, Permissions: config.Permission(s.Permissions).String(),
		}
		for _, i := range s.Instances {
			p.Instances = append(p.Instances, rpc.PluginInstance{Section: i.Section, Kind: string(i.Kind), Name: i.Name, Ready: i.Ready, Trouble: i.Trouble})
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
