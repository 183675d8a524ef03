package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// jsonShape is what --json makes of an action.
type jsonShape int

const (
	shapeLines  jsonShape = iota // an array of what was printed, a line each: name, message, ok
	shapeText                    // the printed text in one object
	shapeStatus                  // the info of processes
	shapePids
	shapeConfig
	shapeChanges
	shapeVersion
)

// jsonShapes are the actions that take --json.
func jsonShapes() map[string]jsonShape {
	return map[string]jsonShape{
		"add": shapeLines, "clear": shapeLines, "reload": shapeLines, "remove": shapeLines, "restart": shapeLines, "shutdown": shapeLines,
		"signal": shapeLines, "start": shapeLines, "stop": shapeLines, "update": shapeLines,
		"tail": shapeText, "maintail": shapeText,
		"status": shapeStatus, "pid": shapePids, "avail": shapeConfig, "reread": shapeChanges, "version": shapeVersion,
	}
}

// printed is one line of an action. Every line about a process or group begins
// with its name.
type printed struct {
	Name    string `json:"name,omitempty"`
	Message string `json:"message"`
	OK      bool   `json:"ok"`
}

// asJSON makes an action print JSON when it is given --json. The action runs as
// ever, so its exit status is the same; what it asks the daemon for is asked again
// where the text does not tell it all.
func asJSON(verb string, shape jsonShape, run0 func(*run, string) error) func(*run, string) error {
	return func(r *run, arg string) error {
		if _, ok := r.flags["json"]; !ok {
			return run0(r, arg)
		}
		if shape == shapeText && slices.Contains(strings.Fields(arg), "-f") {
			r.misuse(exitInvalidArgs, "Error: --json does not go with -f")
			return nil
		}
		out := r.out
		var text bytes.Buffer
		r.out = &text
		err := run0(r, arg)
		r.out = out
		if err != nil {
			_, _ = out.Write(text.Bytes())
			return err
		}
		v, err := r.shaped(verb, shape, arg, text.String())
		if err != nil {
			return err
		}
		return r.printJSON(v)
	}
}

func (r *run) shaped(verb string, shape jsonShape, arg, text string) (any, error) {
	if r.status == exitSuccess || shape == shapeStatus && r.status == exitStatusNotRunning || shape == shapePids && r.status == exitNotRunning {
		switch shape {
		case shapeStatus:
			return r.statusObjects(arg, text)
		case shapePids:
			return r.pidObjects(arg)
		case shapeConfig:
			return r.configObjects()
		case shapeChanges:
			return changeObjects(text), nil
		case shapeVersion:
			return r.versionObject(text), nil
		case shapeText:
			return struct {
				Text string `json:"text"`
			}{strings.TrimSuffix(text, "\n")}, nil // the line's end is the action's own
		}
	}
	lines := []printed{}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line != "" {
			p := printedLine(line)
			p.OK = p.OK && (p.Name != "" || r.status == exitSuccess)
			lines = append(lines, p)
		}
	}
	return lines, nil
}

// printedLine takes a line apart: "web:a: stopped", "x: ERROR (no such process)".
func printedLine(line string) printed {
	name, message, ok := strings.Cut(line, ": ")
	if !ok || strings.ContainsAny(name, " \t") {
		return printed{Message: line, OK: !strings.HasPrefix(strings.ToLower(line), "error") && !strings.HasPrefix(line, "No such")}
	}
	if reason, bad := strings.CutPrefix(message, "ERROR ("); bad {
		return printed{Name: name, Message: strings.TrimSuffix(reason, ")")}
	}
	if name == "ERROR" || name == "Error" {
		return printed{Message: message}
	}
	return printed{Name: name, Message: message, OK: true}
}

// statusObject is the info of a process.
type statusObject struct {
	Name        string `json:"name"`
	Group       string `json:"group"`
	Namespec    string `json:"namespec"`
	State       string `json:"state"`
	StateCode   int    `json:"state_code"`
	Pid         int    `json:"pid"`
	Description string `json:"description"`
	Start       int    `json:"start"`
	Stop        int    `json:"stop"`
	Now         int    `json:"now"`
	SpawnErr    string `json:"spawnerr"`
	ExitStatus  int    `json:"exitstatus"`
	StdoutLog   string `json:"stdout_logfile"`
	StderrLog   string `json:"stderr_logfile"`
}

