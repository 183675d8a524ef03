// Package prepared has what a life of the daemon needs of the disk before it begins.
package prepared

import (
	"path/filepath"
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/output"
)

// Life is what a Supervisor needs of the disk. It is made while the one before may still run, so that what
// cannot be had is known before anything is stopped.
type Life struct {
	conf    *config.Config
	Logs    map[*config.Group][]output.Paths     // of the groups that will be
	fastcgi *fastcgi.Sockets                     // nil: no sockets were prepared
	Sockets map[*config.Group]*fastcgi.Listening // of groups that are to be started
}

// Problem is why a value that reads well cannot be used.
type Problem struct {
	Section, Key string
	Err          error
}

// For creates the AUTO logs; with sockets, for a restart, it opens the sockets of the FastCGI groups that are to be started,
// too, which a first start leaves to their programs. It touches the disk. With problems nothing is left of it.
func For(conf *config.Config, sockets *fastcgi.Sockets) (*Life, []Problem) {
	set := &conf.Supervisord
	p := &Life{conf: conf, Logs: make(map[*config.Group][]output.Paths, len(conf.Groups)), fastcgi: sockets}
	var problems []Problem
	seen := make(map[string]bool, len(conf.Groups))
	for _, g := range conf.Groups {
		if seen[g.Name] {
			continue // of two groups with one name the first counts (supervisord.py, add_process_group)
		}
		seen[g.Name] = true
		paths, err := output.ResolveLogs(g, set.ChildLogDir, set.Identifier)
		if err != nil {
			problems = append(problems, Problem{"supervisord", output.AutoLogKey(set), err})
			break // so it would be for the next
		}
		p.Logs[g] = paths
	}
	if sockets != nil {
		var unusable []fastcgi.Problem
		p.Sockets, unusable = sockets.PrepareGroups(slices.DeleteFunc(slices.Clone(conf.Groups), func(g *config.Group) bool { return p.Logs[g] == nil }))
		for _, u := range unusable {
			problems = append(problems, Problem(u))
		}
	}
	if len(problems) > 0 {
		p.Discard()
		return nil, problems
	}
	return p, nil
}

// Discard gives up what no Supervisor was made of; nothing is left of it.
func (p *Life) Discard() {
	for g, paths := range p.Logs {
		output.DiscardLogs(g.Processes, paths)
	}
	p.Logs = nil
	for _, l := range p.Sockets {
		p.fastcgi.Release(l)
	}
	p.Sockets = nil
}

// ClearAutoLogs removes the AUTO logs that an earlier life of a daemon with this
// identifier left in childlogdir (options.py, clear_autochildlogdir), and returns Supervisor's warnings. Call it once it is sure that there is
// no such daemon: Supervisor, started a second time by mistake, removes the logs of the one that runs.
func (p *Life) ClearAutoLogs() (warnings []string) {
	set := &p.conf.Supervisord
	keep := make(map[string]bool)
	for _, paths := range p.Logs {
		for _, path := range paths {
			keep[filepath.Base(path.Stdout)], keep[filepath.Base(path.Stderr)] = true, true
		}
	}
	return output.ClearAutoLogs(set.ChildLogDir, set.Identifier, keep)
}
