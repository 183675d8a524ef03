package main

import "strings"

func (verbs) Restart() Action {
	return Action{
		Name: "restart",
		Help: "restart <name>\t\tRestart a process\n" +
			"restart <gname>:*\tRestart all processes in a group\n" +
			"restart <name> <name>\tRestart multiple processes or groups\n" +
			"restart all\t\tRestart all processes\n" +
			"Note: restart does not reread config files. For that, see reread and update.",
		Flags:    []Flag{parallelFlag()},
		Complete: completeProcesses, JSON: lines("restart", "cat"),
		Run: restart,
	}
}

// restart stops everything named, then starts it; together, each is started as soon as it has stopped.
func restart(r *run, arg string) (answer, error) {
	b := batch{method: "restartProcesses", steps: map[string]*operation{"": stopping(), "stop": stopping(), "start": starting()}, patterned: isPattern}
	names := strings.Fields(arg)
	return r.operate(b, names, r.requireNames(names, exitGeneric), func(r *run, names []string) error {
		if err := stopping().on(r, names); err != nil {
			return err
		}
		if err := r.up(); err != nil {
			return err
		}
		return starting().on(r, names)
	})
}
