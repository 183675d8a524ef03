package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
	records "github.com/hark-supervisor/hark/sdk/client"
)

func (verbs) Status() Action {
	return Action{
		Name: "status",
		Help: "status <name>\t\tGet status for a single process\n" +
			"status <gname>:*\tGet status for all processes in a group\n" +
			"status <name> <name>\tGet status for multiple named processes\n" +
			"status\t\t\tGet all process status info",
		Flags:    []Flag{{Name: "all", Help: "sections about plugins too: whether each is served"}},
		Complete: completeProcesses, JSON: []document{{form: "status", value: []processInfo{}}},
		Run: status,
	}
}

func status(r *run, arg string) (answer, error) {
	if err := r.up(); err != nil {
		return answer{}, withStatus(err, exitStatusUnknown)
	}
	infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
	if err != nil {
		return answer{}, err
	}
	names := strings.Fields(arg)
	if slices.ContainsFunc(names, isPattern) {
		if names, err = r.expand(infos, names, isPattern); err != nil || len(names) == 0 {
			return answer{status: exitStatusUnknown}, err
		}
	}
	if len(names) > 0 && !slices.Contains(names, "all") {
		infos = r.pick(infos, names)
	}
	if r.json || r.onTerminal() {
		if err := r.ends(infos); err != nil {
			return answer{}, err
		}
	}
	a := answer{value: infos, text: r.statusOf(infos)}
	if r.status != exitSuccess { // some are missing, so it is all lines
		for text := range strings.Lines(a.text) {
			r.report(said(strings.TrimSuffix(text, "\n")))
		}
		a = answer{}
	}
	if slices.ContainsFunc(infos, func(p processInfo) bool { return stopped(p.StateCode) }) {
		a.status = exitStatusNotRunning
	}
	if _, all := r.flags["all"]; all {
		return r.withSections(a)
	}
	return a, nil
}

// withSections adds a line for each section that a plugin serves or should, in the
// columns of the processes.
func (r *run) withSections(a answer) (answer, error) {
	sections, err := r.servedSections()
	if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
		return a, nil // Supervisor has no plugins
	}
	if err != nil {
		return answer{}, err
	}
	failures, err := r.failingSections()
	if err != nil {
		return answer{}, err
	}
	var rows []processInfo
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		if strings.HasPrefix(name, "plugin:") {
			continue
		}
		s := sections[name]
		row := processInfo{named: nameOf(name, name), State: "SERVED", Description: printable(s.trouble)}
		switch {
		case s.previous:
			row.State, row.Description, a.status = "PREVIOUS", printable(previousSettings+": "+s.trouble), notServed
		case !s.ready:
			row.State, a.status = "UNSERVED", notServed
		case failures[name].givenUp != "":
			row.State, row.Description, a.status = "FAILING", printable(givenUpText+failures[name].givenUp), notServed
		case failures[name].last != "":
			row.State, row.Description = "FAILING", printable(failures[name].last)
		}
		rows = append(rows, row)
	}
	a.text += r.statusOf(rows)
	return a, nil
}

// failing is the last error of a notifier or log sink, and why its last delivery was given up; "" for none.
type failing struct{ last, givenUp string }

// failingSections is how the deliveries of each notifier and log sink fail, by section.
func (r *run) failingSections() (map[string]failing, error) {
	failures := map[string]failing{}
	subscribers, err := asked[[]subscriber](r.ask("getEventListeners"))
	if err != nil {
		return nil, err
	}
	for _, s := range ofKind(subscribers, "notifier") {
		failures["notifier:"+s.Name] = failing{s.LastError, s.GivenUp}
	}
	sinks, err := asked[[]records.LogSink](r.ask("getLogSinks"))
	for _, s := range sinks {
		failures["logsink:"+s.Name] = failing{s.LastError, s.GivenUp}
	}
	return failures, err
}

// pick is the processes that the names mean, in the order of the names. It reports
// which of them mean none.
func (r *run) pick(infos []processInfo, names []string) []processInfo {
	picked := []processInfo{}
	for _, name := range names {
		group, process, whole := pytext.SplitNamespec(name)
		before := len(picked)
		for _, p := range infos {
			if p.Group == group && (whole || p.Name == process) {
				picked = append(picked, p)
			}
		}
		switch {
		case len(picked) > before:
		case whole:
			r.report(problem(exitStatusUnknown, group, "no such group"))
		default:
			r.report(problem(exitStatusUnknown, name, "no such process"))
		}
	}
	return picked
}

// statusOf is the lines of processes: for people on a terminal, and everywhere else for scripts.
func (r *run) statusOf(infos []processInfo) string {
	if r.onTerminal() && !r.json {
		return statusView(infos, r.columns(), r.colour())
	}
	return statusText(infos)
}
