package main

func stopAction() Action {
	return Action{
		Name: "stop",
		Help: "stop <name>\t\tStop a process\n" +
			"stop <gname>:*\t\tStop all processes in a group\n" +
			"stop <name> <name>\tStop multiple processes or groups\n" +
			"stop all\t\tStop all processes",
		Complete: completeProcesses,
		Run:      stop,
	}
}

func stop(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	names := r.requireNames(arg, exitGeneric)
	o := operation{
		all: "stopAllProcesses", group: "stopProcessGroup", one: "stopProcess",
		done: "stopped", ignored: faultNotRunning, noGroup: exitGeneric, sentence: signalSentence,
	}
	return o.on(r, names)
}
