package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// processes reads a program's section and makes its processes, as members of a
// group (options.py, ServerOptions._processes_from_section).
func (l *loader) processes(section, group string) []*Process {
	l.section = section
	defer func() { l.section = "" }()

	name := strings.TrimSpace(section[strings.IndexByte(section, ':')+1:])
	if v, err := processName(section[strings.IndexByte(section, ':')+1:]); err != nil {
		l.reject(section, "", err.Error(), fmt.Sprintf("cannot use the name %q; accepted: a name without spaces, colons and slashes", name))
	} else {
		name = v
	}
	common := map[string]any{
		"here":           l.cfg.Here,
		"program_name":   name,
		"host_node_name": l.o.Hostname,
		"group_name":     group,
	}
	r := programReader{l: l, section: section, common: common, own: make(map[string]any)}
	p := r.shared()
	numprocs := l.integer(r.get("numprocs"), 1)
	first := l.integer(r.get("numprocs_start"), 0)
	r.sharedStreams(p)
	r.sharedAccount(p)

	processName := r.processName()
	if numprocs > 1 && !strings.Contains(processName.text, "%(process_num)") && processName.state == present {
		l.reject(section, "process_name", "%(process_num) must be present within process_name when numprocs > 1",
			"every process would have the same name; accepted: a name with %(process_num)d in it when numprocs is more than 1")
	}
	if p.StopAsGroup && !p.KillAsGroup {
		l.reject(section, "killasgroup", "Cannot set stopasgroup=true and killasgroup=false", "cannot be false when stopasgroup is true; accepted: true, or nothing")
	}
	if numprocs > maxNumProcs {
		l.reject(section, "numprocs", fmt.Sprintf("cannot start %d processes", numprocs), fmt.Sprintf("cannot start %d processes; accepted: up to %d", numprocs, maxNumProcs))
		numprocs = 0
	}
	var all []*Process
	for num := first; num < first+numprocs; num++ {
		common["process_num"], common["numprocs"] = num, numprocs
		made := r.process(*p, processName)
		l.origins[made] = section
		all = append(all, made)
	}
	slices.SortStableFunc(all, func(a, b *Process) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// programReader reads one program's section for one group.
type programReader struct {
	l       *loader
	section string
	common  map[string]any // process_num and numprocs among them once they are known
	own     map[string]any // ENV_X names from the program's environment=
}

func (r *programReader) get(key string) setting {
	return r.l.get(r.section, key, r.common, r.own)
}

// shared reads what is the same for every process, up to numprocs.
func (r *programReader) shared() *Process {
	l := r.l
	p := &Process{}
	p.Priority = l.integer(r.get("priority"), 999)
	p.AutoStart = l.boolean(r.get("autostart"), true)
	p.AutoRestart = convert(l, r.get("autorestart"), RestartUnexpected, autoRestart)
	p.StartSecs = l.integer(r.get("startsecs"), 1)
	p.StartRetries = l.integer(r.get("startretries"), 3)
	p.StopSignal = convert(l, r.get("stopsignal"), defaultStopSignal, ParseSignal)
	p.StopWaitSecs = l.integer(r.get("stopwaitsecs"), 10)
	p.StopAsGroup = l.boolean(r.get("stopasgroup"), false)
	p.KillAsGroup = l.boolean(r.get("killasgroup"), p.StopAsGroup)
	p.ExitCodes = convert(l, r.get("exitcodes"), []int{0}, exitCodes)
	p.RedirectStderr = l.boolean(r.get("redirect_stderr"), false)
	return p
}

func (r *programReader) sharedStreams(p *Process) {
	l := r.l
	for _, s := range []struct {
		name string
		to   *Stream
	}{{"stdout", &p.Stdout}, {"stderr", &p.Stderr}} {
		s.to.CaptureMaxBytes = convert(l, r.get(s.name+"_capture_maxbytes"), 0, byteSize)
		s.to.EventsEnabled = l.boolean(r.get(s.name+"_events_enabled"), false)
		l.own(func() { s.to.Block = convert(l, r.get(s.name+"_on_full"), false, onFull) })
	}
}

func onFull(s string) (bool, error) {
	switch lower(s) {
	case "drop":
		return false, nil
	case "block":
		return true, nil
	}
	return false, fmt.Errorf("cannot use %q", s)
}

func (r *programReader) sharedAccount(p *Process) {
	l := r.l
	if v := r.get("serverurl"); v.state == present && !strings.EqualFold(strip(v.text), "AUTO") {
		p.ServerURL = v.text
	}
	if v := r.get("user"); v.state == present {
		p.User = l.account(v.text, func(said string) { l.refuse(v, said) })
	}
	p.Umask = -1
	if v := r.get("umask"); v.state == present {
		p.Umask = l.octal(v, 0) & 0o777
	}
}

// processName is the format of the processes' names, checked before it is expanded.
func (r *programReader) processName() setting {
	const standard = "%(program_name)s"
	v := r.l.raw(r.section, "process_name")
	if v.state != present {
		return setting{r.section, "process_name", standard, present}
	}
	name, err := processName(v.text)
	if err != nil {
		r.l.refuse(v, err.Error())
		v.state, v.text = broken, standard
		return v
	}
	v.text = name
	return v
}

// process makes one process; p is its own copy of what they share.
func (r *programReader) process(p Process, name setting) *Process {
	l := r.l
	// A variable of the daemon's wins again until environment= is read again.
	for k := range r.own {
		if _, ok := l.env[k]; ok {
			delete(r.own, k)
		}
	}
	environment := l.expand(l.raw(r.section, "environment"), "environment", r.common, r.own)
	p.Environment = convert(l, environment, nil, keyValuePairs)
	for _, v := range p.Environment {
		r.own["ENV_"+v.Name] = v.Value
	}
	p.Directory = l.text(r.get("directory"), "")
	r.stream("stdout", &p.Stdout)
	r.stream("stderr", &p.Stderr)
	if p.RedirectStderr {
		if f := p.Stderr.Logfile; f.Kind == LogPath || f.Empty {
			l.supervisorWarns(r.section, "stderr_logfile", fmt.Sprintf("For [%s], redirect_stderr=true but stderr_logfile has also been set to a filename, "+
				"the filename has been ignored", r.section))
		}
		p.Stderr.Logfile = Logfile{}
	}
	command := r.get("command")
	if command.state == absent {
		l.reject(r.section, "command", fmt.Sprintf("program section %s does not specify a command", r.section), "there is none; accepted: a program and its arguments")
	}
	p.Command = command.text
	p.Shown = r.shownCommand(command)
	p.Name = l.expand(name, "process_name", r.common, r.own).text
	return &p
}

// shownCommand is a command with everything expanded but what comes from the environment.
func (r *programReader) shownCommand(command setting) string {
	raw := r.l.raw(r.section, "command")
	if command.state != present || !strings.Contains(raw.text, "%(ENV_") {
		return command.text
	}
	shown, err := expand(raw.text, scope{asWritten(r.l.env), r.common, asWritten(r.own)})
	if err != nil { // such as %(ENV_x)d, which needs the number
		return masked
	}
	return shown
}

// stream reads where one output goes.
func (r *programReader) stream(name string, s *Stream) {
	l := r.l
	key := name + "_logfile"
	v := r.get(key)
	// Supervisor expands a log file's name twice, so that a percent sign takes four.
	v = l.expand(v, key, r.common, r.own)
	syslog := false
	s.Logfile = Logfile{Kind: LogAuto}
	if v.state == present {
		s.Logfile, syslog = l.logfile(v)
	}
	s.Backups = l.integer(r.get(name+"_logfile_backups"), 10)
	s.MaxBytes = convert(l, r.get(name+"_logfile_maxbytes"), 50<<20, byteSize)
	s.Syslog = l.boolean(r.get(name+"_syslog"), false)
	if syslog {
		l.supervisorWarns(r.section, key, fmt.Sprintf("For [%s], %s=syslog but this is deprecated and will be removed.  "+
			"Use %s_syslog=true to enable syslog instead.", r.section, key, name))
		s.Syslog = true
	}
	if s.Logfile.Kind == LogAuto && s.MaxBytes == 0 {
		l.supervisorWarns(r.section, key, fmt.Sprintf("For [%s], AUTO logging used for %s without rollover, "+
			"set maxbytes > 0 to avoid filling up filesystem unintentionally", r.section, key))
	}
}

// logfile reads a log file's name (datatypes.py, logfile_name); syslog is the
// deprecated alias.
func (l *loader) logfile(v setting) (f Logfile, syslog bool) {
	switch lower(v.text) {
	case "":
		return Logfile{Kind: LogNone, Empty: true}, false
	case "none", "off":
		return Logfile{Kind: LogNone}, false
	case "auto":
		return Logfile{Kind: LogAuto}, false
	case "syslog":
		return Logfile{Kind: LogNone}, true
	}
	return Logfile{Kind: LogPath, Path: convert(l, v, "", l.paths.existingDirPath)}, false
}
