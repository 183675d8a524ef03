package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkOwn does what Supervisor does not: unknown keys, who may write the files,
// and servers that would be open.
func (l *loader) checkOwn() {
	l.own(func() {
		l.refuseGone()
		l.warnUnknown()
		l.warnMisnamed()
		l.warnHeaders()
		l.checkWriters()
		l.checkSockets()
		l.checkOutputs()
		if !l.cfg.Supervisord.RequireAuth {
			return
		}
		for _, s := range l.cfg.Servers {
			if s.Network == "tcp" && !s.Auth {
				l.reject(s.Section, "", "", "there is no username and password, and [supervisord] require_auth is set; accepted: username with password or password_file")
			}
		}
	})
}

// goneKeys are keys of [supervisord] that development versions had.
var goneKeys = [...]string{"event_log", "event_log_maxbytes", "event_log_backups", "event_log_events"}

// refuseGone refuses keys that are no longer there. Ignored, the events that they ask to be kept would be lost without a word.
func (l *loader) refuseGone() {
	for _, key := range goneKeys {
		if _, set := l.doc.Get("supervisord", key); set {
			l.reject("supervisord", key, "", "supervisord writes no event log any longer; accepted: an [eventlistener:x] with "+
				`"command=supervisor-listeners eventlog --maxbytes 50MB --backups 10 FILE", "events=..." and "payload=json" (docs/events.md)`)
		}
	}
}

// checkSockets refuses a FastCGI program whose socket has the name of a server's: it would replace the server's, and the daemon could not be
// reached to correct that.
func (l *loader) checkSockets() {
	for _, g := range l.cfg.Groups {
		if g.Socket == nil || g.Socket.Path == "" {
			continue
		}
		for _, s := range l.cfg.Servers {
			if s.Network == "unix" && filepath.Clean(s.Path) == filepath.Clean(g.Socket.Path) {
				l.reject(l.sectionOf(g), "socket", "", fmt.Sprintf("%s is the socket of [%s]; accepted: another path", g.Socket.Path, s.Section))
			}
		}
	}
}

// checkOutputs refuses to write to a file that the configuration is read from: it would not be one any more.
func (l *loader) checkOutputs() {
	told := map[[2]string]bool{} // a section may be of many processes
	check := func(section, key, path string) {
		if name, is := l.isConfiguration(path); is && !told[[2]string{section, key}] {
			told[[2]string{section, key}] = true
			l.reject(section, key, "", fmt.Sprintf("%s is a configuration file (%s), and would be overwritten; accepted: another path", path, name))
		}
	}
	own := &l.cfg.Supervisord
	check("supervisord", "pidfile", own.Pidfile)
	if !own.LogfileSyslog {
		check("supervisord", "logfile", own.Logfile)
	}
	for _, g := range l.cfg.Groups {
		for _, p := range g.Processes {
			check(l.sectionOf(g), "stdout_logfile", p.Stdout.Logfile.Path)
			check(l.sectionOf(g), "stderr_logfile", p.Stderr.Logfile.Path)
		}
	}
}

// isConfiguration reports whether a path leads to a file that the configuration was read from, and returns its name.
func (l *loader) isConfiguration(path string) (name string, is bool) {
	if path == "" {
		return "", false
	}
	path = l.paths.absolute(path)
	at, err := os.Stat(path)
	for _, name := range l.cfg.Files {
		if filepath.Clean(name) == path {
			return name, true
		}
		if err != nil {
			continue
		}
		if file, err := os.Stat(name); err == nil && os.SameFile(at, file) {
			return name, true
		}
	}
	return "", false
}

// checkWriters reports configuration files that others may write: those who can
// are able to run any command as this daemon.
func (l *loader) checkWriters() {
	told := make(map[string]bool)
	for _, name := range l.cfg.Files {
		who := foreignWriters(name)
		if who == "" || told[name] {
			continue
		}
		told[name] = true
		if l.cfg.Supervisord.StrictConfigPermissions {
			l.add(Issue{
				File: name, Text: "may be written by " + who + ", and strict_config_permissions is set; accepted: a file of root's or our own, of mode 0644 or less",
				Supervisor: fmt.Sprintf("configuration file %s may be written by %s, and strict_config_permissions is set", name, who),
			})
			continue
		}
		text := fmt.Sprintf("Configuration file %s may be written by %s, who can run any command as this supervisord", name, who)
		l.cfg.Criticals = append(l.cfg.Criticals, text)
		l.notices = append(l.notices, Issue{File: name, Text: text})
	}
}

// maxUnknownShown bounds how many unknown settings of a file one line of the activity log names.
const maxUnknownShown = 8

// warnUnknown warns about unused keys in known sections: each with its
// place for Check, and a line per file for the activity log.
func (l *loader) warnUnknown() {
	l.findUnknown()
	var files []string
	named := make(map[string][]string)
	for _, i := range l.unknown {
		if named[i.File] == nil {
			files = append(files, i.File)
		}
		named[i.File] = append(named[i.File], fmt.Sprintf("[%s] %s (line %d)", i.Section, i.Key, i.Line))
	}
	for _, file := range files {
		all := named[file]
		text := strings.Join(all[:min(len(all), maxUnknownShown)], ", ")
		if more := len(all) - maxUnknownShown; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		l.warnings = append(l.warnings, fmt.Sprintf("%s: unknown settings, ignored: %s; \"supervisorctl config check\" says more", file, text))
	}
}

// foreignKeys are keys that well-known listeners read from the sections of programs, which
// supervisord itself does not know.
var foreignKeys = [...]string{
	"dependent_startup", "dependent_startup_wait_for", "dependent_startup_inherit_priority", // supervisord-dependent-startup
}

// findUnknown collects the unused keys.
func (l *loader) findUnknown() {
	for _, section := range l.doc.Sections() {
		s := schemaOf(l.schemas, section)
		if s == nil || s.Open {
			continue
		}
		for _, key := range l.doc.Own(section) {
			if s.Field(key) != nil || strings.HasPrefix(key, "[") || slices.Contains(foreignKeys[:], key) || section == "supervisord" && slices.Contains(goneKeys[:], key) {
				continue
			}
			text := "unknown setting, ignored"
			if near := s.nearest(key, func(k string) bool { _, set := l.doc.Get(section, k); return set }); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			} else if home := l.homeOf(key); home != "" {
				text += fmt.Sprintf("; it belongs in [%s]", home)
			}
			l.unknown = append(l.unknown, l.issue(section, key, text))
		}
	}
}

// homeOf is the kind of section that knows a key, "" where there is none.
func (l *loader) homeOf(key string) string {
	for i := range l.schemas {
		if l.schemas[i].Field(key) != nil {
			return l.schemas[i].Name
		}
	}
	return ""
}

// nearest is the known key that takes the fewest edits and is not set already, "" when all
// are too far.
func (s *SectionSchema) nearest(key string, set func(key string) bool) string {
	var known []string
	for _, f := range s.Fields {
		if !set(f.Key) {
			known = append(known, f.Key)
		}
	}
	return Nearest(key, known)
}

// Nearest is the word among known that a misspelt one was most likely meant to be: the one
// that takes the fewest edits; "" when all are too far.
func Nearest(word string, known []string) string {
	best, distance := "", max(2, len(word)/3)+1
	for _, k := range known {
		d := edits(word, k)
		if strings.HasPrefix(k, word) && len(word) > 2 {
			d = min(d, 1) // the beginning of a name is as good as a slip in it
		}
		if d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits is the number of letters to insert, remove or change (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 0; i < len(a); i++ {
		diagonal := row[0]
		row[0] = i + 1
		for j := 0; j < len(b); j++ {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
