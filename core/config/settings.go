package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// setting is one key's value on its way to being converted.
type setting struct {
	section, key string
	text         string
	state        settingState
}

type settingState int

const (
	absent settingState = iota
	broken              // its expansion failed, which has been reported
	present
)

// raw is a value as written.
func (l *loader) raw(section, key string) setting {
	text, ok := l.doc.Get(section, key)
	if !ok {
		return setting{section: section, key: key}
	}
	return setting{section, key, text, present}
}

// get is an expanded value (options.py, UnhosedConfigParser.saneget). The
// environment can always be named; names come over it.
func (l *loader) get(section, key string, names ...map[string]any) setting {
	v := l.raw(section, key)
	if v.state != present || strings.IndexByte(v.text, '%') < 0 {
		return v
	}
	return l.expand(v, section+"."+key, names...)
}

// expand expands a value; name is what Supervisor's message calls it.
func (l *loader) expand(v setting, name string, names ...map[string]any) setting {
	if v.state != present || !strings.Contains(v.text, "%") {
		return v
	}
	known := append(pytext.Names{l.env}, names...)
	text, err := pytext.Format(v.text, known)
	if err != nil {
		shown := l.show(v)
		var u pytext.UnknownName
		if errors.As(err, &u) && !strings.Contains(shown, "%("+string(u)+")") {
			err = pytext.UnknownName(masked)
		}
		l.reject(v.section, v.key, expandWords(shown, name, known, err), expandText(shown, known, err))
		v.state = broken
		return v
	}
	v.text = text
	return v
}

// convert turns a value into what it means; def is what an absent or wrong one means.
func convert[T any](l *loader, v setting, def T, f func(string) (T, error)) T {
	if v.state != present {
		return def
	}
	t, err := f(v.text)
	if err != nil {
		l.refuse(v, err.Error())
		return def
	}
	return t
}

func (l *loader) text(v setting, def string) string {
	if v.state != present {
		return def
	}
	return v.text
}

// refuse reports a value that cannot be used; said is Supervisor's message.
func (l *loader) refuse(v setting, said string) {
	accepts := ""
	if f := schemaOf(l.schemas, v.section).Field(v.key); f != nil {
		accepts = "; accepted: " + f.Type.Accepts
	}
	if shown := l.show(v); shown != v.text && v.text != "" {
		said = strings.ReplaceAll(said, v.text, shown) // the errors of such values have them whole
	}
	l.reject(v.section, v.key, said, fmt.Sprintf("cannot use %s%s", l.shown(v), accepts))
}

// secret reports whether a key's value must not be shown. What belongs to a
// plugin may be secret: only the plugin knows.
func (l *loader) secret(section, key string) bool {
	s := schemaOf(l.schemas, section)
	if f := s.Field(key); f != nil {
		return f.Secret
	}
	return soundsSecret(key) || s != nil && s.Open
}

// soundsSecret reports whether a name, or a line, is one that people give to secrets.
func soundsSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "credential"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// show is a value as an error may quote it.
func (l *loader) show(v setting) string {
	f := schemaOf(l.schemas, v.section).Field(v.key)
	switch {
	case l.secret(v.section, v.key), f != nil && f.Unquoted(), soundsSecret(v.key):
		return masked
	case f != nil && f.Type.URLs:
		return URLText(v.text)
	}
	return v.text
}

// shown is show in quotes.
func (l *loader) shown(v setting) string {
	text := l.show(v)
	if text == masked {
		return text
	}
	return fmt.Sprintf("%q", text)
}

// reject reports what is wrong with a key, or with a section when key is "".
// Within a program's section Supervisor adds which one and in which file.
func (l *loader) reject(section, key, said, text string) {
	at := l.doc.Where(section, key)
	if l.section != "" && !l.ours {
		in := l.doc.Where(l.section, "")
		said = fmt.Sprintf("%s in section %s (file: %s)", said, pytext.Quote(l.section), pytext.Quote(in.File))
	}
	if at.File == "" {
		at.File = l.file
	}
	i := Issue{File: at.File, Line: at.Line, Section: section, Key: key, Text: text, Supervisor: said}
	if l.ours {
		i.Supervisor = i.String()
	}
	l.add(i)
}

// add keeps an issue unless the same one was found before: Supervisor reads some
// keys twice and a program of several groups as often as it is named.
func (l *loader) add(i Issue) {
	i.Text, i.Supervisor = l.hide(i.Section, i.Key, i.Text), l.hide(i.Section, i.Key, i.Supervisor)
	same := i
	same.Supervisor = ""
	if l.seen[same] {
		return
	}
	l.seen[same] = true
	if l.ours {
		l.late = append(l.late, i)
		return
	}
	l.errs = append(l.errs, i)
}

// own runs Hark's own checks, whose issues come after Supervisor's.
func (l *loader) own(check func()) {
	was := l.ours
	l.ours = true
	check()
	l.ours = was
}

// expandText is our text for a failed expansion. The environment's names are
// many, so one stands for all.
func expandText(shown string, names pytext.Names, err error) string {
	var u pytext.UnknownName
	if !errors.As(err, &u) {
		return fmt.Sprintf("cannot expand %q: %s; accepted: %%(name)s, and %%%% for a percent sign", shown, err)
	}
	var accepted []string
	for _, n := range names.Sorted() {
		if !strings.HasPrefix(n, "ENV_") {
			accepted = append(accepted, n)
		}
	}
	what := ""
	if v, isEnv := strings.CutPrefix(string(u), "ENV_"); isEnv {
		what = fmt.Sprintf(" (the environment has no %s)", v)
	}
	return fmt.Sprintf("cannot expand %q: there is no name %q here%s; accepted: %s", shown, string(u), what,
		strings.Join(append(accepted, "ENV_ and a variable of the environment"), ", "))
}

// warn keeps a warning about a key, or about a section when key is "", for the activity log.
func (l *loader) warn(section, key, text string) {
	i := l.notice(section, key, text)
	l.warnings = append(l.warnings, i.String())
}

// supervisorWarns keeps a warning that the activity log has in Supervisor's words.
func (l *loader) supervisorWarns(section, key, said string) {
	l.cfg.Warnings = append(l.cfg.Warnings, l.notice(section, key, said).Text)
}

// notice remembers the place of something that the activity log says.
func (l *loader) notice(section, key, text string) Issue {
	i := l.issue(section, key, text)
	l.notices = append(l.notices, i)
	return i
}

// issue returns an issue at the place of a key, or of its section if there is no such key.
func (l *loader) issue(section, key, text string) Issue {
	at := l.doc.Where(section, key)
	if at.File == "" {
		at.File = l.file
	}
	return Issue{File: at.File, Line: at.Line, Section: section, Key: key, Text: l.hide(section, key, text)}
}
