package main

import "strings"

func (verbs) Clear() Action {
	return Action{
		Name: "clear",
		Help: "clear <name>\t\tClear a process' log files.\n" +
			"clear <name> <name>\tClear multiple process' log files\n" +
			"clear all\t\tClear all process' log files",
		Complete: completeProcesses, JSON: lines("clear", "cat"),
		Run: clearLogs,
	}
}

func clearLogs(r *run, arg string) (answer, error) {
	o := operation{all: "clearAllProcessLogs", one: "clearProcessLogs", done: "cleared",
		sentences: sentences{faultBadName: "no such process", faultFailed: "failed"}}
	b := batch{method: "clearProcessLogs", steps: map[string]*operation{"": &o}, patterned: isPatternOrGroup}
	names := strings.Fields(arg)
	return r.operate(b, names, r.requireNames(names, exitGeneric), o.on)
}
