package main

func (verbs) Version() Action {
	return Action{
		Name:     "version",
		Help:     "version\t\t\tShow the version of the remote supervisord process",
		Complete: completeNothing, JSON: []document{{form: "version", value: versions{}}},
		Run: showVersion,
	}
}

type versions struct {
	Version string `json:"version"`
	Hark    string `json:"hark,omitempty" doc:"missing for Supervisor's daemon"`
}

func showVersion(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	version, err := asked[string](r.call("getSupervisorVersion"))
	if err != nil {
		return answer{}, err
	}
	v := versions{Version: version}
	if r.json { // people see Supervisor's output
		v.Hark, _ = asked[string](r.server.call(r.ctx, "hark.getVersion"))
	}
	return answer{value: v, text: version + "\n"}, nil
}

// noArguments refuses arguments.
func (r *run) noArguments(arg string) error {
	if arg == "" {
		return nil
	}
	return r.misuse(exitGeneric, "Error: "+r.action.Name+" accepts no arguments")
}
