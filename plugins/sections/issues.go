package sections

import (
	"errors"
	"os"
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/plugins/host"
)

// Issues are what is wrong with one section.
func Issues(d *pluginrpc.Description, in *config.PluginInstance) (all config.Errors) {
	i := InstanceOf(in)
	for _, w := range host.CheckKeys(d, &i) {
		issue := config.Issue{File: in.File, Line: in.Line, Section: in.Section, Key: w.Key, Text: w.Text}
		if at := slices.IndexFunc(in.Keys, func(k config.PluginKey) bool { return k.Name == w.Key }); at >= 0 {
			issue.File, issue.Line = in.Keys[at].File, in.Keys[at].Line
		}
		issue.Supervisor = issue.String()
		all = append(all, issue)
	}
	return all
}

// MissingFiles returns what is wrong with the files that a section names. Their content is not
// checked: the user who checks a configuration may not be allowed to read them.
func MissingFiles(d *pluginrpc.Description, in *config.PluginInstance) (missing []config.Issue) {
	i := InstanceOf(in)
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

// PluginIssue is something wrong with the plugin that a section names, at its key plugin.
func PluginIssue(in *config.PluginInstance, text string) config.Issue {
	return config.Issue{File: in.File, Line: in.Line, Section: in.Section, Key: "plugin", Text: text}
}
