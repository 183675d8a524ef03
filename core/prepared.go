package core

import (
	"path/filepath"
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/output"
)

// Prepared is what a Supervisor needs of the disk. It is made while the one before may still run, so that what
// cannot be had is known before anything is stopped.
type Prepared struct {
	conf    *config.Config
	logs    map[*config.Group][]output.Paths     // of the groups that will be
	fastcgi *fastcgi.Sockets                     // nil: no sockets were prepared
	sockets map[*config.Group]*fastcgi.Listening // of groups that are to be started
}

// Problem is why a value that reads well cannot be used.
type Problem struct {
	Section, Key string
	Err          error
}

// Prepare creates the AUTO logs; with sockets, for a restart, it opens the sockets of the FastCGI groups that are to be started,
// too, which a first start leaves to their programs. It touches the disk. With problems nothing is left of it.
func Prepare(conf *config.Config, sockets *fastcgi.Sockets) (*Prepared, []Problem) {
	set := &conf.Supervisord
	p := &Prepared{conf: conf, logs: make(map[*config.Group][]output.Paths, len(conf.Groups)), fastcgi: sockets}
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
		p.logs[g] = paths
	}
	if sockets != nil {
		var unusable []fastcgi.Problem
		p.sockets, unusable = sockets.PrepareGroups(slices.DeleteFunc(slices.Clone(conf.Groups), func(g *config.Group) bool { return p.logs[g] == nil }))
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
func (p *Prepared) Discard() {
	for g, paths := range p.logs {
		output.DiscardLogs(g.Processes, paths)
	}
	p.logs = nil
	for _, l := range p.sockets {
		p.fastcgi.Release(l)
	}
	p.sockets = nil
}

// ClearAutoLogs removes the AUTO logs that an earlier life of a daemon with this
// identifier left in childlogdir (options.py, clear_autochildlogdir), and returns Supervisor's warnings. Call it once it is sure that there is
// no such daemon: Supervisor, started a second time by mistake, removes the logs of the one that runs.
func (p *Prepared) ClearAutoLogs() (warnings []string) {
	set := &p.conf.Supervisord
	keep := make(map[string]bool)
	for _, paths := range p.logs {
		for _, path := range paths {
			keep[filepath.Base(path.Stdout)], keep[filepath.Base(path.Stderr)] = true, true
		}
	}
	return output.ClearAutoLogs(set.ChildLogDir, set.Identifier, keep)
}
