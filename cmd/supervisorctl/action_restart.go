package main

func restartAction() Action {
	return Action{
		Name: "restart",
		Help: "restart <name>\t\tRestart a process\n" +
			"restart <gname>:*\tRestart all processes in a group\n" +
			"restart <name> <name>\tRestart multiple processes or groups\n" +
			"restart all\t\tRestart all processes\n" +
			"Note: restart does not reread config files. For that, see reread and update.",
		Complete: completeProcesses,
		Run:      restart,
	}
}

// restart stops everything named, then starts it.
func restart(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	if len(r.requireNames(arg, exitGeneric)) == 0 {
		return nil
	}
	if err := stop(r, arg); err != nil {
		return err
	}
	return start(r, arg)
}
