package main

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
	"github.com/hark-supervisor/hark/plugins/trust"
)

const (
	// schemasTime is how long reading a configuration may wait for plugins to tell what keys they know, all together.
	schemasTime = 5 * time.Second
	// describers is how many of them are asked at once.
	describers = 4
)

// schemas knows what keys the sections of plugins may have, without starting the plugins.
type schemas struct {
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

func newSchemas(policy func() *trust.Policy, host *host.Host, l host.Launcher, disk func() func()) *schemas {
	s := &schemas{policy: policy, host: host, launcher: l, disk: disk, told: map[string]pluginrpc.Description{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// close gives up what is under way and waits for it, until ctx is done: a disk may hold it up.
func (s *schemas) close(ctx context.Context) {
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

func (s *schemas) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// schema is what a plugin says of itself, or why that is not known.
type schema struct {
	description pluginrpc.Description
	err         error
}

// check is what is wrong with the sections of plugins in a configuration. unknown are the plugins of which that cannot be told, with the reason.
// It takes schemasTime at most.
func (s *schemas) check(c *config.Config) (wrong config.Errors, unknown map[string]error) {
	wanted := map[string]host.Settings{}
	for i := range c.Instances {
		name := c.Instances[i].Plugin
		wanted[name] = host.Settings{Name: name}
	}
	for i := range c.Plugins {
		p := &c.Plugins[i]
		if _, ok := wanted[p.Name]; ok {
			wanted[p.Name], _ = settingsOf(p)
		}
	}
	found := s.find(wanted)
	unknown = map[string]error{}
	for i := range c.Instances {
		in := &c.Instances[i]
		got := found[in.Plugin]
		if got.err != nil {
			unknown[in.Plugin] = got.err
			continue
		}
		wrong = append(wrong, issues(&got.description, in)...)
	}
	return wrong, unknown
}

// issues are what is wrong with one section.
func issues(d *pluginrpc.Description, in *config.PluginInstance) (all config.Errors) {
	i := instanceOf(in)
	for _, w := range host.CheckKeys(d, &i) {
		issue := config.Issue{File: in.File, Line: in.Line, Section: in.Section, Key: w.Key, Text: w.Text}
		// The plugin knows its own keys alone: one that is like none of them may be a slip in one of supervisord's.
		if near := config.NearestKey(in.Section, w.Key); near != "" && w.Text == "no such key" {
			issue.Text += fmt.Sprintf("; is %s meant?", near)
		}
		if at := slices.IndexFunc(in.Keys, func(k config.PluginKey) bool { return k.Name == w.Key }); at >= 0 {
			issue.File, issue.Line = in.Keys[at].File, in.Keys[at].Line
		}
		issue.Supervisor = issue.String()
		all = append(all, issue)
	}
	return all
}

// ask begins each of some functions on a goroutine; false when it is too late.
func (s *schemas) ask(functions []func()) bool {
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

// find has all plugins tell, a few at a time.
func (s *schemas) find(wanted map[string]host.Settings) map[string]schema {
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
			for range len(answers) { // what was told in time
				if a, more := <-answers; more {
					found[a.name] = a.schema
				}
			}
			return found
		}
	}
}

var errNotTold = fmt.Errorf("it did not answer within %v", schemasTime)

// describe finds out what a plugin says of itself: what was recorded when it was installed, what its process told, or else what it prints.
func (s *schemas) describe(ctx context.Context, settings host.Settings) (pluginrpc.Description, error) {
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
	// The hash tells all of a program that is one file. What an interpreter reads may have changed since.
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
	d, err := s.run(ctx, settings, exe)
	if err == nil && whole {
		s.remember(id, d)
	}
	return d, err
}

func (s *schemas) remembered(id string) (d pluginrpc.Description, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok = s.told[id]
	return d, ok
}

func (s *schemas) remember(id string, d pluginrpc.Description) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.told) >= maxTold {
		clear(s.told)
	}
	s.told[id] = d
}

// maxTold bounds what is remembered of plugins that were run.
const maxTold = 64

func (s *schemas) nextRun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	return s.runs
}

// run runs a plugin once to have it say what it is: as its user and without an environment, as at its installation.
func (s *schemas) run(ctx context.Context, settings host.Settings, exe *host.Executable) (pluginrpc.Description, error) {
	name := fmt.Sprintf("%s.describe%d", settings.Name, s.nextRun()) // the dot is in no name of a plugin: its cgroup is not the plugin's
	out := &captured{limit: maxDescription}
	ended := make(chan string, 1)
	process, err := s.launcher.Launch(ctx, &host.Program{
		Plugin: name, Argv: append(slices.Clone(exe.Argv), "--describe"), File: exe.File, Path: exe.Path,
		Env: []string{describePath}, User: settings.User, MaxProcesses: settings.MaxProcesses,
		Stdout: func(b []byte) time.Duration { out.Output(b); return 0 },
		Stderr: func([]byte) time.Duration { return 0 },
		Exited: func(how string) { ended <- how },
	})
	if err != nil {
		return pluginrpc.Description{}, err
	}
	select {
	case how := <-ended: // now nobody writes to out
		d, err := pluginrpc.ParseDescription(out.bytes)
		if err != nil {
			return d, fmt.Errorf("with --describe %s, and its output is not a description", how)
		}
		return d, nil
	case <-ctx.Done():
		process.Kill()
		<-ended
		return pluginrpc.Description{}, errNotTold
	}
}

// unserved is what is known to be wrong with the sections about plugins of a configuration:
// their keys, and plugins that are not there or may not be executed.
func (e *extensions) unserved(c *config.Config) config.Errors {
	wrong, unknown := e.schemas.check(c)
	for i := range c.Instances {
		in := &c.Instances[i]
		if err := unknown[in.Plugin]; err != nil && !errors.Is(err, errNotTold) {
			wrong = append(wrong, pluginIssue(in, err.Error()))
		}
	}
	return wrong
}

// check reports what is wrong with the sections of plugins in a configuration that was read again. A plugin that does not tell its keys is no error:
// it may be about to be installed.
func (e *extensions) check(c *config.Config) error {
	wrong, unknown := e.schemas.check(c)
	if len(wrong) > 0 {
		return wrong
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		e.log(config.WARN, fmt.Sprintf("cannot check the sections of plugin %s: %v", name, unknown[name]))
	}
	return nil
}
