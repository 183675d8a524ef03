package config

import (
	"strings"

	"gopkg.in/ini.v1"
)

// defaultSection is the section whose keys every other section falls back on.
const defaultSection = "DEFAULT"

// Position is where a section or key was written.
type Position struct {
	File string // as the file was opened
	Line int    // 1-based
}

// Document is the result of reading one or more files: an ini.File whose
// values are raw (read them with Key.Value; Key.String expands by rules of its
// own), and where each section and key was written.
type Document struct {
	// File holds the sections and keys in the order in which Python's
	// ConfigParser keeps them. Keys are lower case, section names are as written.
	File *ini.File

	sections map[string]*section
	order    []string // names, without defaultSection
	defaults *section
	twice    []repeat // keys written again in the same file
	again    []repeat // sections begun again, in whatever file; they have no key
}

// repeat is a key that was written a second time, which replaced the first.
type repeat struct {
	section, key string
	first, last  Position
}

type section struct {
	doc   *Document
	name  string
	ini   *ini.Section
	at    Position // the first header
	keys  map[string]*entry
	order []string
}

type entry struct {
	key *ini.Key
	at  Position
}

func newDocument() *Document {
	f := ini.Empty(ini.LoadOptions{
		// Section names do not inherit from each other here: no name holds a newline.
		ChildSectionDelimiter: "\n",
		IgnoreInlineComment:   true,
	})
	f.BlockMode = false // one goroutine fills it and nothing writes to it later
	d := &Document{File: f, sections: make(map[string]*section)}
	d.defaults = &section{doc: d, name: defaultSection, ini: f.Section(ini.DefaultSection), keys: make(map[string]*entry)}
	return d
}

// Sections lists the names of the sections, DEFAULT apart, as first written.
func (d *Document) Sections() []string { return d.order }

// Has reports whether a section of that exact name was written; DEFAULT does not count.
func (d *Document) Has(name string) bool { return d.sections[name] != nil }

// Keys lists a section's own keys in order, and after them those it has from DEFAULT.
func (d *Document) Keys(name string) []string {
	s := d.sections[name]
	if s == nil {
		return nil
	}
	keys := append([]string(nil), s.order...)
	for _, k := range d.defaults.order {
		if s.keys[k] == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// Own lists the keys written in the section itself.
func (d *Document) Own(name string) []string {
	if s := d.section(name); s != nil {
		return s.order
	}
	return nil
}

// Get is a key's raw value, DEFAULT's where the section lacks it.
func (d *Document) Get(name, key string) (string, bool) {
	if e := d.entry(name, key); e != nil {
		return e.key.Value(), true
	}
	return "", false
}

// Where returns the position of a key, of its section's first header if there is
// no such key (or key is ""), and the zero Position if there is no such section.
func (d *Document) Where(name, key string) Position {
	if e := d.entry(name, key); e != nil {
		return e.at
	}
	if s := d.section(name); s != nil {
		return s.at
	}
	return Position{}
}

func (d *Document) section(name string) *section {
	if name == defaultSection {
		return d.defaults
	}
	return d.sections[name]
}

func (d *Document) entry(name, key string) *entry {
	s := d.sections[name]
	if s == nil || key == "" {
		return nil
	}
	if e := s.keys[key]; e != nil {
		return e
	}
	return d.defaults.keys[key]
}

// open is the section of that name, made if it is new.
func (d *Document) open(name string, at Position) (*section, error) {
	s := d.section(name)
	if s == nil {
		made, err := d.File.NewSection(name)
		if err != nil {
			return nil, err
		}
		s = &section{doc: d, name: name, ini: made, keys: make(map[string]*entry)}
		d.sections[name] = s
		d.order = append(d.order, name)
	}
	if s.at == (Position{}) {
		s.at = at
	} else if at != s.at {
		d.again = append(d.again, repeat{section: name, first: s.at, last: at})
	}
	return s, nil
}

// set writes a key over any earlier one of that name, which keeps its place.
func (s *section) set(name, value string, at Position) error {
	if e := s.keys[name]; e != nil {
		if e.at.File == at.File { // an included file is meant to stand over
			s.doc.twice = append(s.doc.twice, repeat{s.name, name, e.at, at})
		}
		e.key.SetValue(value)
		e.at = at
		return nil
	}
	k, err := s.ini.NewKey(name, value)
	if err != nil {
		return err
	}
	s.keys[name] = &entry{key: k, at: at}
	s.order = append(s.order, name)
	return nil
}

// expandHere replaces %(here)s as text in everything read so far (options.py,
// UnhosedConfigParser.expand_here). It knows no %%: Supervisor's does not either.
func (d *Document) expandHere(here string) {
	const format = "%(here)s"
	replace := func(s *section) {
		for _, e := range s.keys {
			if v := e.key.Value(); strings.Contains(v, format) {
				e.key.SetValue(strings.ReplaceAll(v, format, here))
			}
		}
	}
	replace(d.defaults)
	for _, s := range d.sections {
		replace(s)
	}
}
