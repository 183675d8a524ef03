package main

import (
	"fmt"
	"slices"
	"strings"
)

func pidAction() Action {
	return Action{
		Name: "pid",
		Help: "pid\t\t\tGet the PID of supervisord.\n" +
			"pid <name>\t\tGet the PID of a single child process by name.\n" +
			"pid all\t\t\tGet the PID of every child process, one per line.",
		Complete: completeProcesses,
		Run:      pid,
	}
}

func pid(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	names := strings.Fields(arg)
	switch {
	case len(names) == 0:
		v, err := r.call("getPID")
		if err == nil {
			r.println(fmt.Sprint(v))
		}
		return err
	case slices.Contains(names, "all"):
		v, err := r.call("getAllProcessInfo")
		if err != nil {
			return err
		}
		infos, err := asInfos(v)
		for _, p := range infos {
			r.printf("%d\n", p.PID)
		}
		return err
	}
	for _, name := range names {
		v, err := r.call("getProcessInfo", name)
		if fault := asFault(err); fault != nil && fault.Code == faultBadName {
			r.status = exitGeneric
			r.printf("No such process %s\n", name)
			continue
		}
		if err != nil {
			return err
		}
		p, err := asInfo(v)
		if err != nil {
			return err
		}
		r.printf("%d\n", p.PID)
		if p.PID == 0 {
			r.status = exitNotRunning
		}
	}
	return nil
}
