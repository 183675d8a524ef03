package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/guard"
	"github.com/hark-supervisor/hark/sdk"
)

// Options is what a Host needs from outside. Its functions may be called from any goroutine.
type Options struct {
	Launcher Launcher
	// Resolve finds and checks what to execute. It may block on a disk.
	Resolve func(Settings) (*Executable, error)
	// RunDir creates a directory that only the host uses, and returns it; the host empties it first and removes it at the end.
	RunDir func() (string, error)
	Daemon sdk.Daemon
	// Call calls a method of the daemon for a plugin: with readOnly only one that changes nothing, else ErrForbidden. It ends with ctx.
	Call func(ctx context.Context, readOnly bool, method string, params []any) (any, error)
	// Dir is where the names of the files begin in which sections are written, as far as they are relative.
	Dir string
	// ReadSecret reads a secret from a file. It may block on a disk.
	ReadSecret func(path string) (string, error)
	// Changed is called with every change of state. It must not block.
	Changed func(StateChange)
	// Namespaces is called when Host.Namespaces would answer something else than before. It may call the Host.
	Namespaces func()
	// Configured is called when a plugin has taken new settings of an instance: what failed with
	// the old ones may be tried at once. It must not block.
	Configured func(kind wire.Kind, name string)
	Log        hclog.Logger
	Timing     Timing
}

// Permissions is what a plugin may call back.
type Permissions = wire.Permission

// The permissions.
const (
	NoCalls   = wire.NoCalls
	ReadCalls = wire.ReadCalls
	AllCalls  = wire.AllCalls
)

// Settings say how a plugin's process runs.
type Settings struct {
	Name         string
	Command      []string // nil: to be found by its name
	SHA256       string
	Files        []string
	User         *Account
	Permissions  Permissions
	AsDescribed  bool // there is no section: a plugin that comes with the daemon gets the permissions that it asks for instead of Permissions
	MaxProcesses int
}

func (s *Settings) equal(o *Settings) bool {
	same := s.Name == o.Name && slices.Equal(s.Command, o.Command) && s.SHA256 == o.SHA256 && slices.Equal(s.Files, o.Files) &&
		s.Permissions == o.Permissions && s.AsDescribed == o.AsDescribed && s.MaxProcesses == o.MaxProcesses && (s.User == nil) == (o.User == nil)
	return same && (s.User == nil || s.User.UID == o.User.UID && s.User.GID == o.User.GID && slices.Equal(s.User.Groups, o.User.Groups))
}

// Instance is a section that a plugin serves.
type Instance struct {
	Kind    wire.Kind
	Name    string
	Section string // its whole name, for messages
	Plugin  string
	Keys    []Key
	File    string
	Line    int
}

// Key is a key of a section.
type Key struct {
	Name, Value string
	File        string
	Line        int
	Near        string // the key of the daemon's own that it is like, if it is not the plugin's
}

// locate makes the names of the files in which the section is written absolute.
func (i *Instance) locate(dir string) {
	absolute := func(file string) string {
		if file == "" || filepath.IsAbs(file) {
			return file
		}
		return filepath.Join(dir, file)
	}
	i.File, i.Keys = absolute(i.File), slices.Clone(i.Keys)
	for k := range i.Keys {
		i.Keys[k].File = absolute(i.Keys[k].File)
	}
}

// Host runs the plugins of the daemon, over its lives. It has no goroutine and no file until a plugin has an instance. Its methods may be called
// from any goroutine and do not block, where nothing else is said.
type Host struct {
	o    Options
	part *guard.Part
	ctx  context.Context // the parent of all others; done when Close gives up
	end  context.CancelFunc

	mu       sync.Mutex
	closed   bool
	plugins  map[string]*plugin
	settings map[string]Settings // of [plugin:x]
	serving  map[instanceKey]*plugin
	runDir   string         // "" until it is needed
	telling  sync.WaitGroup // of Options.Namespaces
}

type instanceKey struct {
	kind wire.Kind
	name string
}

// New makes a host without plugins.
func New(o Options) *Host {
	o.Timing = o.Timing.withDefaults()
	h := &Host{o: o, part: guard.New(o.Log), plugins: map[string]*plugin{}, settings: map[string]Settings{}, serving: map[instanceKey]*plugin{}}
	h.ctx, h.end = context.WithCancel(context.Background())
	return h
}

// SetPlugin says how a plugin is to run. One that runs otherwise is restarted.
func (h *Host) SetPlugin(s Settings) {
	if p := h.keep(s); p != nil {
		p.set(s)
	}
}

// keep stores settings and returns the plugin, nil if it is not needed.
func (h *Host) keep(s Settings) *plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settings[s.Name] = s
	return h.plugins[s.Name]
}

// named is a plugin; nil: it is not needed.
func (h *Host) named(name string) *plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.plugins[name]
}

// Renew has every plugin start again, whatever it failed of before, when it has flushed what it has. From then on d is what they learn about the daemon.
func (h *Host) Renew(d sdk.Daemon) {
	for _, p := range h.renewed(d) {
		p.restart()
	}
}

