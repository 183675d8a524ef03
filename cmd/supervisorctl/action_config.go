package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func configAction() Action {
	return Action{
		Name: "config", Extra: true, Local: true,
		Help: "config check [FILE]\tTell all that is wrong with a configuration file and what will surprise\n" +
			"config show [FILE]\tShow what takes effect: defaults marked, secrets hidden\n" +
			"config diff\t\tTell what update would do, and why\n" +
			"config init\t\tPrint a commented sample of a configuration",
		Flags: []Flag{
			{Name: "json", Help: "print JSON (docs/supervisorctl.md)"},
			{Name: "strict", Help: "check: warnings count as errors, notes do not"},
			{Name: "no-files", Help: "check: take directories, programs and users to be there (the configuration is for another machine)"},
			{Name: "all", Help: "show: defaults too"},
			{Name: "secrets", Help: "show: passwords and what comes from the environment too"},
			{Name: "exit-code", Help: "diff: exit with 1 when update would do something"},
		},
		Complete: completeNothing,
		Run:      configure,
	}
}

func configure(r *run, arg string) error {
	verb, file, _ := strings.Cut(arg, " ")
	file = strings.TrimSpace(file)
	if file == "" {
		file = r.ctl.options.file
	}
	o := config.Options{Path: file, Argv0: argv0(r.ctl.options.program)}
	switch verb {
	case "check":
		return checkConfig(r, o)
	case "show":
		return showConfig(r, o)
	case "diff":
		return diffConfig(r)
	case "init":
		r.printf("%s", config.Sample())
		return nil
	}
	r.misuse(exitInvalidArgs, "Error: config takes check, show, diff or init")
	return nil
}

// issueObject is one error or warning.
type issueObject struct {
	Severity string `json:"severity"` // error, warning or note
	File     string `json:"file"`     // "" for none
	Line     int    `json:"line"`     // 0 for none
	Section  string `json:"section"`
	Key      string `json:"key"`
	Text     string `json:"text"`
}

func checkConfig(r *run, o config.Options) error {
	_, o.NoFiles = r.flags["no-files"]
	report := config.Check(o)
	if report.Plugins {
		checkSections(r, o, &report)
	}
	found := []struct {
		severity string
		issues   []config.Issue
	}{{"error", report.Errors}, {"warning", report.Warnings}, {"note", report.Notes}}
	if len(report.Errors) > 0 {
		r.status = exitGeneric
	}
	if _, strict := r.flags["strict"]; strict && len(report.Warnings) > 0 {
		r.status = exitGeneric
	}
	if _, asked := r.flags["json"]; asked {
		objects := []issueObject{}
		for _, f := range found {
			for _, i := range f.issues {
				objects = append(objects, issueObject{f.severity, i.File, i.Line, i.Section, i.Key, i.Text})
			}
		}
		return r.printJSON(map[string]any{"files": orEmpty(report.Files), "issues": objects})
	}
	for _, f := range found {
		for _, i := range f.issues {
			r.println(issueLine(i, f.severity+": "))
		}
	}
	counts := count(len(report.Errors), "error") + ", " + count(len(report.Warnings), "warning")
	if len(report.Notes) > 0 {
		counts += ", " + count(len(report.Notes), "note")
	}
	r.printf("%s in %s\n", counts, count(len(report.Files), "file"))
	return nil
}

