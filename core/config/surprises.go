package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// The warnings of Check: settings that load, but do not have the intended effect.
// layout.go has those that are caused by how a file is written.

// nameOf is a file as it was opened, from its absolute name.
func (c *checker) nameOf(absolute string) string {
	if absolute == c.l.cfg.Path {
		return c.l.file
	}
	return absolute
}

// repeats warns of keys that a section has twice, and of sections that were begun twice.
func (c *checker) repeats() {
	for _, r := range c.l.doc.again {
		place := fmt.Sprintf("line %d", r.first.Line)
		if r.first.File != r.last.File {
			place = fmt.Sprintf("%s:%d", r.first.File, r.first.Line)
		}
		c.add(Issue{File: r.last.File, Line: r.last.Line, Section: r.section,
			Text: fmt.Sprintf("it was begun in %s already: the two are one section, and of a key in both the value here counts", place)})
	}
	for _, r := range c.l.doc.twice {
		c.add(Issue{File: r.last.File, Line: r.last.Line, Section: r.section, Key: r.key,
			Text: fmt.Sprintf("it was set in line %d already; this one counts", r.first.Line)})
	}
}

// sections warns about unused sections.
func (c *checker) sections() {
	for _, name := range c.l.doc.Sections() {
		if schemaOf(c.l.schemas, name) != nil {
			continue
		}
		text, _ := c.l.unknownSection(name)
		c.warn(name, "", text)
	}
	if c.l.isSnippet() {
		c.notes = append(c.notes, Issue{File: c.l.file, Text: "checked as a file that another configuration includes: it has no [supervisord] section, so supervisord would not start with it alone"})
		return
	}
	if len(c.l.cfg.Servers) > 0 && len(c.l.cfg.RPCInterfaces) == 0 {
		c.warn("supervisord", "", "there is no [rpcinterface:supervisor] section, so supervisorctl and the page can do nothing")
	}
	if len(c.l.cfg.Servers) == 0 {
		c.note("supervisord", "", "there is no [unix_http_server] or [inet_http_server] section, so supervisorctl cannot reach this daemon")
	}
}

// servers warns of servers that strangers can use.
func (c *checker) servers() {
	for _, s := range c.l.cfg.Servers {
		switch {
		case s.Network == "tcp" && !s.Auth && s.Host != "localhost" && !strings.HasPrefix(s.Host, "127.") && s.Host != "::1" && s.Host != "[::1]":
			c.warn(s.Section, "port", "there is no username and password: whoever reaches this port can start programs as this supervisord")
		case s.Network == "tcp" && !s.Auth:
			c.warn(s.Section, "port", "there is no username and password: every user of this machine can start programs as this supervisord")
		case s.Network == "unix" && !s.Auth && s.Mode&0o006 != 0:
			c.warn(s.Section, "chmod", fmt.Sprintf("with mode %04o and no password every user of this machine can start programs as this supervisord", s.Mode))
		}
	}
}

// control finds what would keep supervisorctl from working, which supervisord does not read.
func (c *checker) control() []Issue {
	const section = "supervisorctl"
	if !c.l.doc.Has(section) {
		return nil
	}
	ctl, err := LoadCtl(c.l.o)
	if err != nil {
		var all Errors
		errors.As(err, &all)
		return all
	}
	if url := ctl.ServerURL; !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "unix://") {
		c.warn(section, "serverurl", fmt.Sprintf("supervisorctl cannot use %s; it takes http://HOST:PORT, https://HOST:PORT or unix:///PATH", URLText(url)))
	}
	return nil
}

// listenerKeys warns of keys that are read in the sections of all programs and mean nothing in those of event listeners.
func (c *checker) listenerKeys() {
	for _, section := range c.l.doc.Sections() {
		if !strings.HasPrefix(section, "eventlistener:") {
			continue
		}
		for _, key := range [...]string{"stdout_capture_maxbytes", "stdout_events_enabled"} {
			if _, written := c.l.doc.Get(section, key); written && slices.Contains(c.l.doc.Own(section), key) {
				c.warn(section, key, "it has no effect: the standard output of a listener is the protocol, as in Supervisor")
			}
		}
	}
}

