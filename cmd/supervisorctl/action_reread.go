package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func (verbs) Reread() Action {
	return Action{
		Name:     "reread",
		Help:     "reread \t\t\tReload the daemon's configuration files without add/remove",
		Complete: completeNothing, JSON: []document{{form: "reread", value: changes{}, text: "`added`, `changed`, `removed`: arrays of groups"}},
		Run: reread,
	}
}

func reread(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	c, err := r.rereadConfig()
	if fault := asFault(err); fault != nil {
		switch fault.Code {
		case faultShutdownState:
			return answer{}, refuseText("ERROR: supervisor shutting down")
		case faultCantReread:
			return answer{}, r.cannotReread(fault, refuseText("ERROR: "+fault.String))
		}
	}
	if err != nil {
		return answer{}, err
	}
	what := map[string]string{}
	for _, change := range []struct {
		names []string
		text  string
	}{{c.Added, "available"}, {c.Changed, "changed"}, {c.Removed, "disappeared"}} {
		slices.Sort(change.names)
		for _, name := range change.names {
			what[name] = change.text
		}
	}
	a := answer{value: c, hints: append(r.reloadHints(), r.surpriseHints()...)}
	if len(what) == 0 {
		a.text = "No config updates to processes\n"
	}
	for _, name := range slices.Sorted(maps.Keys(what)) {
		a.text += name + ": " + what[name] + "\n"
	}
	return a, nil
}

// cannotReread is the error of a configuration that the daemon cannot use, told with every mistake and its place: on a terminal as one
// list, elsewhere as Supervisor tells the first, with the others in hints. Supervisor's daemon finds no more than that.
func (r *run) cannotReread(first *xmlrpc.Fault, err error) error {
	mistakes := r.mistakes()
	if r.onTerminal() && !r.json && len(mistakes) > 0 {
		lines := []line{failed(exitGeneric, r.style(styleBad, "error:")+" supervisord cannot use the new configuration; nothing has changed:")}
		for _, m := range mistakes {
			lines = append(lines, said("  "+r.folded(printable(m), 4)))
		}
		return &refusal{lines: lines}
	}
	var hints []string
	for _, m := range mistakes {
		if !strings.Contains(first.String, m) {
			hints = append(hints, printable(m))
		}
	}
	return withHints(err, hints...)
}

// mistakes are all mistakes of a configuration that cannot be used, with their places.
func (r *run) mistakes() []string {
	_, err := r.waitHark("previewUpdate")
	all := asFault(err)
	if all == nil || all.Code != faultCantReread {
		return nil
	}
	_, text, _ := strings.Cut(all.String, ": ")
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// maxSurprises bounds how many surprises of a file are named.
const maxSurprises = 8

// surpriseHints name the sections and settings of the daemon's file that have no effect and were most likely meant to have one, where that is a
// file of this machine. The daemon's activity log has them, too.
func (r *run) surpriseHints() (hints []string) {
	o := r.ctl.options
	if !o.fileIsServers || !r.server.isLocal() {
		return nil
	}
	all := config.Surprises(config.Options{Path: o.file, Argv0: argv0(o.program)})
	for i := range all[:min(len(all), maxSurprises)] {
		hints = append(hints, printable(all[i].String()))
	}
	if more := len(all) - maxSurprises; more > 0 {
		hints = append(hints, fmt.Sprintf("%d more like these: config check tells them", more))
	}
	return hints
}

// changes is what reading the configuration again has found, groups all of them.
type changes struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
}

// rereadConfig lets the server read its configuration. The call may take as long
// as the server's disk does.
func (r *run) rereadConfig() (c changes, err error) {
	outer, err := asked[[][][]string](r.wait("reloadConfig"))
	if err != nil {
		return c, err
	}
	if len(outer) == 0 || len(outer[0]) != 3 {
		return c, replyErrorf("the server's answer is not three lists of groups")
	}
	return changes{outer[0][0], outer[0][1], outer[0][2]}, nil
}
