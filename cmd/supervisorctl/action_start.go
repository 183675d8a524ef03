package main

func startAction() Action {
	return Action{
		Name: "start",
		Help: "start <name>\t\tStart a process\n" +
			"start <gname>:*\t\tStart all processes in a group\n" +
			"start <name> <name>\tStart multiple processes or groups\n" +
			"start all\t\tStart all processes",
		Complete: completeProcesses,
		Run:      start,
	}
}

func start(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	names := r.requireNames(arg, exitInvalidArgs)
	o := operation{
		all: "startAllProcesses", group: "startProcessGroup", one: "startProcess",
		done: "started", ignored: faultAlreadyStarted, noGroup: exitInvalidArgs, sentence: startSentence,
	}
	return o.on(r, names)
}

func startSentence(res result, done string) (string, error) {
	switch res.Status {
	case faultSuccess:
		return success(res, done), nil
	case faultBadName:
		return problem(res, "no such process"), nil
	case faultNoFile:
		return problem(res, "no such file"), nil
	case faultNotExecutable:
		return problem(res, "file is not executable"), nil
	case faultAlreadyStarted:
		return problem(res, "already started"), nil
	case faultSpawnError:
		return problem(res, "spawn error"), nil
	case faultAbnormalTermination:
		return problem(res, "abnormal termination"), nil
	}
	return "", unknownResult(res)
}
