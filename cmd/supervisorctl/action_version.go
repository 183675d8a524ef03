package main

func versionAction() Action {
	return Action{
		Name: "version",
		Help: "version\t\t\tShow the version of the remote supervisord process",
		Run:  showVersion,
	}
}

func showVersion(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	if ok, err := r.up(); !ok {
		return err
	}
	v, err := r.call("getSupervisorVersion")
	if err != nil {
		return err
	}
	text, err := asText(v)
	if err == nil {
		r.println(text)
	}
	return err
}

// refuseArguments reports whether there are arguments, after saying that none are
// accepted.
func (r *run) refuseArguments(arg string) bool {
	if arg == "" {
		return false
	}
	r.misuse(exitGeneric, "Error: "+r.action.Name+" accepts no arguments")
	return true
}
