package main

import "strings"

func (verbs) Add() Action {
	return Action{
		Name:     "add",
		Help:     "add <name> [...]\tActivates any updates in config for process/group",
		Complete: completeGroups, JSON: lines("add", "web x"),
		Run: add,
	}
}

func add(r *run, arg string) (answer, error) {
	for _, name := range strings.Fields(arg) {
		_, err := r.call("addProcessGroup", name)
		fault := asFault(err)
		switch {
		case err == nil:
			r.report(did(name, groupText("added", name)))
		case fault != nil && fault.Code == faultShutdownState:
			r.report(failed(exitGeneric, "ERROR: shutting down"))
		case fault != nil && fault.Code == faultAlreadyAdded:
			r.report(failed(exitSuccess, groupText("ERROR:", name)+" already active"))
		case fault != nil && fault.Code == faultBadName:
			r.report(failed(exitGeneric, "ERROR: no such process/group: "+name))
		default:
			return answer{}, err
		}
	}
	return answer{}, nil
}
