package main

import "strings"

func stopAction() Action {
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
	return r.operate(b, strings.Fields(arg), func(names []string) error {
		if err := r.up(); err != nil {
			return err
		}
		if err := r.requireNames(names, exitGeneric); err != nil {
			return err
		}
		return stopping().on(r, names)
	})
}

// stopping is what stop does to processes.
func stopping() *operation {
	return &operation{
		all: "stopAllProcesses", group: "stopProcessGroup", one: "stopProcess",
		done: "stopped", ignored: faultNotRunning, noGroup: exitGeneric, sentences: signalSentences(),
	}
}
