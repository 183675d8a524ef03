package config

import (
	"fmt"
	"slices"
	"strings"
)

// Surprises are the settings and sections of a configuration that have no effect and were most likely meant to have one: unknown
// keys, sections whose names are nearly those of others, headers that are not closed. They are what Load warns of, with their places, as
// far as the files can be read, whatever else is wrong with them. Nothing but the configuration's files is looked at.
func Surprises(o Options) []Issue {
	o.NoFiles = true
	l, err := newLoader(o)
	if err != nil {
		return nil
	}
	l.load()
	return slices.Concat(l.cfg.Misnamed, l.headers, l.unknown)
}

// warnMisnamed warns of sections that have no effect and were most likely meant to have another name.
func (l *loader) warnMisnamed() {
	for _, name := range l.doc.Sections() {
		if schemaOf(l.schemas, name) != nil {
			continue
		}
		if text, near := l.unknownSection(name); near {
			l.warn(name, "", text)
			l.cfg.Misnamed = append(l.cfg.Misnamed, l.issue(name, "", text))
		}
	}
	l.warnUnusedPlugins()
}

// unknownSection is the text about an unused section, and whether another name is similar.
func (l *loader) unknownSection(name string) (text string, near bool) {
	text = "unknown section, ignored"
	if meant := l.nearestSection(name); meant != "" {
		return text + fmt.Sprintf("; did you mean [%s]?", meant), true
	}
	return text, false
}

// nearestSection guesses what a section was meant to be.
func (l *loader) nearestSection(name string) string {
	kind, rest, suffixed := strings.Cut(strings.ToLower(strings.TrimSpace(name)), ":")
	_, original, _ := strings.Cut(strings.TrimSpace(name), ":")
	best, distance := "", 3
	for i := range l.schemas {
		known, _, wantsName := strings.Cut(l.schemas[i].Name, ":")
		if d := edits(strings.TrimSpace(kind), known); d < distance && wantsName == (suffixed && rest != "") {
			distance, best = d, known
			if wantsName {
				best += ":" + strings.TrimSpace(original)
			}
		}
	}
	return best
}

// warnUnusedPlugins warns about [plugin:x] sections whose plugin no section names: the user and the permissions that they set have no effect. For
// a file that another includes, the other may name it.
func (l *loader) warnUnusedPlugins() {
	if l.isSnippet() {
		return
	}
	var used, unset []string
	for i := range l.cfg.Instances {
		used = append(used, l.cfg.Instances[i].Plugin)
	}
	for _, name := range used {
		if !l.doc.Has("plugin:" + name) {
			unset = append(unset, name)
		}
	}
	for i := range l.cfg.Plugins {
		name := l.cfg.Plugins[i].Name
		if slices.Contains(used, name) {
			continue
		}
		text := fmt.Sprintf("no section has plugin=%s, so the settings of this one have no effect", name)
		if near := Nearest(name, unset); near != "" {
			text += fmt.Sprintf("; did you mean [plugin:%s]?", near)
		}
		l.warn("plugin:"+name, "", text)
		l.cfg.Misnamed = append(l.cfg.Misnamed, l.issue("plugin:"+name, "", text))
	}
}

// warnHeaders warns of lines that were meant to be headers. The parser has them as settings; the files are read once more to show the lines.
func (l *loader) warnHeaders() {
	if !slices.ContainsFunc(l.doc.Sections(), func(section string) bool {
		return slices.ContainsFunc(l.doc.Own(section), func(key string) bool { return strings.HasPrefix(key, "[") })
	}) {
		return
	}
	c := &checker{l: l}
	c.layout()
	l.headers = c.headers
	for _, i := range l.headers {
		l.warnings = append(l.warnings, i.String())
	}
}
