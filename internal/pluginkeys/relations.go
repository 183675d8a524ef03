package pluginkeys

import (
	"slices"
	"strings"
)

// What holds between the keys of a section.

// section is one whose keys are checked.
type section struct {
	fields []Field
	values map[string]string
	unread []string // keys that are written, and whose values are not known
}

// written reports whether a key has a value. An empty one is as if it were not written.
func (s *section) written(key string) bool {
	return strings.TrimSpace(s.values[key]) != "" || slices.Contains(s.unread, key)
}

// holds reports whether KEY=VALUE is so, KEY's default counting where it is not written. What is not known holds.
func (s *section) holds(condition string) bool {
	key, want, _ := strings.Cut(condition, "=")
	if slices.Contains(s.unread, key) {
		return true
	}
	value := strings.TrimSpace(s.values[key])
	if value == "" {
		i := slices.IndexFunc(s.fields, func(f Field) bool { return f.Key == key })
		if i < 0 {
			return true
		}
		value = s.fields[i].Default
	}
	return value == want
}

// missing is the error of a key that is required and not written.
func (s *section) missing(f *Field) []*Error {
	_, there := s.values[f.Key] // written though empty is another error, that of check
	switch {
	case !f.Required && len(f.Or) == 0, f.When != "" && !s.holds(f.When), s.written(f.Key), slices.ContainsFunc(f.Or, s.written):
		return nil
	case there && f.Required && f.When == "":
		return nil
	}
	text := "is required"
	if f.When != "" {
		text += " with " + spaced(f.When)
	}
	switch {
	case len(f.Or) > 0:
		text += ", or " + joinWords(f.Or) + " is: write one of them" + s.files(append([]string{f.Key}, f.Or...))
	case f.Secret:
		text += ": write " + f.Key + ", or " + f.Key + "_file with the name of a file that holds it"
	}
	return []*Error{{f.Key, text}}
}

// files is how secrets among some keys may be written, too.
func (s *section) files(keys []string) string {
	var files []string
	for _, k := range keys {
		if slices.ContainsFunc(s.fields, func(f Field) bool { return f.Key == k && f.Secret }) {
			files = append(files, k+"_file")
		}
	}
	if len(files) == 0 {
		return ""
	}
	return ", or " + joinWords(files)
}

// related returns the errors of a key that is written together with a key that it excludes, or without one that it requires.
func (s *section) related(f *Field) (wrong []*Error) {
	if !s.written(f.Key) {
		return nil
	}
	for _, other := range f.Without {
		if s.written(other) {
			wrong = append(wrong, &Error{f.Key, "does not go together with " + other + ": write one of them"})
		}
	}
	for _, need := range f.Needs {
		switch {
		case strings.Contains(need, "="):
			if !s.holds(need) {
				wrong = append(wrong, &Error{f.Key, "is only for " + spaced(need)})
			}
		case !s.written(need):
			wrong = append(wrong, &Error{need, "is required with " + f.Key + s.files([]string{need})})
		}
	}
	return wrong
}

// spaced is KEY = VALUE of KEY=VALUE.
func spaced(condition string) string {
	key, value, _ := strings.Cut(condition, "=")
	return key + " = " + value
}

// others are the keys that a field names.
func (f *Field) others() (all []string) {
	for _, name := range slices.Concat(f.Or, f.Needs, f.Without, []string{f.When}) {
		if key, _, _ := strings.Cut(name, "="); key != "" {
			all = append(all, key)
		}
	}
	return all
}

// Relations describes in words what holds between a key and others, such as "required, unless bot_token is written"; "" for
// nothing.
func (f *Field) Relations() string {
	var all []string
	when := ""
	if f.When != "" {
		when = " with " + spaced(f.When)
	}
	if len(f.Or) > 0 {
		all = append(all, "required"+when+", unless "+joinWords(f.Or)+" is written")
	} else if f.When != "" && f.Required {
		all = append(all, "required"+when)
	}
	for _, need := range f.Needs {
		if strings.Contains(need, "=") {
			all = append(all, "only for "+spaced(need))
		} else {
			all = append(all, "needs "+need)
		}
	}
	if len(f.Without) > 0 {
		all = append(all, "not together with "+joinWords(f.Without))
	}
	return strings.Join(all, "; ")
}
