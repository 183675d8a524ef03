package main

import (
	"fmt"
	"strings"
)

func (verbs) Avail() Action {
	return Action{
		Name:     "avail",
		Help:     "avail\t\t\tDisplay all configured processes",
		Complete: completeNothing, JSON: []document{{form: "avail", value: []configured{}}},
		Run: avail,
	}
}

// configured is a process of the configuration (getAllConfigInfo).
type configured struct {
	named
	InUse           bool `json:"in_use" rpc:"inuse,required"`
	Autostart       bool `json:"autostart" rpc:",required"`
	GroupPriority   int  `json:"group_priority" rpc:"group_prio,required"`
	ProcessPriority int  `json:"process_priority" rpc:"process_prio,required"`
}

func avail(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	all, err := asked[[]configured](r.call("getAllConfigInfo"))
	if fault := asFault(err); fault != nil && fault.Code == faultShutdownState {
		return answer{}, refuseText("ERROR: supervisor shutting down")
	}
	if err != nil {
		return answer{}, err
	}
	var b strings.Builder
	for _, p := range all {
		inUse, autostart := "avail", "manual"
		if p.InUse {
			inUse = "in use"
		}
		if p.Autostart {
			autostart = "auto"
		}
		fmt.Fprintf(&b, "%-32s %-9s %-9s %d:%d\n", p.Namespec, inUse, autostart, p.GroupPriority, p.ProcessPriority)
	}
	return answer{value: all, text: b.String()}, nil
}
