package main

import "slices"

func rereadAction() Action {
	return Action{
		Name: "reread",
		Help: "reread \t\t\tReload the daemon's configuration files without add/remove",
		Run:  reread,
	}
}

func reread(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	c, err := r.rereadConfig()
	if fault := asFault(err); fault != nil {
		switch fault.Code {
		case faultShutdownState:
			r.println("ERROR: supervisor shutting down")
			r.status = exitGeneric
			return nil
		case faultCantReread:
			r.printf("ERROR: %s\n", fault.String)
			r.status = exitGeneric
			return nil
		}
	}
	if err != nil {
		return err
	}
	defer r.hintReload()
	what := map[string]string{}
	for _, change := range []struct {
		names []string
		text  string
	}{{c.added, "available"}, {c.changed, "changed"}, {c.removed, "disappeared"}} {
		for _, name := range change.names {
			what[name] = change.text
		}
	}
	if len(what) == 0 {
		r.println("No config updates to processes")
		return nil
	}
	names := make([]string, 0, len(what))
	for name := range what {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.printf("%s: %s\n", name, what[name])
	}
	return nil
}

// changes is what reading the configuration again has found, groups all of them.
type changes struct{ added, changed, removed []string }

// rereadConfig lets the server read its configuration. The call may take as long
// as the server's disk does.
func (r *run) rereadConfig() (c changes, err error) {
	v, err := r.wait("reloadConfig")
	if err != nil {
		return c, err
	}
	outer, err := asList(v, func(v any) ([][]string, error) {
		return asList(v, func(v any) ([]string, error) { return asList(v, asText) })
	})
	if err != nil {
		return c, err
	}
	if len(outer) == 0 || len(outer[0]) != 3 {
		return c, replyErrorf("the server's answer is not three lists of groups")
	}
	return changes{outer[0][0], outer[0][1], outer[0][2]}, nil
}
