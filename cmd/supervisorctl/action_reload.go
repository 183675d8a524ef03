package main

func (verbs) Reload() Action {
	return Action{
		Name:     "reload",
		Help:     "reload \t\tRestart the remote supervisord.",
		Complete: completeNothing, JSON: lines("reload", ""), AskOnce: true,
		Run: reload,
	}
}

func reload(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	if really, err := r.confirm("Really restart the remote supervisord process y/N? "); !really {
		return answer{}, err
	}
	_, err := r.call("restart")
	if fault := asFault(err); fault != nil && fault.Code == faultShutdownState {
		return answer{}, refuseText("ERROR: already shutting down")
	}
	if err == nil {
		r.report(said("Restarted supervisord"))
	}
	return answer{}, err
}
