package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

type ini struct {
	id          string
	daemon, ctl []string
	ochin       bool
	pool        string // further lines of a listener's section
}

func (f *ini) name() string         { return f.id }
func (f *ini) helpers() []string    { return nil }
func (f *ini) stop() syscall.Signal { return syscall.SIGTERM }
func (f *ini) events() bool         { return true }
func (f *ini) conf(s *site) string  { return filepath.Join(s.dir, "supervisord.conf") }

func (f *ini) write(s *site) error {
	none := "NONE"
	if f.ochin {
		none = "/dev/null" // it takes NONE for a file's name
	}
	n := len(s.progs) + len(s.listeners)
	minfds := 4*n + 256
	if minfds < 1024 {
		minfds = 1024
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[supervisord]\nlogfile=%[1]s/supervisord.log\nlogfile_maxbytes=50MB\nlogfile_backups=1\npidfile=%[1]s/supervisord.pid\nchildlogdir=%[1]s\nnodaemon=true\nminfds=%[2]d\nminprocs=200\nloglevel=info\n", s.dir, minfds)
	fmt.Fprintf(&b, "[unix_http_server]\nfile=%s\n", s.sock())
	b.WriteString("[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n")
	fmt.Fprintf(&b, "[supervisorctl]\nserverurl=unix://%s\n", s.sock())
	progs := s.progs
	if s.numprocs {
		progs = progs[:1]
	}
	for _, p := range progs {
		fmt.Fprintf(&b, "[program:%s]\ncommand=%s\nautostart=true\nstartsecs=0\nstartretries=1000000\nstderr_logfile=%s\n", p.name, strings.Join(p.argv, " "), none)
		fmt.Fprintf(&b, "autorestart=%v\n", p.restart)
		if s.numprocs {
			fmt.Fprintf(&b, "process_name=%%(program_name)s_%%(process_num)d\nnumprocs=%d\n", len(s.progs))
		}
		if p.log == "" {
			fmt.Fprintf(&b, "stdout_logfile=%s\n", none)
		} else {
			fmt.Fprintf(&b, "stdout_logfile=%s\nstdout_logfile_maxbytes=%d\nstdout_logfile_backups=%d\n", p.log, p.maxBytes, p.backups)
		}
		if p.capture {
			b.WriteString("stdout_capture_maxbytes=1MB\n")
		}
	}
	for _, l := range s.listeners {
		fmt.Fprintf(&b, "[eventlistener:%s]\ncommand=%s\nevents=%s\nbuffer_size=%d\nautostart=true\nstartsecs=0\nautorestart=false\nstderr_logfile=%s\n%s", l.name, strings.Join(l.argv, " "), l.events, l.buffer, none, f.pool)
		if l.ahead > 0 {
			fmt.Fprintf(&b, "max_in_flight=%d\n", l.ahead)
		}
	}
	return mkfile(f.conf(s), b.String(), 0644)
}

func (f *ini) command(s *site) ([]string, []string) {
	a := append([]string{}, f.daemon...)
	if !f.ochin {
		a = append(a, "-n")
	}
	return append(a, "-c", f.conf(s)), nil
}

func (f *ini) logFiles(s *site, p prog) []string {
	var out []string
	for i := p.backups; i > 0; i-- {
		n := fmt.Sprintf("%s.%d", p.log, i)
		if _, err := os.Stat(n); err == nil {
			out = append(out, n)
		}
	}
	return append(out, p.log)
}

func (f *ini) api() (call, call, bool) {
	return xmlrpc("supervisor.getState"), xmlrpc("supervisor.getAllProcessInfo"), true
}

func (f *ini) status(s *site) []string {
	if f.ochin {
		return append(append([]string{}, f.daemon...), "ctl", "-s", "unix://"+s.sock(), "status")
	}
	return append(append([]string{}, f.ctl...), "-c", f.conf(s), "status")
}
