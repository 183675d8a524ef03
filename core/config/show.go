package config

import (
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// ShownSection is one section of a configuration as it takes effect.
type ShownSection struct {
	Name      string
	File      string // "" for one that is not written and has its defaults only
	Line      int
	Settings  []ShownSetting
	Processes []ShownProcess // of sections that make processes
}

// ShownSetting is one key of a section.
type ShownSetting struct {
	Key     string
	Value   string // expanded as far as it is the same for every process; <secret> for a secret, unless it was asked for
	Default bool   // it is not written
	Unknown bool   // it is not used
	File    string // where it is written
	Line    int
}

// ShownProcess is one process that a section makes.
type ShownProcess struct {
	Namespec string
	Command  string
}

// Show lists every section of a configuration that is read, in the order of the
// files, with every key that it can have: written or by default. [supervisord] is
// always there, unless the file is one that another includes, as Check has it. Without secrets, passwords are masked, values of environment are
// shown by name only, keys that belong to a plugin, which alone knows whether they
// are secret, not at all, and %(ENV_x)s stays as it is written. The error is an
// Errors, as Load's.
func Show(o Options, secrets bool) ([]ShownSection, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	l.mayBeSnippet = true
	l.load()
	if all := append(l.errs, l.late...); len(all) > 0 {
		return nil, all
	}
	made := make(map[string][]ShownProcess)
	for _, g := range l.cfg.Groups {
		for _, p := range g.Processes {
			spec := pytext.Namespec(g.Name, p.Name)
			section := l.origins[p]
			command := p.Command.Shown
			if secrets {
				command = p.Command.Line
			}
			made[section] = append(made[section], ShownProcess{spec, command})
		}
	}
	all := []ShownSection{}
	for _, name := range l.doc.Sections() {
		if s := schemaOf(l.schemas, name); s != nil {
			shown := l.showSection(name, s, secrets)
			shown.Processes = made[name]
			all = append(all, shown)
		}
	}
	return all, nil
}

func (l *loader) showSection(name string, schema *SectionSchema, secrets bool) ShownSection {
	at := l.doc.Where(name, "")
	s := ShownSection{Name: name, File: at.File, Line: at.Line}
	for _, f := range schema.Fields {
		raw, written := l.doc.Get(name, f.Key)
		if !written {
			s.Settings = append(s.Settings, ShownSetting{Key: f.Key, Value: l.defaultOf(name, &f), Default: true})
			continue
		}
		at := l.doc.Where(name, f.Key)
		s.Settings = append(s.Settings, ShownSetting{Key: f.Key, Value: l.showValue(name, f.Key, f.Type, raw, secrets), File: at.File, Line: at.Line})
	}
	for _, key := range l.doc.Own(name) {
		if schema.Field(key) != nil {
			continue
		}
		raw, _ := l.doc.Get(name, key)
		at := l.doc.Where(name, key)
		s.Settings = append(s.Settings, ShownSetting{Key: key, Value: l.showValue(name, key, nil, raw, secrets), Unknown: !schema.Open, File: at.File, Line: at.Line})
	}
	return s
}

// defaultOf is what a key is that a section has not, as it takes effect there.
func (l *loader) defaultOf(section string, f *Field) string {
	if f.As != "" {
		if raw, written := l.doc.Get(section, f.As); written {
			return raw
		}
	}
	if f.Key == "stderr_logfile" {
		raw, _ := l.doc.Get(section, "redirect_stderr")
		if redirected, err := boolean(raw); err == nil && redirected {
			return "NONE"
		}
	}
	return f.Default
}

// showValue is a value as it takes effect or, without secrets, as it may be seen by anybody.
func (l *loader) showValue(section, key string, kind *ValueType, raw string, secrets bool) string {
	if !secrets && l.secret(section, key) {
		return masked
	}
	if !secrets && kind != nil && kind.Name == "variables" {
		pairs, err := keyValuePairs(strings.ReplaceAll(raw, "%", ""))
		if err != nil {
			return masked
		}
		names := make([]string, len(pairs))
		for i, v := range pairs {
			names[i] = v.Name + "=" + masked
		}
		return strings.Join(names, ",")
	}
	_, program, _ := strings.Cut(section, ":")
	env := l.env
	if !secrets {
		env = asWritten(env)
	}
	names := pytext.Names{env, l.here, {"host_node_name": l.o.Hostname}}
	if program = strings.TrimSpace(program); program != "" {
		names = append(names, map[string]any{"program_name": program})
	}
	// What only a process has (its number, its group) stays as it is written.
	if expanded, err := pytext.Format(raw, names); err == nil {
		raw = expanded
	}
	switch {
	case secrets || kind == nil || !kind.URLs:
	case kind.Name == "URLs":
		urls := stringList(raw)
		for i := range urls {
			urls[i] = URLText(urls[i])
		}
		return strings.Join(urls, ",")
	default:
		return URLText(raw)
	}
	return raw
}
