package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Ctl is the [supervisorctl] section (options.py, ClientOptions).
type Ctl struct {
	ServerURL   string `key:"serverurl" type:"URL" is:"live" default:"http://localhost:9001" sample:"unix:///tmp/supervisor.sock" doc:"Where the daemon listens. This is unix:// and the path of its socket, or http:// or https:// with a host and a port."` // of unix:// URLs the path is absolute
	Username    string `key:"username" is:"envonly" sample:"chris" doc:"The user name of the server's section."`
	Password    Secret `key:"password" is:"secret,envonly" sample:"123" doc:"The password of the server's section, in clear."`
	Prompt      string `key:"prompt" is:"envonly" default:"supervisor" sample:"mysupervisor" doc:"The prompt of the interactive shell."`
	HistoryFile string `key:"history_file" sample:"~/.sc_history" doc:"The file in which the interactive shell keeps its history. Without it, none is kept."` // absolute

	Path    string      `key:"-"` // the file read, absolute; "" when there is none
	Plugins []CtlPlugin `key:"-"`
	Fleets  []Fleet     `key:"-"` // in the order of the file
}

// Fleet is one [fleet:x] section: servers that supervisorctl acts on together.
type Fleet struct {
	Name     string   `key:"-"`
	Servers  []string `key:"servers" type:"URLs" is:"hark,required,byhand" doc:"The URLs of the servers, in the form of serverurl." example:"http://web1:9001,http://web2:9001"` // of unix:// URLs the path is absolute
	Username string   `key:"username" is:"hark,envonly" sample:"chris" doc:"The user name for the servers. Without it, that of [supervisorctl]."`
	Password Secret   `key:"password" is:"hark,secret,envonly" sample:"123" doc:"The password for the servers, in clear. Without it, that of [supervisorctl]."`
}

// CtlPlugin is one [ctlplugin:x] section.
type CtlPlugin struct {
	Name    string   `key:"-"`
	Factory string   `key:"supervisor.ctl_factory" type:"factory" is:"required,byhand" example:"supervisor_cache.controllerplugin:make_cache_controllerplugin" doc:"What adds the commands. Those of supervisor_cache and supervisor_twiddler are built in; any other is Python and is passed over with a warning."` // as written
	Keys    []EnvVar `key:"-"`                                                                                                                                                                                                                                                                                       // the section's other keys
}

func ctlTable() *table {
	return tableOf[Ctl](func() []string { return []string{"serverurl", "prompt", "username", "password", "history_file"} })
}

func fleetTable() *table { return tableOf[Fleet](inOrder) }

func ctlPluginTable() *table { return tableOf[CtlPlugin](inOrder) }

// LoadCtl reads what supervisorctl needs from a configuration; Overrides are not
// looked at. Without a file at the default places everything has its default;
// [include] is not followed, as in Supervisor. The error is an Errors.
func LoadCtl(o Options) (*Ctl, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	set := fresh[Ctl](ctlTable())
	c := &set
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
	l.reads(section).fill(ctlTable().reading, c)
	if path, ok := strings.CutPrefix(c.ServerURL, "unix://"); ok {
		c.ServerURL = "unix://" + l.paths.normalize(path)
	}
	if c.HistoryFile != "" {
		c.HistoryFile = l.paths.normalize(c.HistoryFile)
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
	f := fresh[Fleet](fleetTable())
	f.Name = strings.TrimSpace(name)
	l.reads(section).fill(fleetTable().reading, &f)
	accepts := fleetTable().key("servers").Type.Accepts
	servers := l.get(section, "servers", l.here)
	for _, url := range strings.FieldsFunc(servers.text, func(r rune) bool { return r == ',' || isSpace(r) }) {
		if path, ok := strings.CutPrefix(url, "unix://"); ok {
			url = "unix://" + l.paths.normalize(path)
		} else if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
			l.reject(section, "servers", "", fmt.Sprintf("cannot use %q; accepted: %s", URLText(url), accepts))
		}
		f.Servers = append(f.Servers, url)
	}
	if len(f.Servers) == 0 && servers.state != broken {
		l.reject(section, "servers", "", "there are none; accepted: "+accepts)
	}
	return f
}
