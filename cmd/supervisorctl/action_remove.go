package main

import "strings"

func removeAction() Action {
	return Action{
		Name:     "remove",
		Help:     "remove <name> [...]\tRemoves process/group from active config",
		Complete: completeGroups,
		Run:      remove,
	}
}

func remove(r *run, arg string) error {
	for _, name := range strings.Fields(arg) {
		_, err := r.call("removeProcessGroup", name)
		if err == nil {
			r.printf("%s: removed process group\n", name)
			continue
		}
		r.status = exitGeneric
		fault := asFault(err)
		switch {
		case fault != nil && fault.Code == faultStillRunning:
			r.printf("ERROR: process/group still running: %s\n", name)
		case fault != nil && fault.Code == faultBadName:
			r.printf("ERROR: no such process/group: %s\n", name)
		default:
			return err
		}
	}
	return nil
}