func (h *Host) renewed(d sdk.Daemon) []*plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.o.Daemon = d
	return h.all()
}

// daemon is the daemon as plugins see it.
func (h *Host) daemon() sdk.Daemon {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.o.Daemon
}

// RemovePlugin goes back to the defaults.
func (h *Host) RemovePlugin(name string) {
	if p := h.forget(name); p != nil {
		p.set(Defaults(name))
	}
}

func (h *Host) forget(name string) *plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.settings, name)
	return h.plugins[name]
}

// Defaults are the settings of a plugin without a section.
func Defaults(name string) Settings { return Settings{Name: name, AsDescribed: true} }

// SetInstance adds an instance, or changes one in place; its plugin is started where it does not run.
func (h *Host) SetInstance(i Instance) {
	i.locate(h.o.Dir)
	k := instanceKey{i.Kind, i.Name}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if old := h.serving[k]; old != nil && old.name != i.Plugin {
		old.removeInstance(k)
	}
	p := h.plugins[i.Plugin]
	if p == nil {
		s, ok := h.settings[i.Plugin]
		if !ok {
			s = Defaults(i.Plugin)
		}
		p = newPlugin(h, s)
		h.plugins[i.Plugin] = p
		p.part.Start(nil, "the plugin's watch", p.run)
	}
	h.serving[k] = p
	p.setInstance(i)
}

// forgets reports whether a plugin that has stopped can be forgotten: no section names it. A later one of its name is a new plugin.
func (h *Host) forgets(p *plugin) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.hasInstances() || h.closed {
		return false
	}
	delete(h.plugins, p.name)
	return true
}

// RemoveInstance ends an instance. A plugin without any is stopped, and is not among those there are any more.
func (h *Host) RemoveInstance(kind wire.Kind, name string) {
	k := instanceKey{kind, name}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.serving[k]; p != nil && !h.closed {
		delete(h.serving, k)
		p.removeInstance(k)
	}
}

// Close stops all plugins, each with time to flush until ctx is done, and kills what is left. It blocks until they have ended; a process that
// even that does not end, for it hangs in the kernel, is left alone after Timing.Bury.
func (h *Host) Close(ctx context.Context) {
	all := h.shut()
	stop := context.AfterFunc(ctx, h.end)
	defer stop()
	for _, p := range all {
		p.finish()
	}
	gone, over := context.WithCancel(context.Background())
	defer over()
	late := context.AfterFunc(ctx, h.part.Guarded("the end of the plugins", func() {
		timer := time.NewTimer(h.o.Timing.Bury)
		defer timer.Stop()
		select {
		case <-timer.C:
			over()
		case <-gone.Done():
		}
	}))
	defer late()
	for _, p := range all {
		select {
		case <-p.done:
		case <-gone.Done():
			p.leave()
		}
	}
	h.end()
	h.telling.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runDir != "" {
		_ = os.RemoveAll(h.runDir)
		_ = os.Remove(filepath.Dir(h.runDir)) // if it was the last
	}
}

// shut has nothing be added any more.
func (h *Host) shut() []*plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	return h.all()
}

// all is every plugin by name. Under the lock.
func (h *Host) all() []*plugin {
	all := make([]*plugin, 0, len(h.plugins))
	for _, p := range h.plugins {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *plugin) int { return cmp.Compare(a.name, b.name) })
	return all
}

// Restart stops a plugin, if it runs, and starts it, whatever it failed of before.
func (h *Host) Restart(name string) error {
	p := h.named(name)
	if p == nil {
		return ErrNoPlugin
	}
	p.restart()
	return nil
}

// Retry tries everything again at once that was refused or failed, and reads files with secrets again: the cause need not have been in the
// configuration. Instances that are served continue meanwhile.
func (h *Host) Retry() {
	for _, p := range h.present() {
		p.retry()
	}
}

func (h *Host) directories() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	if h.runDir != "" {
		if _, err := os.Lstat(filepath.Join(h.runDir, pluginSockets)); err == nil {
			return nil
		}
		// The temporary folder has been cleared.
	}
	dir, err := h.o.RunDir()
	if err != nil {
		return fmt.Errorf("cannot make the run directory: %w", err)
	}
	h.runDir = dir
	for _, dir := range []string{dir, filepath.Join(dir, hostSockets), filepath.Join(dir, pluginSockets)} {
		if err := ownDirectory(dir); err != nil {
			return fmt.Errorf("cannot make the run directory: %w", err)
		}
	}
	return nil
}

// What is in the run directory: where the host listens for plugins, and where plugins listen, each in a directory of its own.
const hostSockets, pluginSockets = "host", "p"

// dir is a directory in the run directory, which has been made.
func (h *Host) dir(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return filepath.Join(h.runDir, name)
}

// errClosed ends a plugin's goroutine.
var errClosed = errors.New("the host is closed")
