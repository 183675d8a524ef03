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
	r := programReader{reader{l: l, section: section, outer: []map[string]any{common}, own: make(map[string]any)}, common}
	r.names = append(r.outer, r.own)
	l.process = fresh[Process](processTable())
	p := &l.process
	r.fill(processTable().shared, p)

	processName := r.processName()
	numprocs := p.NumProcs
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
	for num := p.NumProcsStart; num < p.NumProcsStart+numprocs; num++ {
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
	reader
	common map[string]any // process_num and numprocs among them once they are known
}

// processName is the format of the processes' names, checked before it is expanded.
func (r *programReader) processName() setting {
	standard := processTable().key("process_name").Default
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
	r.fill(processTable().each, &p)
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
	p.Command = r.command(command)
	p.Name = l.expand(name, "process_name", r.names...).text
	return &p
}

// stream settles where one output goes.
func (r *programReader) stream(name string, s *Stream) {
	key := name + "_logfile"
	if s.Logfile.syslog {
		r.l.supervisorWarns(r.section, key, fmt.Sprintf("For [%s], %s=syslog but this is deprecated and will be removed.  "+
			"Use %s_syslog=true to enable syslog instead.", r.section, key, name))
		s.Logfile.syslog, s.Syslog = false, true
	}
	if s.Logfile.Kind == LogAuto && s.MaxBytes == 0 {
		r.l.supervisorWarns(r.section, key, fmt.Sprintf("For [%s], AUTO logging used for %s without rollover, "+
			"set maxbytes > 0 to avoid filling up filesystem unintentionally", r.section, key))
	}
}
