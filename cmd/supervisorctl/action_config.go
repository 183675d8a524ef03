package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
)

func (verbs) Config() Action {
	return Action{
		Name: "config", Extra: true, Local: true,
		Help: "config check [FILE]\tTell all that is wrong with a configuration and what will surprise\n" +
			"config show [FILE] [SECTION]...\n" +
			"\t\t\tShow what takes effect: defaults marked, secrets hidden; of all\n" +
			"\t\t\tsections or of some: program:web, web, program:*\n" +
			"config diff\t\tTell what update would do, and why\n" +
			"config init\t\tPrint a commented sample of a configuration",
		Flags: []Flag{
			{Name: "strict", Help: "check: warnings count as errors, notes do not"},
			{Name: "no-files", Help: "check: take directories, programs and users to be there (the configuration is for another machine)"},
			{Name: "all", Help: "show: defaults too"},
			{Name: "secrets", Help: "show: passwords and what comes from the environment too"},
			{Name: "exit-code", Help: "diff: exit with 1 when update would do something"},
		},
		Complete: completeWords(func() []string { return []string{"check", "show", "diff", "init"} }),
		JSON: []document{
			{form: "config check", value: checked{}},
			{form: "config show", value: []shownSection{}},
			{form: "config diff", value: []groupPlan{}},
		},
		Run: configure,
	}
}

func configure(r *run, arg string) (answer, error) {
	verb, file, _ := strings.Cut(arg, " ")
	file = strings.TrimSpace(file)
	var sections []string
	if verb == "show" {
		file, sections = showArguments(file)
	}
	if file == "" {
		file = r.ctl.options.file
	}
	o := config.Options{Path: file, Argv0: argv0(r.ctl.options.program)}
	switch verb {
	case "check":
		a, err := checkConfig(r, o)
		return r.aboutFile(verb, file, a, err)
	case "show":
		a, err := showConfig(r, o, sections)
		return r.aboutFile(verb, file, a, err)
	case "diff":
		return diffConfig(r)
	case "init":
		return answer{text: config.Sample()}, nil
	}
	return answer{}, r.misuse(exitInvalidArgs, "Error: config takes check, show, diff or init")
}

// aboutFile adds which file was looked at where none was named: one of this machine, whichever daemon -s is about.
func (r *run) aboutFile(verb, file string, a answer, err error) (answer, error) {
	if file != "" {
		return a, err
	}
	searched := config.SearchPaths(argv0(r.ctl.options.program))
	i := slices.IndexFunc(searched, func(p string) bool { _, err := os.Stat(p); return err == nil })
	if i < 0 {
		return a, err
	}
	text := "this is about " + searched[i] + ", which was found"
	if !r.server.isLocal() {
		text += " on this machine; the daemon at " + r.server.url + " has its own"
	}
	text += "; config " + verb + " FILE takes another"
	a.hints = append(a.hints, text)
	return a, withHints(err, text)
}

// checked is what a check has found.
type checked struct {
	Files  []string `json:"files"`
	Issues []issue  `json:"issues"`
}

// issue is one error or warning.
type issue struct {
	Severity string `json:"severity" doc:"error, warning or note"`
	File     string `json:"file" doc:"empty for none"`
	Line     int    `json:"line" doc:"0 for none"`
	Section  string `json:"section"`
	Key      string `json:"key"`
	Text     string `json:"text"`
}

func checkConfig(r *run, o config.Options) (answer, error) {
	_, o.NoFiles = r.flags["no-files"]
	report := config.Check(o)
	if report.Plugins {
		checkSections(r, o, &report)
	}
	var a answer
	_, strict := r.flags["strict"]
	if len(report.Errors) > 0 || strict && len(report.Warnings) > 0 {
		a.status = exitGeneric
	}
	doc := checked{append([]string{}, report.Files...), []issue{}}
	for _, found := range []struct {
		severity string
		issues   []config.Issue
	}{{"error", report.Errors}, {"warning", report.Warnings}, {"note", report.Notes}} {
		for _, i := range found.issues {
			doc.Issues = append(doc.Issues, issue{found.severity, i.File, i.Line, i.Section, i.Key, i.Text})
			a.text += issueLine(i, found.severity+": ") + "\n"
		}
	}
	counts := count(len(report.Errors), "error") + ", " + count(len(report.Warnings), "warning")
	if len(report.Notes) > 0 {
		counts += ", " + count(len(report.Notes), "note")
	}
	a.value = doc
	a.text += counts + " in " + count(len(report.Files), "file") + "\n"
	return a, nil
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
