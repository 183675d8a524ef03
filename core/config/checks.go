package config

import (
	"fmt"
)

// checkOwn does what Supervisor does not: unknown keys, who may write the files,
// and servers that would be open.
func (l *loader) checkOwn() {
	l.own(func() {
		l.warnUnknown()
		l.checkWriters()
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

// checkWriters tells of configuration files that others may write: whoever can,
// can run any command as this daemon.
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
		l.cfg.Criticals = append(l.cfg.Criticals, fmt.Sprintf("Configuration file %s may be written by %s, who can run any command as this supervisord", name, who))
	}
}

// warnUnknown warns of keys in sections that are known.
func (l *loader) warnUnknown() {
	for _, section := range l.doc.Sections() {
		s := schemaOf(l.schemas, section)
		if s == nil || s.Open {
			continue
		}
		for _, key := range l.doc.Own(section) {
			if s.Field(key) != nil {
				continue
			}
			text := "unknown setting, ignored"
			if near := s.nearest(key); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			}
			l.warn(section, key, text)
		}
	}
}

// nearest is the known key that takes the fewest edits, "" when all are too far.
func (s *SectionSchema) nearest(key string) string {
	best, distance := "", max(2, len(key)/3)+1
	for _, f := range s.Fields {
		if d := edits(key, f.Key); d < distance {
			best, distance = f.Key, d
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
