package main

import "strings"

func addAction() Action {
	return Action{
		Name:     "add",
		Help:     "add <name> [...]\tActivates any updates in config for process/group",
		Complete: completeGroups,
		Run:      add,
	}
}

func add(r *run, arg string) error {
	for _, name := range strings.Fields(arg) {
		_, err := r.call("addProcessGroup", name)
		fault := asFault(err)
		switch {
		case err == nil:
			r.printf("%s: added process group\n", name)
		case fault != nil && fault.Code == faultShutdownState:
			r.println("ERROR: shutting down")
			r.status = exitGeneric
		case fault != nil && fault.Code == faultAlreadyAdded:
			r.println("ERROR: process group already active")
		case fault != nil && fault.Code == faultBadName:
			r.printf("ERROR: no such process/group: %s\n", name)
			r.status = exitGeneric
		default:
			return err
		}
	}
	return nil
}
