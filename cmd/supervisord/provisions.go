package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/daemonlog"
	"github.com/hark-supervisor/hark/core/held"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/prepared"
	"github.com/hark-supervisor/hark/core/privileges"
	"github.com/hark-supervisor/hark/core/rpc"
)

// provisions are what a life of the daemon needs from outside, bound, opened and parsed. Those of the next life are made
// while the present one continues: what is not available is a reason not to restart.
type provisions struct {
	conf     *config.Config
	logFiles []*logs.File
	core     *prepared.Life
	sockets  *rpc.Set
	pidfile  *held.Draft // nil: it cannot be written
	pidError error
}

// provide makes the provisions for a configuration. On errors, which are all there are, nothing has changed.
func (d *daemon) provide(conf *config.Config, first bool) (_ *provisions, errs config.Errors) {
	p := &provisions{conf: conf}
	set := &conf.Supervisord
	refuse := func(section, key, text, said string) {
		errs = append(errs, conf.Issue(section, key, text, said))
	}
	if !first && set.User != nil && set.User.UID != os.Getuid() && os.Getuid() != 0 {
		refuse("supervisord", "user", fmt.Sprintf("cannot use %q: %s", set.User.Name, privileges.NonRoot), privileges.NonRoot)
	}
	var err error
	if p.logFiles, err = daemonlog.OpenFiles(set); err != nil {
		refuse("supervisord", "logfile", err.Error()+"; fix that, or name another file", err.Error())
	}
	if first && d.report.Daemonized() {
		d.detach() // the log has been opened before, as in Supervisor
	}
	var problems []prepared.Problem
	fastcgi := d.fastcgi
	if first {
		fastcgi = nil // a program whose socket cannot be opened is tried again, and the daemon starts
	}
	if p.core, problems = prepared.For(conf, fastcgi); problems != nil {
		for _, problem := range problems {
			refuse(problem.Section, problem.Key, problem.Err.Error()+"; fix that, or use another value", problem.Err.Error())
		}
	}
	var unbound []*rpc.BindError
	if p.sockets, unbound = d.sockets.Bind(conf.Servers); unbound != nil {
		for _, e := range unbound {
			refuse(e.Section, e.Key, fmt.Sprintf("cannot use %q: %v%s", e.Value, e.Cause, adviceFor(e.Cause)), e.Error())
		}
	}
	// Its mode follows the umask, as a file that Python opens for writing.
	p.pidfile, p.pidError = held.NewDraft(set.Pidfile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o666)
	if p.pidError != nil && !first && set.Pidfile != d.conf.Supervisord.Pidfile {
		// One that could not be written before is not a reason not to start: Supervisor starts.
		line := pidfileLine(set.Pidfile, p.pidError)
		refuse("supervisord", "pidfile", line+"; fix that, or name another file", line)
	}
	if errs != nil {
		p.discard()
		return nil, errs
	}
	return p, nil
}

// adviceFor says what to do about a socket that cannot be opened.
func adviceFor(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; stop the program that has it, or use another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; accepted: an address of this machine"
	case errors.Is(err, held.ErrTooLong):
		return "; use a shorter path"
	case errors.Is(err, fs.ErrExist):
		return "; move it away, or use another path"
	case errors.Is(err, fs.ErrNotExist):
		return "; create its directory, or use another path"
	}
	return ""
}

// discard releases provisions that are not used for a life; nothing is left of them.
func (p *provisions) discard() {
	if p == nil {
		return
	}
	for _, f := range p.logFiles {
		_ = f.Discard()
	}
	if p.core != nil {
		p.core.Discard()
	}
	if p.sockets != nil {
		p.sockets.Close()
	}
	if p.pidfile != nil {
		p.pidfile.Discard()
	}
}

// pidfileLine is Supervisor's (options.py, write_pidfile), with the reason.
func pidfileLine(path string, err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Sprintf("could not write pidfile %s: %v", path, err)
}
