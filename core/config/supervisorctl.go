package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

const (
	defaultServerURL = "http://localhost:9001"
	defaultPrompt    = "supervisor"
)

// Ctl is the [supervisorctl] section (options.py, ClientOptions).
type Ctl struct {
	Path        string // the file read, absolute; "" when there is none
	ServerURL   string // default http://localhost:9001; of unix:// URLs the path is absolute
	Username    string // "" for none
	Password    Secret
	Prompt      string // default supervisor
	HistoryFile string // absolute; "" for none
	Plugins     []CtlPlugin
	Fleets      []Fleet // Hark's own, in the order of the file
}

// Fleet is one [fleet:x] section: servers that supervisorctl acts on together.
type Fleet struct {
	Name     string
	Servers  []string // of unix:// URLs the path is absolute
	Username string   // "" : supervisorctl's own
	Password Secret
}

// CtlPlugin is one [ctlplugin:x] section.
type CtlPlugin struct {
	Name    string
	Factory string   // supervisor.ctl_factory as written
	Keys    []EnvVar // the section's other keys
}

// LoadCtl reads what supervisorctl needs from a configuration; Overrides are not
// looked at. Without a file at the default places everything has its default;
// [include] is not followed, as in Supervisor. The error is an Errors.
func LoadCtl(o Options) (*Ctl, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	c := &Ctl{ServerURL: defaultServerURL, Prompt: defaultPrompt}
	if o.Path == "" && !slices.ContainsFunc(SearchPaths(o.Argv0), func(p string) bool {
		_, err := os.Stat(l.paths.at(p))
		return err == nil
	}) {
		return c, nil
	}
	l.doc = newDocument()
	if !l.find() {
		return nil, l.errs
	}
	c.Path = l.cfg.Path
	l.here["here"] = dirName(l.paths.normalize(l.file))
	l.readCtl(c)
	if all := append(l.errs, l.late...); len(all) > 0 {
		return nil, all
	}
	return c, nil
}

func (l *loader) readCtl(c *Ctl) {
	const section = "supervisorctl"
	data, err := l.readFile(l.file)
	if err != nil {
		said := "could not read config file " + l.file
		if os.IsNotExist(err) {
			said = "could not find config file " + l.file
		}
		l.add(Issue{File: l.file, Text: "cannot read the file: " + reason(err), Supervisor: said})
		return
	}
	if !l.parse(l.file, data) {
		return
	}
	if !l.doc.Has(section) {
		l.add(Issue{File: l.file, Text: "there is no [supervisorctl] section", Supervisor: ".ini file does not include supervisorctl section"})
	}
	c.ServerURL = l.text(l.get(section, "serverurl", l.here), defaultServerURL)
	if path, ok := strings.CutPrefix(c.ServerURL, "unix://"); ok {
		c.ServerURL = "unix://" + l.paths.normalize(path)
	}
	c.Prompt = l.text(l.get(section, "prompt"), defaultPrompt)
	c.Username = l.text(l.get(section, "username"), "")
	c.Password = NewSecret(l.text(l.get(section, "password"), ""))
	if history := l.text(l.get(section, "history_file", l.here), ""); history != "" {
		c.HistoryFile = l.paths.normalize(history)
	}
	for _, s := range l.doc.Sections() {
		if name, ok := strings.CutPrefix(s, "fleet:"); ok {
			l.own(func() { c.Fleets = append(c.Fleets, l.fleet(s, name)) })
		}
	}
	for _, s := range l.doc.Sections() {
		name, ok := strings.CutPrefix(s, "ctlplugin:")
		if !ok {
			continue
		}
		factory := l.get(s, ctlFactoryKey)
		if factory.state == absent {
			l.reject(s, "", fmt.Sprintf("section [%s] does not specify a %s", s, ctlFactoryKey), "there is no "+ctlFactoryKey)
			continue
		}
		p := CtlPlugin{Name: name, Factory: factory.text}
		for _, key := range l.doc.Keys(s) {
			if key != ctlFactoryKey {
				p.Keys = append(p.Keys, EnvVar{key, l.get(s, key).text})
			}
		}
		c.Plugins = append(c.Plugins, p)
	}
}

// fleet reads a [fleet:x] section.
func (l *loader) fleet(section, name string) Fleet {
	f := Fleet{Name: strings.TrimSpace(name), Username: l.text(l.get(section, "username"), "")}
	f.Password = NewSecret(l.text(l.get(section, "password"), ""))
	servers := l.get(section, "servers", l.here)
	for _, url := range strings.FieldsFunc(servers.text, func(r rune) bool { return r == ',' || isSpace(r) }) {
		if path, ok := strings.CutPrefix(url, "unix://"); ok {
			url = "unix://" + l.paths.normalize(path)
		} else if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
			l.reject(section, "servers", "", fmt.Sprintf("cannot use %q; accepted: %s", URLText(url), ServerURLs.Accepts()))
		}
		f.Servers = append(f.Servers, url)
	}
	if len(f.Servers) == 0 && servers.state != broken {
		l.reject(section, "servers", "", "there are none; accepted: "+ServerURLs.Accepts())
	}
	return f
}
