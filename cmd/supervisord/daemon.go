package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins"
)

// drainTime is how long the HTTP servers may take to finish their answers when
// the daemon ends.
const drainTime = 2 * time.Second

// daemon is supervisord from the first configuration to the last shutdown.
type daemon struct {
	given   *given
	program string
	report  *reporter
	notify  notifier
	conf    *config.Config
	dir     string   // where we were started: relative paths are relative to it
	environ []string // ours, as Python would have it: what children inherit
	infos   []string // for the log once it is open

	system  *child.System
	lookups atomic.Pointer[child.System] // system, for those off the main goroutine
	bus     *eventlistener.Bus
	log     atomic.Pointer[activity]      // of the present life
	checked atomic.Pointer[config.Config] // the last configuration read that was in order

	ext       *extensions
	term      *termination
	draining  sync.WaitGroup // HTTP servers of lives before, which finish their answers
	sockets   *rpc.Sockets   // outlive a life: what stays the same stays bound
	bound     *rpc.Set       // those of the present life; nil before the first
	lanes     logs.Lanes     // of all lives: the file systems of programs' logs that do not answer
	silences  *plugins.Silences
	diskTurns chan struct{} // see disk
}

// run is everything after the configuration was read. An error is a reason not
// to start; once the daemon serves there are none.
func (d *daemon) run() (int, error) {
	d.term = newTermination(d.write, d.killChildren, d.exitNow)
	defer d.term.relay()()
	child.IgnoreSignals()
	if err := d.dropPrivileges(); err != nil {
		return 0, err
	}
	if err := d.raiseLimits(); err != nil {
		return 0, err
	}
	d.bus = eventlistener.NewBus()
	d.silences = &plugins.Silences{}
	d.sockets = rpc.NewSockets(d.report)
	first := true
	defer func() {
		if d.system != nil {
			d.system.Close()
		}
		if d.bound != nil {
			d.bound.Close()
		}
	}()
	defer func() {
		if d.ext != nil {
			d.ext.close(context.Background(), 0) // nothing but what an error left
		}
	}()
	for {
		mood, status, err := d.life(first)
		if err != nil {
			return 0, err
		}
		if mood < core.MoodRestarting {
			return status, nil
		}
		first = false
		d.readAgain()
	}
}

// reread reads the configuration anew, for a reload or to see before a restart
// whether it is in order; check looks at what only plugins know.
func (d *daemon) reread(check func(*config.Config) error) (*config.Config, error) {
	conf, err := d.read()
	if err == nil {
		err = check(conf)
	}
	if err != nil {
		return nil, err
	}
	d.checked.Store(conf)
	return conf, nil
}

// read is load when it is its turn at the disk.
func (d *daemon) read() (*config.Config, error) {
	defer d.disk()()
	return d.load(d.conf.Path)
}

// readAgain takes the configuration for the next life. If it was broken while the
// processes stopped, it is the one that was checked before.
func (d *daemon) readAgain() {
	conf, err := d.load(d.conf.Path)
	if err != nil {
		conf = d.checked.Load()
		conf.Criticals = append(conf.Criticals, fmt.Sprintf("cannot read the configuration again, so the one of before the restart is used: %v", err))
	}
	d.conf = conf
}

// life is one turn from start to shutdown or restart (supervisord.py, main and run),
// with the status to exit with after a shutdown.
func (d *daemon) life(first bool) (_ core.Mood, status int, err error) {
	set := d.conf.Supervisord
	log, err := d.openLog()
	if err != nil {
		return 0, 0, err
	}
	defer log.close()
	defer func() {
		if err != nil && !first { // nobody reads our standard error any more
			log.write(config.CRIT, fmt.Sprintf("cannot start again: %v", err))
		}
	}()
	log.begin(d)
	clearAutoLogs := func() []string { return nil }
	if !set.NoCleanup {
		clearAutoLogs = core.ClearAutoLogs(set.ChildLogDir, set.Identifier)
	}
	if first {
		if d.report.daemonized() {
			d.detach(log)
		}
		// Only now: the spawner's thread keeps the directory it is born with.
		d.system, err = child.New(child.Options{Subreaper: set.Subreaper, Unknown: d.reaped})
		if err != nil {
			return 0, 0, err
		}
		d.lookups.Store(d.system)
		d.ext = d.newExtensions()
	}
	d.log.Store(log)
	ext := d.ext // for calls, which may outlast it
	supervisor, err := core.New(core.Options{
		Further:   ext.further,
		Config:    d.conf,
		System:    d.system,
		Bus:       d.bus,
		Log:       log.write,
		ReopenLog: log.reopen,
		ClearLog:  log.clear,
		Reread:    func() (*config.Config, error) { return d.reread(ext.check) },
		Program:   d.readProgram,
		Environ:   d.environ,
		Syslog:    log.syslog,
		Lanes:     &d.lanes,
	})
	if err != nil {
		return 0, 0, err
	}
	server, err := d.listen(supervisor, log)
	if err != nil {
		supervisor.Discard()
		return 0, 0, err
	}
	ext.begin(d.conf, log.level, supervisor, server.Dispatcher())
	for _, warning := range clearAutoLogs() {
		log.write(config.WARN, warning)
	}
	if first {
		keepThreads()
	}
	server.Serve()
	unlink := d.writePidfile(log)
	defer unlink()
	if first {
		d.started()
	}
	d.notify.tell(fmt.Sprintf("READY=1\nMAINPID=%d", os.Getpid()))
	// What reading the configuration took is given back before anything is
	// started. Left to itself Go's runtime does it in small steps for a minute,
	// waking an otherwise idle daemon.
	debug.FreeOSMemory()
	d.term.enter(func() bool { return supervisor.Mood() == core.MoodShutdown })
	mood := supervisor.Run(d.term.signals)
	if mood < core.MoodRestarting {
		d.term.end(d.conf.Supervisord.PluginStopWait+endTime, supervisor.ExitStatus())
	} else {
		d.term.leave()
	}
	server.StopListening()
	if mood < core.MoodRestarting {
		d.bound.Close()
	}
	d.draining.Go(func() { d.drain(server) })
	if mood < core.MoodRestarting {
		d.end(supervisor)
	}
	return mood, supervisor.ExitStatus(), nil
}

