// Package prepared makes the files and sockets that a life of the daemon needs before it begins.
package prepared

import (
	"path/filepath"
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/output"
)

// Life is the log files and sockets of one life of the daemon. It may be made while the life before still runs, so that a file or
// socket that cannot be made is known before anything is stopped.
type Life struct {
	conf    *config.Config
	Logs    map[*config.Group][]output.Paths     // of the groups that will be
	fastcgi *fastcgi.Sockets                     // nil: no sockets were prepared
	Sockets map[*config.Group]*fastcgi.Listening // of groups that are to be started
}

// Problem is a valid value of the configuration that cannot be used, and why.
type Problem struct {
	Section, Key string
	Err          error
}

// For creates the AUTO logs. If sockets is not nil, as in a restart, it also opens the sockets of the FastCGI groups that are to be
// started; in a first start they are opened with the groups' first processes. It blocks on the disk. If there are problems,
// everything that was made is removed again and the Life is nil.
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

// Discard removes the logs and closes the sockets of a Life of which no Supervisor was made.
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
