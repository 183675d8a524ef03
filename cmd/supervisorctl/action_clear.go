package main

import "slices"

func clearAction() Action {
	return Action{
		Name: "clear",
		Help: "clear <name>\t\tClear a process' log files.\n" +
			"clear <name> <name>\tClear multiple process' log files\n" +
			"clear all\t\tClear all process' log files",
		Complete: completeProcesses,
		Run:      clearLogs,
	}
}

func clearLogs(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	names := r.requireNames(arg, exitGeneric)
	o := operation{done: "cleared", sentence: clearSentence}
	if slices.Contains(names, "all") {
		v, err := r.wait("clearAllProcessLogs")
		if err != nil {
			return err
		}
		return o.report(r, v)
	}
	for _, name := range names {
		group, process, whole := splitNamespec(name)
		if whole {
			process = "None" // what Supervisor makes of group:*, which clear does not know
		}
		res := result{Group: group, Name: process, Status: faultSuccess}
		_, err := r.call("clearProcessLogs", name)
		if fault := asFault(err); fault != nil {
			res.Status, res.Description = fault.Code, fault.String
		} else if err != nil {
			return err
		}
		if err := o.tell(r, res); err != nil {
			return err
		}
	}
	return nil
}

func clearSentence(res result, done string) (string, error) {
	switch res.Status {
	case faultSuccess:
		return success(res, done), nil
	case faultBadName:
		return problem(res, "no such process"), nil
	case faultFailed:
		return problem(res, "failed"), nil
	}
	return "", unknownResult(res)
}
