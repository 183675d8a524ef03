package main

func reloadAction() Action {
	return Action{
		Name: "reload",
		Help: "reload \t\tRestart the remote supervisord.",
		Run:  reload,
	}
}

func reload(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	if really, err := r.confirm("Really restart the remote supervisord process y/N? "); !really {
		return err
	}
	_, err := r.call("restart")
	if fault := asFault(err); fault != nil && fault.Code == faultShutdownState {
		r.println("ERROR: already shutting down")
		r.status = exitGeneric
		return nil
	}
	if err == nil {
		r.println("Restarted supervisord")
	}
	return err
}