// issueLine is "file:line: error: [section] key: text", as compilers do it.
func issueLine(i config.Issue, severity string) string {
	whole := i.String()
	if i.File == "" || i.Line == 0 {
		return severity + whole
	}
	place := fmt.Sprintf("%s:%d: ", i.File, i.Line)
	return place + severity + strings.TrimPrefix(whole, place)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func orEmpty(s []string) []string { return append([]string{}, s...) }

type settingObject struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default bool   `json:"default"`
	Unknown bool   `json:"unknown,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

type sectionObject struct {
	Section   string          `json:"section"`
	File      string          `json:"file"`
	Line      int             `json:"line"`
	Settings  []settingObject `json:"settings"`
	Processes []processObject `json:"processes,omitempty"`
}

type processObject struct {
	Namespec string `json:"namespec"`
	Command  string `json:"command"`
}

func showConfig(r *run, o config.Options) error {
	_, secrets := r.flags["secrets"]
	sections, err := config.Show(o, secrets)
	var wrong config.Errors
	if errors.As(err, &wrong) {
		for _, i := range wrong {
			r.println(issueLine(i, "error: "))
		}
		r.status = exitGeneric
		return nil
	}
	if err != nil {
		return err
	}
	if _, asked := r.flags["json"]; asked {
		objects := make([]sectionObject, len(sections))
		for i, s := range sections {
			objects[i] = sectionObject{Section: s.Name, File: s.File, Line: s.Line, Settings: []settingObject{}}
			for _, k := range s.Settings {
				objects[i].Settings = append(objects[i].Settings, settingObject(k))
			}
			for _, p := range s.Processes {
				objects[i].Processes = append(objects[i].Processes, processObject(p))
			}
		}
		return r.printJSON(objects)
	}
	_, all := r.flags["all"]
	for n, s := range sections {
		if n > 0 {
			r.println("")
		}
		r.printf("[%s] ; %s:%d\n", s.Name, s.File, s.Line)
		for _, k := range s.Settings {
			value := k.Key + " = " + strings.ReplaceAll(k.Value, "\n", "\n    ")
			switch {
			case k.Unknown:
				r.println(value + " ; unknown, ignored")
			case !k.Default:
				r.println(value)
			case all || k.Value != "":
				r.println(value + " ; default")
			}
		}
		for _, p := range s.Processes {
			r.printf("; process %s: %s\n", p.Namespec, p.Command)
		}
	}
	return nil
}

func diffConfig(r *run) error {
	if err := r.ctl.options.unusable; err != nil { // it says where the server is
		r.status = usage(r.err, r.ctl.options.program, err)
		return nil
	}
	if ok, err := r.up(); !ok {
		return err
	}
	v, err := r.waitHark("previewUpdate")
	if f := asFault(err); f != nil {
		switch f.Code {
		case faultUnknownMethod:
			r.println("Error: this supervisord cannot tell; it is Supervisor's, or an old one. reread tells the names of the groups")
			r.status = exitUnimplementedFeature
			return nil
		case faultCantReread:
			r.println("ERROR: " + f.String)
			r.status = exitGeneric
			return nil
		}
	}
	if err != nil {
		return err
	}
	plans := structsOf(v)
	later := slices.DeleteFunc(slices.Clone(plans), func(p xmlrpc.Struct) bool { return stringOf(p, "action") != "reload" })
	if _, asked := r.flags["exit-code"]; asked && len(plans) > len(later) {
		r.status = exitGeneric
	}
	if _, asked := r.flags["json"]; asked {
		return r.printJSON(planObjects(plans))
	}
	if len(plans) == len(later) {
		r.println("update would do nothing")
	}
	for _, p := range plans {
		r.printf("%s", planText(p))
	}
	return nil
}

type planObject struct {
	Group     string         `json:"group"`
	Action    string         `json:"action"`
	Changes   []changeObject `json:"changes"`
	Processes []fateObject   `json:"processes"`
}

type changeObject struct {
	Process string `json:"process"`
	Key     string `json:"key"`
	From    string `json:"from"`
	To      string `json:"to"`
}

type fateObject struct {
	Name      string `json:"name"`
	State     string `json:"state"`
	Fate      string `json:"fate"`
	ComesBack bool   `json:"comes_back"`
}

func planObjects(plans []xmlrpc.Struct) []planObject {
	all := make([]planObject, len(plans))
	for i, p := range plans {
		all[i] = planObject{Group: stringOf(p, "group"), Action: stringOf(p, "action"), Changes: []changeObject{}, Processes: []fateObject{}}
		changes, _ := p.Get("changes")
		for _, c := range structsOf(changes) {
			all[i].Changes = append(all[i].Changes, changeObject{stringOf(c, "process"), stringOf(c, "key"), stringOf(c, "from"), stringOf(c, "to")})
		}
		processes, _ := p.Get("processes")
		for _, q := range structsOf(processes) {
			all[i].Processes = append(all[i].Processes, fateObject{stringOf(q, "name"), stringOf(q, "statename"), stringOf(q, "fate"), boolOf(q, "comes_back")})
		}
	}
	return all
}

// reloadText says that a section takes effect with reload only.
func reloadText(p *planObject) string {
	keys := make([]string, len(p.Changes))
	for i, c := range p.Changes {
		keys[i] = c.Key
	}
	what := ""
	if len(keys) > 0 {
		what = " (" + strings.Join(keys, ", ") + ")"
	}
	return fmt.Sprintf("[%s] changed%s; it takes effect with reload, which restarts all programs", p.Group, what)
}

// hintReload says on standard error which sections of the file differ from what the daemon
// was started with: neither reread nor update takes them. Supervisor's daemon is not asked.
func (r *run) hintReload() {
	v, err := r.waitHark("previewUpdate")
	if err != nil {
		return // an old daemon, or a file that has broken since, which the action has told
	}
	for _, s := range structsOf(v) {
		if stringOf(s, "action") == "reload" {
			r.hint(reloadText(&planObjects([]xmlrpc.Struct{s})[0]))
		}
	}
}

// planText is what update would do to one group.
func planText(s xmlrpc.Struct) string {
	p := planObjects([]xmlrpc.Struct{s})[0]
	var b strings.Builder
	if p.Action == "reload" {
		return reloadText(&p) + "\n"
	}
	switch {
	case p.Action == "add":
		fmt.Fprintf(&b, "%s: would be added\n", p.Group)
	case p.Action == "remove":
		fmt.Fprintf(&b, "%s: would be removed\n", p.Group)
	case isPluginSection(p.Group):
		fmt.Fprintf(&b, "%s: would be set up with its changed settings\n", p.Group)
	default:
		fmt.Fprintf(&b, "%s: would be stopped, removed and added again, because of\n", p.Group)
	}
	for _, c := range p.Changes {
		key := c.Key
		if c.Process != "" {
			key = namespec(p.Group, c.Process) + " " + key
		}
		switch {
		case c.From == c.To:
			fmt.Fprintf(&b, "    %s: another value\n", key)
		case c.From == "":
			fmt.Fprintf(&b, "    %s: set to %s\n", key, c.To)
		case c.To == "":
			fmt.Fprintf(&b, "    %s: no longer %s\n", key, c.From)
		default:
			fmt.Fprintf(&b, "    %s: %s -> %s\n", key, c.From, c.To)
		}
	}
	for _, q := range p.Processes {
		name := namespec(p.Group, q.Name)
		switch {
		case q.ComesBack:
			fmt.Fprintf(&b, "  %s is %s and would be started again (autostart)\n", name, q.State)
		case q.Fate == "restart":
			fmt.Fprintf(&b, "  %s is %s and would be restarted\n", name, q.State)
		case q.Fate == "stop":
			fmt.Fprintf(&b, "  %s is %s and would be stopped\n", name, q.State)
		case q.Fate == "start":
			fmt.Fprintf(&b, "  %s would be started\n", name)
		default:
			fmt.Fprintf(&b, "  %s would stay %s\n", name, q.State)
		}
	}
	return b.String()
}