// started lets the command that started us return. Where there are sections about plugins
// it first says which cannot be served, as far as that is known without running a plugin;
// programs start meanwhile.
func (d *daemon) started() {
	if len(d.conf.Instances) == 0 {
		d.report.done(0)
		return
	}
	conf, ext := d.conf, d.ext
	d.draining.Go(func() {
		for _, issue := range ext.unserved(conf) {
			d.write(config.ERRO, "not served: "+issue.String())
			d.report.say("supervisord: not served: " + issue.String())
		}
		d.report.done(0)
	})
}

// drain ends HTTP servers that listen no more. The programs of the next life do not wait for their clients.
func (d *daemon) drain(server *rpc.Server) {
	ctx, cancel := context.WithTimeout(d.term.hurry, drainTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		d.write(config.WARN, fmt.Sprintf("cut off clients that were still being answered: %v", err))
	}
}

// end is what there is to do when the last program has ended: each wait of it has a bound.
func (d *daemon) end(supervisor *core.Supervisor) {
	d.notify.tell("STOPPING=1")
	ext := d.ext
	d.ext = nil
	ext.close(d.term.hurry, d.conf.Supervisord.PluginStopWait)
	supervisor.FlushDeadLetters()
	d.draining.Wait()
}

// write is activity.write of the present life.
func (d *daemon) write(level config.Level, text string) {
	if log := d.log.Load(); log != nil {
		log.write(level, text)
	}
}

// listen opens the servers of this life, and closes those sockets of the last that it has not.
func (d *daemon) listen(supervisor *core.Supervisor, log *activity) (*rpc.Server, error) {
	set, errs := d.sockets.Bind(d.conf.Servers)
	if errs != nil {
		return nil, errs[0]
	}
	server, err := d.open(supervisor, log, set)
	if err != nil {
		set.Close()
		return nil, err
	}
	if d.bound != nil {
		d.bound.Close()
	}
	d.bound = set
	return server, nil
}

// detach is the rest of daemonizing (options.py, _daemonize): the session and the
// standard streams were seen to by the command that started us.
func (d *daemon) detach(log *activity) {
	set := d.conf.Supervisord
	log.write(config.INFO, "daemonizing the supervisord process")
	if set.Directory != "" {
		if err := os.Chdir(set.Directory); err != nil {
			log.write(config.CRIT, fmt.Sprintf("can't chdir into '%s': %v", set.Directory, err))
		} else {
			log.write(config.INFO, fmt.Sprintf("set current directory: '%s'", set.Directory))
		}
	}
	syscall.Umask(set.Umask)
}

// writePidfile writes the pid and gives what removes the file again.
func (d *daemon) writePidfile(log *activity) func() {
	path := d.conf.Supervisord.Pidfile
	pid := os.Getpid()
	// Its mode follows the umask, as a file that Python opens for writing.
	file, err := held.NewDraft(path, []byte(strconv.Itoa(pid)+"\n"), 0o666)
	if err == nil {
		if err = file.Publish(); err != nil {
			file.Discard()
		}
	}
	if err != nil {
		log.write(config.CRIT, pidfileLine(path, err))
		return func() {}
	}
	log.write(config.INFO, fmt.Sprintf("supervisord started with pid %d", pid))
	return file.Remove
}

// pidfileLine is Supervisor's (options.py, write_pidfile), with the reason.
func pidfileLine(path string, err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Sprintf("could not write pidfile %s: %v", path, err)
}
