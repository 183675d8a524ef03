package main

import (
	"slices"
	"strings"
	"time"

	records "github.com/hark-supervisor/hark/sdk/client"
)

const (
	// servedTime is how long update waits for plugins to take or refuse the sections that
	// it has just made active: a plugin has 10 s to start.
	servedTime = 20 * time.Second
	servedPoll = 100 * time.Millisecond
)

// served is what is known of a section that a plugin serves.
type served struct {
	ready    bool   // its plugin serves it
	settled  bool   // the first try of its present settings is over
	previous bool   // it is served by the settings before, since its present ones were refused
	trouble  string // what is wrong, "" for nothing
}

// previousSettings is how a section is of which the plugin refused a change.
const previousSettings = "served with its previous settings"

// isPluginSection reports whether a name that update takes for a group's is that of a
// section about plugins.
func isPluginSection(name string) bool {
	kind, _, ok := strings.Cut(name, ":")
	return ok && slices.Contains([]string{"plugin", "notifier", "logsink", "rpcinterface"}, kind)
}

// groupText says what was done to a process group, in Supervisor's words, or to a section about plugins.
func groupText(done, name string) string {
	if isPluginSection(name) {
		return done + " section"
	}
	return done + " process group"
}

// servedSections asks for the state of the plugins, by their sections. A section [plugin:x] is
// served when all sections of its plugin are.
func (r *run) servedSections() (map[string]served, error) {
	plugins, err := asked[[]records.Plugin](r.server.call(r.ctx, "hark.getPlugins"))
	if err != nil {
		return nil, err
	}
	all := map[string]served{}
	for i := range plugins {
		own := served{ready: true, settled: true}
		for _, instance := range plugins[i].Instances {
			s := servedBy(&plugins[i], instance)
			all[instance.Section] = s
			own.ready, own.settled, own.previous = own.ready && s.ready, own.settled && s.settled, own.previous || s.previous
			if own.trouble == "" {
				own.trouble = s.trouble
			}
		}
		all["plugin:"+plugins[i].Name] = own
	}
	return all, nil
}

// servedBy is how one section of a plugin is.
func servedBy(p *records.Plugin, i records.PluginInstance) served {
	s := served{ready: i.Ready && !i.Pending, settled: !i.Pending, previous: i.Previous, trouble: i.Trouble}
	if !i.Ready && s.trouble == "" && (p.State == "BACKOFF" || p.State == "FATAL") {
		s.settled, s.trouble = true, p.Trouble // it did not come to try
	}
	if s.trouble != "" && s.settled && i.Pending {
		s.ready = false
	}
	return s
}

// checkServed waits for the first try of sections that were just made active or are tried
// again, and reports which are not served, and whether all are. Those of touched, which were
// just made active, have to be well, too.
func (r *run) checkServed(names, touched []string) (bool, error) {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !isPluginSection(n) })
	if _, skip := r.flags["no-wait"]; skip || len(names) == 0 {
		return true, nil
	}
	defer r.progress(r.action.Name)()
	deadline := time.Now().Add(servedTime)
	for {
		all, err := r.servedSections()
		if err != nil {
			return false, err
		}
		waiting := slices.ContainsFunc(names, func(n string) bool { s, known := all[n]; return known && !s.settled })
		if waiting && time.Now().Before(deadline) {
			select {
			case <-r.ctx.Done():
				return false, errInterrupted
			case <-time.After(servedPoll):
			}
			continue
		}
		good := true
		for _, name := range names {
			s, known := all[name]
			switch {
			case !known || s.ready && (s.trouble == "" || !s.previous && !slices.Contains(touched, name)):
				continue // a [plugin:x] that no section names has nothing to serve
			case s.trouble == "":
				s.trouble = "its plugin has not answered yet; see plugin status"
			}
			how := "not served"
			if s.previous {
				how = previousSettings
			}
			r.report(problem(exitGeneric, name, how+": "+printable(s.trouble)))
			good = false
		}
		return good, nil
	}
}
