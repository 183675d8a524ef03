package main

import "fmt"

func availAction() Action {
	return Action{
		Name: "avail",
		Help: "avail\t\t\tDisplay all configured processes",
		Run:  avail,
	}
}

func avail(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	v, err := r.call("getAllConfigInfo")
	if fault := asFault(err); fault != nil && fault.Code == faultShutdownState {
		r.println("ERROR: supervisor shutting down")
		r.status = exitGeneric
		return nil
	}
	if err != nil {
		return err
	}
	lines, err := asList(v, configLine)
	if err != nil {
		return err
	}
	for _, line := range lines {
		r.println(line)
	}
	return nil
}

// configLine is a process as avail shows it.
func configLine(v any) (string, error) {
	f := fields{in: v}
	name := namespec(f.text("group"), f.text("name"))
	inUse, autostart := "avail", "manual"
	if f.truth("inuse") {
		inUse = "in use"
	}
	if f.truth("autostart") {
		autostart = "auto"
	}
	return fmt.Sprintf("%-32s %-9s %-9s %d:%d", name, inUse, autostart, f.number("group_prio"), f.number("process_prio")), f.err
}
