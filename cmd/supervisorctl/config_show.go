package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
)

// shownSection is what takes effect of a section.
type shownSection struct {
	Section   string         `json:"section"`
	File      string         `json:"file"`
	Line      int            `json:"line"`
	Settings  []shownSetting `json:"settings"`
	Processes []shownProcess `json:"processes,omitempty" doc:"missing where it makes none"`
}

type shownSetting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default bool   `json:"default"`
	Unknown bool   `json:"unknown,omitempty" doc:"missing for false"`
	File    string `json:"file,omitempty" doc:"missing for defaults"`
	Line    int    `json:"line,omitempty"`
}

type shownProcess struct {
	Namespec string `json:"namespec"`
	Command  string `json:"command"`
}

// showArguments tells the file of config show from the sections: it is the first of the words, and there is one of that name, or it has
// a slash in it or ends in .conf. In brackets, a section may have a name like that, or one with blanks.
func showArguments(arg string) (file string, sections []string) {
	for arg != "" {
		word, rest, _ := strings.Cut(arg, " ")
		if strings.HasPrefix(arg, "[") {
			if end := strings.IndexByte(arg, ']'); end > 0 {
				sections, arg = append(sections, arg[1:end]), strings.TrimSpace(arg[end+1:])
				continue
			}
		}
		arg = strings.TrimSpace(rest)
		if file == "" && len(sections) == 0 && (strings.Contains(word, "/") || strings.HasSuffix(word, ".conf") || isFile(word)) {
			file = word
			continue
		}
		sections = append(sections, word)
	}
	return file, sections
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

// pickSections keeps the sections that are asked for, each by its name, by what follows the colon in it, or by a pattern of one of them. One
// that is not there is a refusal.
func pickSections(all []config.ShownSection, asked []string) ([]config.ShownSection, error) {
	if len(asked) == 0 {
		return all, nil
	}
	var names []string
	picked := make([]bool, len(all))
	for i := range all {
		names = append(names, all[i].Name)
	}
	refused := &refusal{}
	for _, wanted := range asked {
		found := false
		for i, name := range names {
			_, own, _ := strings.Cut(name, ":")
			for _, candidate := range []string{name, own} {
				if match, err := path.Match(wanted, candidate); candidate != "" && (wanted == candidate || err == nil && match) {
					picked[i], found = true, true
				}
			}
		}
		if !found {
			text := fmt.Sprintf("Error: there is no section [%s]", printable(wanted))
			if near := config.Nearest(wanted, names); near != "" {
				text += "; is [" + near + "] meant?"
			}
			refused.lines = append(refused.lines, failed(exitGeneric, text))
		}
	}
	if len(refused.lines) > 0 {
		return nil, refused
	}
	var kept []config.ShownSection
	for i := range all {
		if picked[i] {
			kept = append(kept, all[i])
		}
	}
	return kept, nil
}

func showConfig(r *run, o config.Options, asked []string) (answer, error) {
	_, secrets := r.flags["secrets"]
	sections, err := config.Show(o, secrets)
	var wrong config.Errors
	if errors.As(err, &wrong) {
		refused := &refusal{}
		for _, i := range wrong {
			refused.lines = append(refused.lines, failed(exitGeneric, issueLine(i, "error: ")))
		}
		return answer{}, refused
	}
	if err != nil {
		return answer{}, err
	}
	if sections, err = pickSections(sections, asked); err != nil {
		return answer{}, err
	}
	_, all := r.flags["all"]
	shown := make([]shownSection, len(sections))
	var b strings.Builder
	for n, s := range sections {
		shown[n] = shownSection{Section: s.Name, File: s.File, Line: s.Line, Settings: []shownSetting{}}
		if n > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s] ; %s:%d\n", s.Name, s.File, s.Line)
		for _, k := range s.Settings {
			shown[n].Settings = append(shown[n].Settings, shownSetting(k))
			value := k.Key + " = " + strings.ReplaceAll(k.Value, "\n", "\n    ")
			switch {
			case k.Unknown:
				b.WriteString(value + " ; unknown, ignored\n")
			case !k.Default:
				b.WriteString(value + "\n")
			case all || k.Value != "":
				b.WriteString(r.style(styleDim, value+" ; default") + "\n")
			}
		}
		for _, p := range s.Processes {
			shown[n].Processes = append(shown[n].Processes, shownProcess(p))
			fmt.Fprintf(&b, "; process %s: %s\n", p.Namespec, p.Command)
		}
	}
	return answer{value: shown, text: b.String()}, nil
}
