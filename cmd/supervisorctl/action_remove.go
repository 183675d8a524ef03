package main

import "strings"

func (verbs) Remove() Action {
	return Action{
		Name:     "remove",
		Help:     "remove <name> [...]\tRemoves process/group from active config",
		Complete: completeGroups, JSON: lines("remove", "web"),
		Run: remove,
	}
}

func remove(r *run, arg string) (answer, error) {
	for _, name := range strings.Fields(arg) {
		_, err := r.call("removeProcessGroup", name)
		fault := asFault(err)
		switch {
		case err == nil:
			r.report(did(name, groupText("removed", name)))
		case fault != nil && fault.Code == faultStillRunning:
			r.report(failed(exitGeneric, "ERROR: process/group still running: "+name))
		case fault != nil && fault.Code == faultBadName:
			r.report(failed(exitGeneric, "ERROR: no such process/group: "+name))
		default:
			return answer{}, err
		}
	}
	return answer{}, nil
}
