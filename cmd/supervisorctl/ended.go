package main

import (
	"strconv"
	"strings"
)

// quickly begins what Supervisor says of a process that did not stay up. It has no exit status of it, which Hark's daemon has.
const quickly = "Exited too quickly"

// ends completes what is known of processes that do not run: how they ended, which getAllProcessInfo does not tell. Supervisor's daemon
// does not know it at all.
func (r *run) ends(infos []processInfo) error {
	var names []any
	for i := range infos {
		if infos[i].PID == 0 && infos[i].Start != 0 {
			names = append(names, infos[i].Namespec)
		}
	}
	if len(names) == 0 {
		return nil
	}
	v, err := r.server.call(r.ctx, "hark.getProcessStats", names)
	if asFault(err) != nil {
		return nil // Supervisor's daemon, or one of them has just been removed
	}
	all, err := asked[[]processStats](v, err)
	if err != nil {
		return err
	}
	known := map[string]processStats{}
	for _, p := range all {
		known[p.Namespec] = p
	}
	for i := range infos {
		p := &infos[i]
		if last, ok := known[p.Namespec]; ok && last.Ended != nil && last.PID == 0 && last.Start == p.Start { // it is the same process that has ended
			p.ExitStatus, p.Signal, p.CoreDump, p.told = last.ExitStatus, last.Signal, last.CoreDump, true
		}
	}
	return nil
}

// howEnded says how a process that does not run has ended, "" where that is not known or not why it is as it is.
func (p *processInfo) howEnded() string {
	switch {
	case !p.told || p.PID != 0 || p.Start == 0:
		return ""
	case p.State == "EXITED" || p.State == "STOPPED":
	case !strings.HasPrefix(p.Description, quickly):
		return "" // it could not be started
	}
	return p.lastEnd()
}

// lastEnd says how the last process has ended that did.
func (p *processInfo) lastEnd() string {
	switch {
	case p.Signal != "" && p.CoreDump:
		return p.Signal + " (core dumped)"
	case p.Signal != "":
		return p.Signal
	case p.ExitStatus >= 0:
		return "status " + strconv.Itoa(p.ExitStatus)
	}
	return ""
}

// reason is the state in words for people: how it ended, before what Supervisor says.
func (p *processInfo) reason() string {
	how := p.howEnded()
	switch {
	case how == "":
		return p.Description
	case strings.HasPrefix(p.Description, quickly):
		return how + ": " + p.Description
	}
	return how + ", " + p.Description
}

// stateStyle is the colour of the process's state. An exit is dim where all is well; otherwise it stands out.
func (p *processInfo) stateStyle() string {
	if p.State == "EXITED" && p.howEnded() != "" {
		switch {
		case p.Signal != "":
			return styleBad
		case p.ExitStatus != 0:
			return styleBusy
		}
	}
	return stateStyle(p.State)
}
