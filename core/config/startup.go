package config

import (
	"slices"
	"strings"
)

// StartupSetting is one setting that a daemon takes when it starts, or with reload, and
// not with update, as it is written.
type StartupSetting struct {
	Section, Key string
	Value        Secret
}

// StartupChange is a section whose settings differ from those a daemon was started with.
type StartupChange struct {
	Section string
	Keys    []string // those that differ, by name; empty: the whole section is new or gone
}

// startupSettings gathers them: [supervisord], the servers, and namespaces that no plugin
// serves. environment= of [supervisord] is not among them: it is part of each program.
func (l *loader) startupSettings() (all []StartupSetting) {
	for _, section := range l.doc.Sections() {
		_, plugin := l.doc.Get(section, "plugin")
		server := strings.HasPrefix(section, "unix_http_server") || strings.HasPrefix(section, "inet_http_server")
		if section != "supervisord" && !server && (!strings.HasPrefix(section, "rpcinterface:") || plugin) {
			continue
		}
		all = append(all, StartupSetting{Section: section})
		for _, key := range l.doc.Keys(section) {
			if section == "supervisord" && key == "environment" {
				continue
			}
			raw, _ := l.doc.Get(section, key)
			all = append(all, StartupSetting{section, key, NewSecret(raw)})
		}
	}
	return all
}

// StartupChanges are the sections that differ between the configuration that a daemon was
// started with and one just read, in the order of the latter: what they say takes effect
// with reload.
func StartupChanges(active, fresh *Config) (all []StartupChange) {
	find := func(in []StartupSetting, s StartupSetting) int {
		return slices.IndexFunc(in, func(o StartupSetting) bool { return o.Section == s.Section && o.Key == s.Key })
	}
	add := func(section, key string) {
		i := slices.IndexFunc(all, func(c StartupChange) bool { return c.Section == section })
		if i < 0 {
			all = append(all, StartupChange{Section: section})
			i = len(all) - 1
		}
		if key != "" && !slices.Contains(all[i].Keys, key) {
			all[i].Keys = append(all[i].Keys, key)
			slices.Sort(all[i].Keys)
		}
	}
	for _, s := range fresh.Startup {
		if i := find(active.Startup, s); i < 0 || active.Startup[i].Value.Reveal() != s.Value.Reveal() {
			add(s.Section, s.Key)
		}
	}
	for _, s := range active.Startup {
		if find(fresh.Startup, s) < 0 {
			add(s.Section, s.Key)
		}
	}
	return all
}
