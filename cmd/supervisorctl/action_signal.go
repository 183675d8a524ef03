package main

import "strings"

func (verbs) Signal() Action {
	return Action{
		Name: "signal",
		Help: "signal <signal name> <name>\t\tSignal a process\n" +
			"signal <signal name> <gname>:*\t\tSignal all processes in a group\n" +
			"signal <signal name> <name> <name>\tSignal multiple processes or groups\n" +
			"signal <signal name> all\t\tSignal all processes",
		Flags:    []Flag{parallelFlag()},
		Complete: completeProcesses, JSON: lines("signal", "HUP cat"),
		Run: sendSignal,
	}
}

func sendSignal(r *run, arg string) (answer, error) {
	var signal string
	names := strings.Fields(arg)
	if len(names) > 0 {
		signal, names = names[0], names[1:]
	}
	o := operation{
		all: "signalAllProcesses", group: "signalProcessGroup", one: "signalProcess", args: []any{signal},
		done: "signalled", noGroup: exitGeneric, sentences: signalSentences(),
	}
	b := batch{method: "signalProcesses", args: []any{signal}, steps: map[string]*operation{"": &o}, patterned: isPattern}
	var none error
	if len(names) == 0 {
		none = r.misuse(exitGeneric, "Error: signal requires a signal name and a process name")
	}
	return r.operate(b, names, none, o.on)
}

// signalSentences serve stop too.
func signalSentences() sentences {
	return sentences{faultBadName: "no such process", faultBadSignal: "bad signal name", faultNotRunning: "not running", faultFailed: ""}
}
