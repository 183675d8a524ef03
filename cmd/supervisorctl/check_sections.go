package main

import (
	"bytes"
	"encoding/json"
	"os/exec"

	"github.com/hark-supervisor/hark/core/build"
	"github.com/hark-supervisor/hark/core/config"
)

// checkSections adds to a report what is wrong with the sections about plugins. Their keys
// and templates are known to supervisord plugin sections, which runs beside this program.
func checkSections(r *run, o config.Options, report *config.Report) {
	unchecked := func(why string) {
		report.Notes = append(report.Notes, config.Issue{File: report.Files[0], Text: "the keys of plugins and the templates of notifiers were not checked: " + why})
	}
	program, err := build.Companion("supervisord")
	if err != nil {
		unchecked("there is no supervisord beside this program or in PATH")
		return
	}
	args := []string{"plugin", "sections", "--json"}
	if o.NoFiles {
		args = append(args, "no-files")
	}
	if o.Path != "" {
		args = append(args, "-c", o.Path)
	}
	cmd := exec.CommandContext(r.ctx, program, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	_ = cmd.Run() // its status says whether there are errors, as the document does
	var all []issue
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		unchecked(program + " is not Hark's supervisord")
		return
	}
	for _, i := range all {
		found := config.Issue{File: i.File, Line: i.Line, Section: i.Section, Key: i.Key, Text: i.Text}
		if i.Severity == "error" {
			report.Errors = append(report.Errors, found)
		} else {
			report.Warnings = append(report.Warnings, found)
		}
	}
	report.Sort()
}