// statusObjects are those of the processes that were printed, in that order.
func (r *run) statusObjects(_, text string) (any, error) {
	v, err := r.call("getAllProcessInfo")
	if err != nil {
		return nil, err
	}
	byName := make(map[string]xmlrpc.Struct)
	for _, s := range structsOf(v) {
		byName[namespecIn(s)] = s
	}
	all := []statusObject{}
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		s, ok := byName[words[0]]
		if !ok { // removed meanwhile
			continue
		}
		all = append(all, statusObject{
			Name: stringOf(s, "name"), Group: stringOf(s, "group"), Namespec: namespecIn(s),
			State: stringOf(s, "statename"), StateCode: intOf(s, "state"), Pid: intOf(s, "pid"), Description: stringOf(s, "description"),
			Start: intOf(s, "start"), Stop: intOf(s, "stop"), Now: intOf(s, "now"), SpawnErr: stringOf(s, "spawnerr"),
			ExitStatus: intOf(s, "exitstatus"), StdoutLog: stringOf(s, "stdout_logfile"), StderrLog: stringOf(s, "stderr_logfile"),
		})
	}
	return all, nil
}

type pidObject struct {
	Namespec string `json:"namespec,omitempty"` // missing for the daemon's own
	Pid      int    `json:"pid"`
}

func (r *run) pidObjects(arg string) (any, error) {
	names := strings.Fields(arg)
	if len(names) == 0 {
		v, err := r.call("getPID")
		if err != nil {
			return nil, err
		}
		n, _ := v.(int)
		return []pidObject{{Pid: n}}, nil
	}
	v, err := r.call("getAllProcessInfo")
	if err != nil {
		return nil, err
	}
	picked, _, err := choose(structsOf(v), names)
	if err != nil {
		return nil, err
	}
	all := []pidObject{}
	for _, s := range picked {
		all = append(all, pidObject{namespecIn(s), intOf(s, "pid")})
	}
	return all, nil
}

type configObject struct {
	Name            string `json:"name"`
	Group           string `json:"group"`
	Namespec        string `json:"namespec"`
	InUse           bool   `json:"in_use"`
	Autostart       bool   `json:"autostart"`
	GroupPriority   int    `json:"group_priority"`
	ProcessPriority int    `json:"process_priority"`
}

func (r *run) configObjects() (any, error) {
	v, err := r.call("getAllConfigInfo")
	if err != nil {
		return nil, err
	}
	all := []configObject{}
	for _, s := range structsOf(v) {
		all = append(all, configObject{stringOf(s, "name"), stringOf(s, "group"), namespecIn(s), boolOf(s, "inuse"), boolOf(s, "autostart"),
			intOf(s, "group_prio"), intOf(s, "process_prio")})
	}
	return all, nil
}

// changeObjects are the groups that reread named.
func changeObjects(text string) any {
	changes := struct {
		Added   []string `json:"added"`
		Changed []string `json:"changed"`
		Removed []string `json:"removed"`
	}{[]string{}, []string{}, []string{}}
	for line := range strings.SplitSeq(text, "\n") {
		name, what, _ := strings.Cut(line, ": ")
		switch what {
		case "available":
			changes.Added = append(changes.Added, name)
		case "changed":
			changes.Changed = append(changes.Changed, name)
		case "disappeared":
			changes.Removed = append(changes.Removed, name)
		}
	}
	return changes
}

func (r *run) versionObject(text string) any {
	version := struct {
		Version string `json:"version"`
		Hark    string `json:"hark,omitempty"` // missing for Supervisor's daemon
	}{Version: strings.TrimSpace(text)}
	if v, err := r.server.call(r.ctx, "hark.getVersion"); err == nil {
		version.Hark = fmt.Sprint(v)
	}
	return version
}

// printJSON prints a value, indented, on lines of its own.
func (r *run) printJSON(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	r.printf("%s", b.String())
	return nil
}
