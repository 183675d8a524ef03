package main

import "strings"

func signalAction() Action {
	return Action{
		Name: "signal",
		Help: "signal <signal name> <name>\t\tSignal a process\n" +
			"signal <signal name> <gname>:*\t\tSignal all processes in a group\n" +
			"signal <signal name> <name> <name>\tSignal multiple processes or groups\n" +
			"signal <signal name> all\t\tSignal all processes",
		Complete: completeProcesses,
		Run:      sendSignal,
	}
}

func sendSignal(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	words := strings.Fields(arg)
	if len(words) < 2 {
		r.misuse(exitGeneric, "Error: signal requires a signal name and a process name")
		return nil
	}
	o := operation{
		all: "signalAllProcesses", group: "signalProcessGroup", one: "signalProcess", args: []any{words[0]},
		done: "signalled", noGroup: exitGeneric, sentence: signalSentence,
	}
	return o.on(r, words[1:])
}

// signalSentence serves stop too.
func signalSentence(res result, done string) (string, error) {
	switch res.Status {
	case faultSuccess:
		return success(res, done), nil
	case faultBadName:
		return problem(res, "no such process"), nil
	case faultBadSignal:
		return problem(res, "bad signal name"), nil
	case faultNotRunning:
		return problem(res, "not running"), nil
	case faultFailed:
		return res.Description, nil
	}
	return "", unknownResult(res)
}
