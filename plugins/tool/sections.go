package tool

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/plugins/launch"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/sections"
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

// known is what is known of a plugin, or why it is not.
type known struct {
	description pluginrpc.Description
	err         error
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
func (t *tool) sections(words []string) error {
	noFiles := slices.Equal(words, []string{"no-files"})
	if len(words) > 0 && !noFiles {
		return fmt.Errorf("sections takes no name, only the word no-files; %w", errUsage)
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
	asked := map[string]known{}
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
		if in.Plugin == "" {
			continue // which is an error of the configuration itself
		}
		s, already := asked[in.Plugin]
		if !already {
			s.description, s.err = t.recorded(in.Plugin)
			asked[in.Plugin] = s
		}
		switch {
		case errors.Is(s.err, errNotRun):
			at("warning", sections.PluginIssue(in, "its keys were not checked: "+s.err.Error()))
		case s.err != nil:
			at("error", sections.PluginIssue(in, s.err.Error()))
		default:
			for _, issue := range sections.Issues(&s.description, in) {
				at("error", issue)
			}
			if !noFiles {
				for _, issue := range sections.MissingFiles(&s.description, in) {
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
			_, _ = fmt.Fprintf(t.stdout, "%s%s: [%s] %s: %s\n", config.Place(i.File, i.Line), i.Severity, i.Section, i.Key, i.Text)
		}
	}
	if failed {
		return errSections
	}
	return nil
}

// errNotRun is why a plugin's keys are not known.
var errNotRun = errors.New("it is not installed but named by its command, and would have to be run; supervisord plugin info NAME does that")

// recorded is what is known of a plugin without starting it as a plugin.
func (t *tool) recorded(name string) (pluginrpc.Description, error) {
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
		return pluginrpc.Description{}, sections.Suggested(t.policy, name, err)
	}
	defer x.Close() //nolint:errcheck // only a descriptor
	if len(w.Command) > 0 {
		return pluginrpc.Description{}, errNotRun
	}
	d, err := launch.Describe(x, nil)
	if err != nil {
		return pluginrpc.Description{}, err
	}
	return pluginrpc.ParseDescription(d.Raw)
}