// spools warns of directories of spools that are not there: what is kept in one is kept in memory then, and lost with the daemon.
func (c *checker) spools() {
	for _, section := range c.l.doc.Sections() {
		s := schemaOf(c.l.schemas, section)
		for _, key := range c.l.doc.Own(section) {
			if f := s.Field(key); f == nil || f.Type.Name != "spool directory" {
				continue
			}
			raw, _ := c.l.doc.Get(section, key)
			dir := c.l.showValue(section, key, nil, raw, true)
			if overflow, _ := c.l.doc.Get(section, "overflow"); strings.EqualFold(strings.TrimSpace(overflow), "spool") && dir != "" && !c.l.paths.isDir(c.l.paths.normalize(dir)) {
				c.warn(section, key, dir+" is not a directory that is there, so what waits is kept in memory and lost with supervisord; make it first")
			}
		}
	}
}

// quotes warns of values in quotation marks where these mean nothing, which makes them part of the value.
func (c *checker) quotes() {
	for _, section := range c.l.doc.Sections() {
		s := schemaOf(c.l.schemas, section)
		for _, key := range c.l.doc.Own(section) {
			f := s.Field(key)
			if f == nil || f.Unquoted() || f.Type.Quoted && key != "directory" {
				continue
			}
			raw, _ := c.l.doc.Get(section, key)
			if n := len(raw); n > 1 && raw[0] == raw[n-1] && (raw[0] == '"' || raw[0] == '\'') {
				c.causes = append(c.causes, c.l.issue(section, key, "the quotation marks are part of the value, as in Supervisor; write it without them"))
			}
		}
	}
}

// percents warns of conversions without a name, which load and are not what was meant:
// date +%s.
func (c *checker) percents() {
	for _, section := range c.l.doc.Sections() {
		if s := schemaOf(c.l.schemas, section); s == nil || s.Open {
			continue
		}
		for _, key := range c.l.doc.Own(section) {
			raw, _ := c.l.doc.Get(section, key)
			for i := 0; i+1 < len(raw); i++ {
				if raw[i] != '%' {
					continue
				}
				if i++; strings.IndexByte("sra", raw[i]) >= 0 {
					c.warn(section, key, fmt.Sprintf("%q is replaced; a percent sign is written %%%%", raw[i-1:i+1]))
					break
				}
			}
		}
	}
}

// memberships warns of programs that several groups have, or one twice.
func (c *checker) memberships() {
	in := make(map[string]string)
	for _, section := range c.l.doc.Sections() {
		if !strings.HasPrefix(section, "group:") {
			continue
		}
		raw, _ := c.l.doc.Get(section, "programs")
		for _, program := range stringList(raw) {
			switch other := in[program]; {
			case other == section:
				c.warn(section, "programs", fmt.Sprintf("it names %s twice; of two processes with one name only the last is run", program))
			case other != "":
				c.warn(section, "programs", fmt.Sprintf("%s is in [%s] too, so it runs once in each", program, other))
			}
			in[program] = section
		}
	}
}

// filters warns about patterns of programs= that match no process: a subscriber for its events gets none. For a file that another
// includes, the other may have the program.
func (c *checker) filters() {
	if c.l.isSnippet() {
		return
	}
	for _, g := range c.l.cfg.Groups {
		if g.Listener != nil {
			c.filter(c.l.sectionOf(g), g.Listener.Programs)
		}
	}
	for i := range c.l.cfg.Instances {
		switch in := &c.l.cfg.Instances[i]; {
		case in.Notifier != nil:
			c.filter(in.Section, in.Notifier.Programs)
		case in.LogSink != nil:
			c.filter(in.Section, in.LogSink.Programs)
		}
	}
}

func (c *checker) filter(section string, filter *eventlistener.Programs) {
	for _, pattern := range filter.Patterns() {
		one, err := eventlistener.ParsePrograms([]string{pattern})
		if err != nil {
			continue // an error, which is reported
		}
		var names []string
		matched := slices.ContainsFunc(c.l.cfg.Groups, func(g *Group) bool {
			return slices.ContainsFunc(g.Processes, func(p *Process) bool {
				names = append(names, pytext.Namespec(g.Name, p.Name))
				return one.Match(g.Name, p.Name)
			})
		})
		if matched {
			continue
		}
		text := fmt.Sprintf("no process of this configuration matches %q", pattern)
		if near := Nearest(pattern, names); near != "" {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		c.warn(section, "programs", text)
	}
}

// logs warns of log files that two channels write: each rotates it under the other.
func (c *checker) logs() {
	writers := make(map[string]string)
	if l := c.l.cfg.Supervisord; l.Logfile != "" && !l.LogfileSyslog {
		writers[l.Logfile] = "the activity log"
	}
	for _, g := range c.l.cfg.Groups {
		for _, p := range g.Processes {
			spec := g.Name + ":" + p.Name
			for _, s := range []struct {
				name   string
				stream Stream
			}{{"stdout", p.Stdout}, {"stderr", p.Stderr}} {
				path := c.l.paths.absolute(s.stream.Logfile.Path)
				if s.stream.Logfile.Kind != LogPath || strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") {
					continue
				}
				key := s.name + "_logfile"
				switch other := writers[path]; other {
				case "":
					writers[path] = s.name + " of " + spec
				case "stdout of " + spec:
					c.warn(c.l.origins[p], key, "stdout of the same program writes it too; redirect_stderr=true puts both into one file")
				default:
					c.warn(c.l.origins[p], key, fmt.Sprintf("%s writes %s too; a name with %%(process_num)s or %%(group_name)s in it makes them differ", other, path))
				}
			}
		}
	}
}

