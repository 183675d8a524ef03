package sections

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/launch"
	"github.com/hark-supervisor/hark/plugins/trust"
)

const (
	// schemasTime is how long reading a configuration may wait for plugins to describe their keys, for all of them together.
	schemasTime = 5 * time.Second
	// describers is how many of them are asked at once.
	describers = 4
)

// Schemas knows what keys the sections of plugins may have, without starting the plugins.
type Schemas struct {
	policy   func() *trust.Policy
	host     *host.Host
	launcher host.Launcher
	disk     func() (done func())
	ctx      context.Context // done when the daemon ends
	end      context.CancelFunc
	asking   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	told   map[string]pluginrpc.Description // of those that were run, by what was executed
	runs   int
}

// NewSchemas makes one for a daemon; Close ends it.
func NewSchemas(policy func() *trust.Policy, host *host.Host, l host.Launcher, disk func() func()) *Schemas {
	s := &Schemas{policy: policy, host: host, launcher: l, disk: disk, told: map[string]pluginrpc.Description{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// Close cancels what is in progress and waits for it, until ctx is done: a disk may delay it.
func (s *Schemas) Close(ctx context.Context) {
	s.shut()
	s.end()
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.asking.Wait()
	}()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

func (s *Schemas) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// schema is what a plugin says of itself, or why that is not known.
type schema struct {
	description pluginrpc.Description
	err         error
}

// check returns what is wrong with the sections of plugins in a configuration. unknown are the plugins for which that cannot be found out, with the
// reason. It takes schemasTime at most.
func (s *Schemas) check(c *config.Config) (wrong config.Errors, unknown map[string]error, found map[string]schema) {
	wanted := map[string]host.Settings{}
	for i := range c.Instances {
		name := c.Instances[i].Plugin
		wanted[name] = host.Defaults(name)
	}
	for i := range c.Plugins {
		p := &c.Plugins[i]
		if _, ok := wanted[p.Name]; ok {
			wanted[p.Name], _ = SettingsOf(p)
		}
	}
	found = s.find(wanted)
	unknown = map[string]error{}
	for i := range c.Instances {
		in := &c.Instances[i]
		got := found[in.Plugin]
		if got.err != nil {
			unknown[in.Plugin] = got.err
			continue
		}
		wrong = append(wrong, Issues(&got.description, in)...)
	}
	return wrong, unknown, found
}

// ask begins each of some functions on a goroutine; false when it is too late.
func (s *Schemas) ask(functions []func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	for _, f := range functions {
		s.asking.Go(f)
	}
	return true
}

// find has all plugins describe themselves, a few at a time.
func (s *Schemas) find(wanted map[string]host.Settings) map[string]schema {
	if len(wanted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, schemasTime)
	defer cancel()
	type answer struct {
		name string
		schema
	}
	answers := make(chan answer, len(wanted))
	turns := make(chan struct{}, describers)
	found := map[string]schema{}
	var asked []func()
	var all sync.WaitGroup
	for name, settings := range wanted {
		found[name] = schema{err: errNotTold}
		all.Add(1)
		asked = append(asked, func() {
			defer all.Done()
			select {
			case turns <- struct{}{}:
				defer func() { <-turns }()
			case <-ctx.Done():
				return
			}
			d, err := s.describe(ctx, settings)
			answers <- answer{name, schema{d, err}}
		})
	}
	asked = append(asked, func() {
		all.Wait()
		close(answers)
	})
	if !s.ask(asked) {
		return found
	}
	// One that a disk or the spawner holds up is not waited for longer than the others.
	for {
		select {
		case a, more := <-answers:
			if !more {
				return found
			}
			found[a.name] = a.schema
		case <-ctx.Done():
			for range len(answers) { // those that answered in time
				if a, more := <-answers; more {
					found[a.name] = a.schema
				}
			}
			return found
		}
	}
}

var errNotTold = fmt.Errorf("it did not answer within %v", schemasTime)

// describe finds out a plugin's description: the one recorded when it was installed, the one of its process, or else the one that it prints.
func (s *Schemas) describe(ctx context.Context, settings host.Settings) (pluginrpc.Description, error) {
	if len(settings.Command) == 0 && settings.SHA256 == "" {
		done := s.disk()
		raw, err := s.policy().Recorded(settings.Name)
		done()
		if err != nil {
			return pluginrpc.Description{}, err
		}
		if d, err := pluginrpc.ParseDescription(raw); len(raw) > 0 && err == nil {
			return d, nil
		}
	}
	exe, err := s.host.Resolve(settings)
	if err != nil {
		return pluginrpc.Description{}, err
	}
	if exe.Close != nil {
		defer exe.Close()
	}
	// The hash identifies a program completely if it is one file. Files that an interpreter reads may have changed since.
	whole := len(settings.Command) <= 1 && len(settings.Files) == 0
	id := exe.SHA256 + " " + settings.Name
	if whole {
		if d, sum, ok := s.host.Description(settings); ok && sum == exe.SHA256 {
			return d, nil
		}
		if d, ok := s.remembered(id); ok {
			return d, nil
		}
	}
	name := fmt.Sprintf("%s.describe%d", settings.Name, s.nextRun()) // the dot is in no name of a plugin: its cgroup is not the plugin's
	d, err := launch.Ask(ctx, s.launcher, name, settings, exe)
	if errors.Is(err, launch.ErrNoAnswer) {
		err = errNotTold
	}
	if err == nil && whole {
		s.remember(id, d)
	}
	return d, err
}

func (s *Schemas) remembered(id string) (d pluginrpc.Description, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok = s.told[id]
	return d, ok
}

func (s *Schemas) remember(id string, d pluginrpc.Description) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.told) >= maxTold {
		clear(s.told)
	}
	s.told[id] = d
}

// maxTold bounds what is remembered of plugins that were run.
const maxTold = 64

func (s *Schemas) nextRun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	return s.runs
}

// Unserved is what is known to be wrong with the sections about plugins of a configuration:
// their keys, files that they name and that are not there, and plugins that are not there or may not be executed.
func (s *Schemas) Unserved(c *config.Config) config.Errors {
	wrong, unknown, found := s.check(c)
	for i := range c.Instances {
		in := &c.Instances[i]
		switch err := unknown[in.Plugin]; {
		case err == nil:
			wrong = append(wrong, s.missing(found[in.Plugin], in)...)
		case !errors.Is(err, errNotTold):
			wrong = append(wrong, PluginIssue(in, err.Error()))
		}
	}
	return wrong
}

// missing is MissingFiles, when the disk's turn has come.
func (s *Schemas) missing(known schema, in *config.PluginInstance) []config.Issue {
	defer s.disk()()
	return MissingFiles(&known.description, in)
}

// Check reports what is wrong with the sections of plugins in a configuration that was read again. A plugin that does not describe its keys is not an
// error: it may be about to be installed; a warning is logged.
func (s *Schemas) Check(c *config.Config, log func(config.Level, string)) error {
	wrong, unknown, _ := s.check(c)
	if len(wrong) > 0 {
		return wrong
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		log(config.WARN, fmt.Sprintf("cannot check the sections of plugin %s: %v", name, unknown[name]))
	}
	return nil
}
