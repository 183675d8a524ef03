package main

import "strings"

func (verbs) Stop() Action {
	return Action{
		Name: "stop",
		Help: "stop <name>\t\tStop a process\n" +
			"stop <gname>:*\t\tStop all processes in a group\n" +
			"stop <name> <name>\tStop multiple processes or groups\n" +
			"stop all\t\tStop all processes",
		Flags:    []Flag{parallelFlag()},
		Complete: completeProcesses, JSON: lines("stop", "cat"),
		Run: stop,
	}
}

func stop(r *run, arg string) (answer, error) {
	b := batch{method: "stopProcesses", steps: map[string]*operation{"": stopping()}, patterned: isPattern}
	names := strings.Fields(arg)
	return r.operate(b, names, r.requireNames(names, exitGeneric), stopping().on)
}

// stopping is what stop does to processes.
func stopping() *operation {
	return &operation{
		all: "stopAllProcesses", group: "stopProcessGroup", one: "stopProcess",
		done: "stopped", ignored: faultNotRunning, noGroup: exitGeneric, sentences: signalSentences(),
	}
}
