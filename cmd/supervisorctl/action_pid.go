package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

func (verbs) PID() Action {
	return Action{
		Name: "pid",
		Help: "pid\t\t\tGet the PID of supervisord.\n" +
			"pid <name>\t\tGet the PID of a single child process by name.\n" +
			"pid all\t\t\tGet the PID of every child process, one per line.",
		Complete: completeProcesses, JSON: []document{{form: "pid", value: []pidOf{}}},
		Run: pid,
	}
}

// pidOf is a process and its id.
type pidOf struct {
	Namespec string `json:"namespec,omitempty" doc:"missing for the daemon's own"`
	PID      int    `json:"pid"`
}

func pid(r *run, arg string) (answer, error) {
	names := strings.Fields(arg)
	patterned := slices.ContainsFunc(names, isPatternOrGroup)
	if err := r.up(); err != nil {
		if patterned {
			err = withStatus(err, exitStatusUnknown)
		}
		return answer{}, err
	}
	switch {
	case len(names) == 0:
		v, err := r.call("getPID")
		if err != nil {
			return answer{}, err
		}
		n, _ := v.(int)
		return answer{value: []pidOf{{PID: n}}, text: fmt.Sprintln(v)}, nil
	case patterned || slices.Contains(names, "all"):
		return r.pidsOfAll(names)
	}
	var all []processInfo
	for _, name := range names {
		p, err := asked[processInfo](r.call("getProcessInfo", name))
		if fault := asFault(err); fault != nil && fault.Code == faultBadName {
			r.report(noProcess(name))
			continue
		}
		if err != nil {
			return answer{}, err
		}
		r.reportPID(p)
		all = append(all, p)
	}
	return r.pids(all), nil
}

// pidsOfAll finds the processes of names, patterns and all in one look at all of them.
func (r *run) pidsOfAll(names []string) (answer, error) {
	infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
	if err != nil {
		return answer{}, err
	}
	if slices.Contains(names, "all") {
		for _, p := range infos {
			r.report(said(strconv.Itoa(p.PID))) // one that does not run is not a failure here, as in Supervisor
		}
		return r.pids(infos), nil
	}
	names, err = r.expand(infos, names, isPatternOrGroup)
	if err != nil || len(names) == 0 {
		return answer{status: exitStatusUnknown}, err
	}
	var all []processInfo
	for _, name := range names {
		group, process, _ := pytext.SplitNamespec(name)
		i := slices.IndexFunc(infos, func(p processInfo) bool { return p.Group == group && p.Name == process })
		if i < 0 {
			r.report(noProcess(name))
			continue
		}
		r.reportPID(infos[i])
		all = append(all, infos[i])
	}
	return r.pids(all), nil
}

func noProcess(name string) line { return failed(exitGeneric, "No such process "+name) }

func (r *run) reportPID(p processInfo) {
	l := said(strconv.Itoa(p.PID))
	if p.PID == 0 {
		l.status = exitNotRunning
	}
	r.report(l)
}

// pids is the document for processes whose lines were reported; the lines stand where some were not found.
func (r *run) pids(infos []processInfo) answer {
	if r.status != exitSuccess && r.status != exitNotRunning {
		return answer{}
	}
	all := make([]pidOf, len(infos))
	for i, p := range infos {
		all[i] = pidOf{p.Namespec, p.PID}
	}
	return answer{value: all}
}
