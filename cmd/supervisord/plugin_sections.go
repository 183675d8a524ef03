package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/plugins/bundled"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/trust"
)

// sectionIssue is one thing wrong with a section about plugins, in the form of
// supervisorctl config check --json.
type sectionIssue struct {
	Severity string `json:"severity"` // error or warning
	File     string `json:"file"`
	Line     int    `json:"line"`
	Section  string `json:"section"`
	Key      string `json:"key"`
	Text     string `json:"text"`
}

// errSections is the error of a configuration whose sections about plugins have errors,
// which have been printed.
var errSections = errors.New("sections about plugins have errors")

// sections checks what a configuration says of plugins, without starting one: that each is
// there and may be executed, and its sections' keys against its description. That is the
// record of its installation, or, of those that come with Hark, what they print. Of any
// other plugin the keys are not known unless it runs, which is a warning. Templates of
// notifiers are parsed and tried, as by a daemon that starts. A file with a secret, or another
// that a plugin reads, that is not there is a warning, unless the word no-files follows.
func (t *pluginTool) sections(words []string) error {
	noFiles := slices.Equal(words, []string{"no-files"})
	if len(words) > 0 && !noFiles {
		return fmt.Errorf("sections takes no name, only the word no-files; %w", errPluginUsage)
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	var templates []config.Issue
	t.cfg, templates = config.Sections(config.Options{Path: t.conf, Argv0: os.Args[0], Dir: dir, Template: notify.CheckTemplate})
	dirs := t.cfg.Supervisord.PluginDirs
	if len(dirs) == 0 {
		dirs = config.DefaultPluginDirs()
	}
	if err := t.trust(dirs); err != nil {
		return err
	}
	defer t.close()
	known := map[string]schema{}
	found, failed := []sectionIssue{}, false
	at := func(severity string, issue config.Issue) {
		failed = failed || severity == "error"
		found = append(found, sectionIssue{severity, issue.File, issue.Line, issue.Section, issue.Key, issue.Text})
	}
	for _, issue := range templates {
		at("error", issue)
	}
	for i := range t.cfg.Instances {
		in := &t.cfg.Instances[i]
		s, asked := known[in.Plugin]
		if !asked {
			s.description, s.err = t.recorded(in.Plugin)
			known[in.Plugin] = s
		}
		switch {
		case errors.Is(s.err, errNotRun):
			at("warning", pluginIssue(in, "its keys were not checked: "+s.err.Error()))
		case s.err != nil:
			at("error", pluginIssue(in, s.err.Error()))
		default:
			for _, issue := range issues(&s.description, in) {
				at("error", issue)
			}
			if !noFiles {
				for _, issue := range missingFiles(&s.description, in) {
					at("warning", issue)
				}
			}
		}
	}
	if t.json {
		if err := t.printJSON(found); err != nil {
			return err
		}
	} else {
		for _, i := range found {
			_, _ = fmt.Fprintf(t.stdout, "%s:%d: %s: [%s] %s: %s\n", i.File, i.Line, i.Severity, i.Section, i.Key, i.Text)
		}
	}
	if failed {
		return errSections
	}
	return nil
}

// missingFiles is what is wrong with the files that a section names. What is in one is not
// looked at: who checks a configuration may not be who may read it.
func missingFiles(d *pluginrpc.Description, in *config.PluginInstance) (missing []config.Issue) {
	i := instanceOf(in)
	secrets, files := host.Files(d, &i)
	at := func(k host.Key, text string) {
		missing = append(missing, config.Issue{File: k.File, Line: k.Line, Section: in.Section, Key: k.Name, Text: text})
	}
	for _, k := range secrets {
		if _, err := config.CheckSecretFile(k.Value); errors.Is(err, os.ErrNotExist) {
			at(k, notThere)
		} else if err != nil {
			at(k, err.Error())
		}
	}
	for _, k := range files {
		if _, err := os.Stat(k.Value); errors.Is(err, os.ErrNotExist) {
			at(k, notThere)
		}
	}
	return missing
}

// notThere is what is said of a file that does not exist.
const notThere = "the file is not there, and the section is not served before it is"

// pluginIssue is something wrong with the plugin that a section names, at its key plugin.
func pluginIssue(in *config.PluginInstance, text string) config.Issue {
	return config.Issue{File: in.File, Line: in.Line, Section: in.Section, Key: "plugin", Text: text}
}

// errNotRun is why a plugin's keys are not known.
var errNotRun = errors.New("it is not installed but named by its command, and would have to be run; supervisord plugin info NAME does that")

// recorded is what is known of a plugin without starting it as a plugin.
func (t *pluginTool) recorded(name string) (pluginrpc.Description, error) {
	w, _, err := t.wanted(name)
	if err != nil {
		return pluginrpc.Description{}, err
	}
	if len(w.Command) == 0 && w.SHA256 == "" {
		raw, err := t.policy.Recorded(name)
		if err != nil {
			return pluginrpc.Description{}, err
		}
		if d, err := pluginrpc.ParseDescription(raw); len(raw) > 0 && err == nil {
			return d, nil
		}
	}
	x, err := t.policy.Resolve(w)
	if err != nil {
		return pluginrpc.Description{}, suggested(t.policy, name, err)
	}
	defer x.Close() //nolint:errcheck // only a descriptor
	if len(w.Command) > 0 {
		return pluginrpc.Description{}, errNotRun
	}
	d, err := describe(x, nil)
	if err != nil {
		return pluginrpc.Description{}, err
	}
	return pluginrpc.ParseDescription(d.Raw)
}

// suggested adds the name that was most likely meant to the error about a plugin that is not there.
// It may block on a disk.
func suggested(policy *trust.Policy, name string, err error) error {
	if !errors.Is(err, trust.ErrNotFound) {
		return err
	}
	known := bundled.Names()
	if installed, listErr := policy.List(); listErr == nil {
		for i := range installed {
			known = append(known, installed[i].Name)
		}
	}
	if near := config.Nearest(name, known); near != "" && near != name {
		return fmt.Errorf("%w; did you mean %s?", err, near)
	}
	return err
}
