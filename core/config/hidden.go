package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// hiddenFrom is the minimum length of a value that is hidden, in bytes: a shorter one is not a secret, and may be part of any word.
const hiddenFrom = 4

// fromEnvironment is a %(ENV_x)s.
var fromEnvironment = regexp.MustCompile(`%\(ENV_([^)]*)\)[-#0 +]*[0-9]*(?:\.[0-9]+)?[a-zA-Z]`)

// hide takes what came from the environment out of a text about a key, or about a section when key is "": it may be a secret, whatever the key is. Where it
// stood is %(ENV_x)s as it is written.
func (l *loader) hide(section, key, text string) string {
	if text == "" || l.doc == nil {
		return text
	}
	keys := []string{key}
	if key == "" {
		keys = l.doc.Own(section)
	}
	for _, k := range keys {
		raw, _ := l.doc.Get(section, k)
		if !strings.Contains(raw, "%(ENV_") {
			continue
		}
		for _, named := range fromEnvironment.FindAllStringSubmatch(raw, -1) {
			for _, form := range formsOf(l.variables(named[1])) {
				text = strings.ReplaceAll(text, form, named[0])
			}
		}
	}
	return text
}

// variables are the values that %(ENV_name)s has, in one section or another.
func (l *loader) variables(name string) (values []string) {
	if v, ok := l.env["ENV_"+name].(string); ok {
		values = append(values, v)
	}
	return append(values, l.hidden[name]...)
}

// formsOf is how errors have values: whole or a part between commas and spaces, quoted as Python or Go does, in lower and upper case; the longest first.
func formsOf(values []string) (forms []string) {
	for _, value := range values {
		parts := append(strings.FieldsFunc(value, func(r rune) bool { return r == ',' || isSpace(r) }), value)
		for _, part := range parts {
			python, quoted := pytext.Quote(part), fmt.Sprintf("%q", part)
			for _, form := range []string{part, strings.ToLower(part), strings.ToUpper(part), python[1 : len(python)-1], quoted[1 : len(quoted)-1]} {
				if len(form) >= hiddenFrom && !slices.Contains(forms, form) {
					forms = append(forms, form)
				}
			}
		}
	}
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return forms
}

// SecretValues returns the values of a configuration that must not be shown: of keys that are secret or whose names suggest it, of variables of
// environment= with such names, of a plugin's keys that hold an address (it may contain a token). It is for removing them from texts. The error is an Errors, as Load's.
func SecretValues(o Options) ([]string, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	l.load()
	if all := append(l.errs, l.late...); len(all) > 0 {
		return nil, all
	}
	var values []string
	for _, section := range l.doc.Sections() {
		schema := schemaOf(l.schemas, section)
		if schema == nil {
			continue
		}
		for _, key := range l.doc.Own(section) {
			raw, _ := l.doc.Get(section, key)
			field := schema.Field(key)
			switch {
			case field != nil && field.Type.Name == "variables":
				pairs, err := keyValuePairs(l.showValue(section, key, nil, raw, true))
				if err != nil {
					continue
				}
				for _, v := range pairs {
					if soundsSecret(v.Name) {
						values = append(values, v.Value)
					}
				}
			case field == nil && !soundsSecret(key) && !strings.Contains(raw, "://"):
			case l.secret(section, key):
				values = append(values, l.showValue(section, key, nil, raw, true))
			}
		}
	}
	return values, nil
}