// sockets warns of FastCGI programs that share an address: only the first can be started.
func (c *checker) sockets() {
	users := make(map[string]string)
	for _, g := range c.l.cfg.Groups {
		if g.Socket == nil || g.Socket.Network == "" {
			continue
		}
		address := g.Socket.Path
		if g.Socket.Network != "unix" {
			address = fmt.Sprintf("%s:%d", g.Socket.Host, g.Socket.Port)
		}
		section := c.l.sectionOf(g)
		if other := users[address]; other != "" && other != section {
			c.warn(section, "socket", fmt.Sprintf("[%s] listens at %s too, so only one of the two can be started", other, address))
			continue
		}
		users[address] = section
	}
}

// processes warns of programs and directories that are not there, one for each section.
func (c *checker) processes() {
	told := make(map[string]bool)
	once := func(section, key, text string) {
		if !told[section+"\n"+key] {
			told[section+"\n"+key] = true
			c.warn(section, key, text)
		}
	}
	for _, g := range c.l.cfg.Groups {
		for _, p := range g.Processes {
			section := c.l.origins[p]
			if p.Directory != "" && !c.l.paths.isDir(c.l.paths.expandUser(p.Directory)) {
				if why := noDirectory(p.Directory); why != "" {
					once(section, "directory", why)
				}
			}
			switch {
			case p.Command.unclosed():
				once(section, "command", "a quotation is not closed, so it cannot be started")
			case p.Command.Err != nil:
				once(section, "command", "it ends with a backslash, so it cannot be started")
			case len(p.Command.Argv) == 0 || p.Command.Argv[0] == "":
				once(section, "command", "it is empty, so it cannot be started")
			default:
				if why, sure := daemonizes(p.Command.Line); sure {
					once(section, "command", why)
				} else if why != "" {
					c.note(section, "command", why)
				}
				if text := c.program(p.Command.Argv[0], p); text != "" {
					once(section, "command", text)
				}
			}
		}
	}
}

// noDirectory is what is said of a directory that is not there; "" where quotes has said it.
func noDirectory(directory string) string {
	text := directory + " is not there"
	switch {
	case directory[0] == '"' || directory[0] == '\'':
		return ""
	case strings.ContainsAny(directory, ";#"):
		text += "; a comment begins only behind a space, as in Supervisor"
	}
	return text
}

// program says what is wrong with a program's file, "" for nothing.
func (c *checker) program(word string, p *Process) string {
	if c.l.o.NoFiles {
		return ""
	}
	if strings.Contains(word, "/") {
		path := c.l.paths.at(word)
		if !strings.HasPrefix(word, "/") && p.Directory != "" {
			if executable(joinPath(p.Directory, word)) == nil {
				return ""
			}
		}
		if err := executable(path); err != nil {
			return fmt.Sprintf("%s %s", word, err)
		}
		return ""
	}
	search, _ := c.l.env["ENV_PATH"].(string)
	for _, v := range p.Environment {
		if v.Name == "PATH" {
			search = v.Value
		}
	}
	for dir := range strings.SplitSeq(search, ":") {
		if dir != "" && executable(joinPath(dir, word)) == nil {
			return ""
		}
	}
	return fmt.Sprintf("there is no %s in PATH (%s)", word, search)
}

// executable reports why a file cannot be run; the error has no name in it.
func executable(path string) error {
	switch st, err := os.Stat(path); {
	case os.IsNotExist(err):
		return fmt.Errorf("is not there")
	case err != nil:
		return nil // the daemon's user may see more than the one who checks
	case st.IsDir():
		return fmt.Errorf("is a directory")
	case st.Mode()&0o111 == 0:
		return fmt.Errorf("is not executable")
	}
	return nil
}
