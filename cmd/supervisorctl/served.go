package main

import (
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

const (
	// servedTime is how long update waits for plugins to take or refuse the sections that
	// it has just made active: a plugin has 10 s to start.
	servedTime = 20 * time.Second
	servedPoll = 100 * time.Millisecond
)

// served is what is known of a section that a plugin serves.
type served struct {
	ready   bool   // its plugin serves it
	settled bool   // the first try of its present settings is over
	trouble string // what is wrong, "" for nothing
}

// isPluginSection reports whether a name that update takes for a group's is that of a
// section about plugins.
func isPluginSection(name string) bool {
	kind, _, ok := strings.Cut(name, ":")
	return ok && slices.Contains([]string{"plugin", "notifier", "logsink", "rpcinterface"}, kind)
}

// servedSections asks how the plugins do, by their sections. A section [plugin:x] is
// served when all sections are that its plugin has.
func (r *run) servedSections() (map[string]served, error) {
	v, err := r.server.call(r.ctx, "hark.getPlugins")
	if err != nil {
		return nil, err
	}
	all := map[string]served{}
	for _, p := range structsOf(v) {
		own := served{ready: true, settled: true}
		instances, _ := p.Get("instances")
		for _, i := range structsOf(instances) {
			s := sectionServed(p, i)
			all[stringOf(i, "section")] = s
			own.ready, own.settled = own.ready && s.ready, own.settled && s.settled
			if own.trouble == "" {
				own.trouble = s.trouble
			}
		}
		all["plugin:"+stringOf(p, "name")] = own
	}
	return all, nil
}

// sectionServed is how one section of a plugin is.
func sectionServed(plugin, instance xmlrpc.Struct) served {
	s := served{
		ready:   boolOf(instance, "ready") && !boolOf(instance, "pending"),
		settled: !boolOf(instance, "pending"),
		trouble: stringOf(instance, "trouble"),
	}
	state := stringOf(plugin, "statename")
	if !boolOf(instance, "ready") && s.trouble == "" && (state == "BACKOFF" || state == "FATAL") {
		s.settled, s.trouble = true, stringOf(plugin, "trouble") // it did not come to try
	}
	if s.trouble != "" && s.settled && boolOf(instance, "pending") {
		s.ready = false
	}
	return s
}

// checkServed waits for the first try of sections that were just made active, and says
// which are not served. Supervisor's daemon has no such sections.
func (r *run) checkServed(names []string) error {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !isPluginSection(n) })
	if _, skip := r.flags["no-wait"]; skip || len(names) == 0 {
		return nil
	}
	defer r.progress(r.action.Name)()
	deadline := time.Now().Add(servedTime)
	for {
		all, err := r.servedSections()
		if err != nil {
			return err
		}
		waiting := slices.ContainsFunc(names, func(n string) bool { s, known := all[n]; return known && !s.settled })
		if waiting && time.Now().Before(deadline) {
			select {
			case <-r.ctx.Done():
				return errInterrupted
			case <-time.After(servedPoll):
			}
			continue
		}
		for _, name := range names {
			s, known := all[name]
			switch {
			case !known || s.ready && s.trouble == "":
				continue // a [plugin:x] that no section names has nothing to serve
			case s.trouble == "":
				s.trouble = "its plugin has not answered yet; see plugin status"
			}
			r.printf("%s: ERROR (not served: %s)\n", name, printable(s.trouble))
			r.status = exitGeneric
		}
		return nil
	}
}
