package main

import (
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// extended adds Hark's flags and patterns to Supervisor's actions, and Hark's own
// actions. Without a flag or a pattern an action is Supervisor's, to the byte, and so is
// its help.
func extended(table []Action) []Action {
	for i := range table {
		a := &table[i]
		switch a.Name {
		case "start", "stop", "restart", "signal", "clear":
			patterned := isPattern
			if a.Name == "clear" {
				patterned = isPatternOrGroup
			}
			a.Run = together(a.Name, patterned, a.Run)
			if a.Name != "clear" {
				a.Flags = append(a.Flags, Flag{Name: "parallel", Help: "all names at once, in one operation of the daemon"})
			}
		case "status":
			a.Run = expanding(isPattern, a.Run)
		case "pid":
			a.Run = expanding(isPatternOrGroup, a.Run)
		}
		if shape, ok := jsonShapes()[a.Name]; ok {
			a.Run = asJSON(a.Name, shape, a.Run)
			a.Flags = append(a.Flags, Flag{Name: "json", Help: "print JSON (docs/supervisorctl.md)"})
		}
	}
	at := find(table, "status")
	at.Run = coloured(at.Run)
	return append(table, completionAction(), configAction(), deadlettersAction(), eventsAction(), listenerAction(), listenersAction(), notifierAction(), notifiersAction(),
		pluginAction(), silenceAction(), silencesAction(), sinksAction(), topAction(), unsilenceAction(), waitAction())
}

// batchMethod is a call on many processes at once, and how its rows are told.
type batchMethod struct {
	name  string
	steps map[string]operation // by step; "" where there is only one
}

// batchMethods are the actions that the daemon does on many processes at once.
func batchMethods() map[string]batchMethod {
	start := operation{done: "started", ignored: faultAlreadyStarted, sentence: startSentence}
	stop := operation{done: "stopped", ignored: faultNotRunning, sentence: signalSentence}
	return map[string]batchMethod{
		"start":   {"startProcesses", map[string]operation{"": start}},
		"stop":    {"stopProcesses", map[string]operation{"": stop}},
		"restart": {"restartProcesses", map[string]operation{"": stop, "stop": stop, "start": start}},
		"signal":  {"signalProcesses", map[string]operation{"": {done: "signalled", sentence: signalSentence}}},
		"clear":   {"clearProcessLogs", map[string]operation{"": {done: "cleared", sentence: clearSentence}}},
	}
}

// together makes an action act on patterns, and with --parallel on all its names,
// in one operation of the daemon. Supervisor's daemon has none: there patterns
// become names, and those go one after another.
func together(verb string, patterned func(string) bool, one func(*run, string) error) func(*run, string) error {
	return func(r *run, arg string) error {
		words := strings.Fields(arg)
		names := words
		if verb == "signal" && len(words) > 0 {
			names = words[1:]
		}
		if _, parallel := r.flags["parallel"]; len(names) == 0 || !parallel && !slices.ContainsFunc(names, patterned) {
			return one(r, arg)
		}
		if ok, err := r.up(); !ok {
			return err
		}
		m := batchMethods()[verb]
		args := []any{names}
		if verb == "signal" {
			args = append(args, words[0])
		}
		v, err := r.waitHark(m.name, args...)
		if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
			names, err := r.expand(names, patterned)
			if err != nil || len(names) == 0 {
				return err
			}
			return one(r, joinArgs(append(words[:len(words)-len(args[0].([]string))], names...)))
		}
		if err != nil {
			return err
		}
		for _, s := range structsOf(v) {
			res, err := asResult(s)
			if err != nil {
				return err
			}
			step := m.steps[stringOf(s, "step")]
			if err := step.tell(r, res); err != nil {
				return err
			}
		}
		return nil
	}
}

// expanding makes an action take patterns by giving it the names that they choose.
func expanding(patterned func(string) bool, one func(*run, string) error) func(*run, string) error {
	return func(r *run, arg string) error {
		names := strings.Fields(arg)
		if !slices.ContainsFunc(names, patterned) {
			return one(r, arg)
		}
		if ok, err := r.up(); !ok {
			r.status = exitStatusUnknown
			return err
		}
		names, err := r.expand(names, patterned)
		if err != nil || len(names) == 0 {
			if err == nil {
				r.status = exitStatusUnknown
			}
			return err
		}
		return one(r, joinArgs(names))
	}
}

// expand turns patterns into names. It says which choose none; names are left to
// the action.
func (r *run) expand(names []string, patterned func(string) bool) ([]string, error) {
	v, err := r.call("getAllProcessInfo")
	if err != nil {
		return nil, err
	}
	all := structsOf(v)
	var out []string
	for _, name := range names {
		if !patterned(name) {
			out = append(out, name)
			continue
		}
		picked, _, err := choose(all, []string{name})
		if err != nil {
			return nil, err
		}
		if len(picked) == 0 {
			r.printf("%s: ERROR (no such process)\n", name)
			r.status = exitGeneric
		}
		for _, s := range picked {
			spec := namespecIn(s)
			if !slices.Contains(out, spec) {
				out = append(out, spec)
			}
		}
	}
	return out, nil
}

func namespecIn(s xmlrpc.Struct) string { return namespec(stringOf(s, "group"), stringOf(s, "name")) }
