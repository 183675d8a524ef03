package main

import "strings"

func (verbs) Start() Action {
	return Action{
		Name: "start",
		Help: "start <name>\t\tStart a process\n" +
			"start <gname>:*\t\tStart all processes in a group\n" +
			"start <name> <name>\tStart multiple processes or groups\n" +
			"start all\t\tStart all processes",
		Flags:    []Flag{parallelFlag()},
		Complete: completeProcesses, JSON: lines("start", "cat"),
		Run: start,
	}
}

func start(r *run, arg string) (answer, error) {
	b := batch{method: "startProcesses", steps: map[string]*operation{"": starting()}, patterned: isPattern}
	names := strings.Fields(arg)
	return r.operate(b, names, r.requireNames(names, exitInvalidArgs), starting().on)
}

// starting is what start does to processes.
func starting() *operation {
	return &operation{
		all: "startAllProcesses", group: "startProcessGroup", one: "startProcess",
		done: "started", ignored: faultAlreadyStarted, noGroup: exitInvalidArgs,
		sentences: sentences{
			faultBadName: "no such process", faultNoFile: "no such file", faultNotExecutable: "file is not executable",
			faultAlreadyStarted: "already started", faultSpawnError: "spawn error", faultAbnormalTermination: "abnormal termination",
		},
	}
}
