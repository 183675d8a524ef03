package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// ReadProgram reads the settings of a program that is in no file, as a section [program:NAME] of a configuration already loaded would have
// them, for a group of it (supervisor_twiddler/rpcinterface.py, addProgramToGroup). o is what that configuration was loaded with. Warnings are
// about what Supervisor accepts in silence. The error is an Errors; nothing is changed.
func ReadProgram(o Options, loaded *Config, name, group string, settings map[string]string) (all []*Process, warnings []string, err error) {
	file := loaded.Path // as in Supervisor: it is the configuration's program, though not the file's
	l, err := newLoader(o)
	if err != nil {
		return nil, nil, err
	}
	l.doc, l.file = newDocument(), file
	l.cfg.Path, l.cfg.Here = loaded.Path, loaded.Here
	l.here = map[string]any{"here": loaded.Here}
	for _, v := range loaded.Supervisord.Environment {
		l.env["ENV_"+v.Name] = v.Value
	}
	section := "program:" + name
	if strings.ContainsAny(name, "\n\r]") {
		return nil, nil, Errors{{File: file, Text: "the program's name has a bracket or the end of a line", Supervisor: "Invalid name: " + pytext.Quote(name)}}
	}
	s, err := l.doc.open(section, Position{File: file})
	if err != nil {
		return nil, nil, failure(fmt.Sprintf("cannot make a section of the program: %v", err))
	}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if err := s.set(strings.ToLower(key), settings[key], Position{File: file}); err != nil {
			return nil, nil, failure(fmt.Sprintf("cannot take the option: %v", err))
		}
	}
	all = l.processes(section, group)
	if issues := append(l.errs, l.late...); len(issues) > 0 {
		return nil, nil, issues
	}
	l.warnUnknown()
	for _, p := range all {
		env := slices.Clone(loaded.Supervisord.Environment)
		for _, v := range p.Environment {
			env = setVar(env, v.Name, v.Value)
		}
		p.Environment = env
	}
	return all, append(l.cfg.Warnings, l.warnings...), nil
}
