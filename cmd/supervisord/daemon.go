package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/background"
	"github.com/hark-supervisor/hark/core/build"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/cmdline"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/daemonlog"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/disk"
	"github.com/hark-supervisor/hark/core/economy"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/held"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/privileges"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/termination"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/settle"
	"github.com/hark-supervisor/hark/plugins/extensions"
	"github.com/hark-supervisor/hark/plugins/notify"
)

// drainTime is how long the HTTP servers may take to finish their answers when
// the daemon ends.
const drainTime = 2 * time.Second

// endTime is how long all that comes after the last program may take beyond plugin_stopwaitsecs: spools, logs, clients.
const endTime = 8 * time.Second

// callersWait is how long new clients wait while a restart stops the programs: as long as a program may take by default. After that they are
// answered as in Supervisor, that there is a restart.
const callersWait = 10 * time.Second

// settleAfter is how long after its start the daemon releases the memory that only the start needed: by then most programs are RUNNING.
const settleAfter = 5 * time.Second

// daemon is supervisord from the first configuration to the last shutdown.
type daemon struct {
	given   *cmdline.Given
	program string
	report  *background.Reporter
	notify  notifier
	conf    *config.Config // of the first start, then of the present life; written under preparing
	path    string         // of the configuration
	dir     string         // where we were started: relative paths are relative to it
	environ []string       // ours, as Python would have it: what children inherit
	infos   []string       // for the log once it is open

	system  *child.System
	lookups atomic.Pointer[child.System] // system, for those off the main goroutine
	bus     *eventlistener.Bus
	log     atomic.Pointer[daemonlog.Log] // of the present life

	preparing sync.Mutex  // held while provisions of a next life are made or taken
	next      *provisions // nil: none were made
	lives     int         // that are over; under preparing
	pidfile   *held.Draft // nil: there is none
	pidpath   string

	ext      *extensions.Set
	term     *termination.Watch
	draining sync.WaitGroup // HTTP servers of lives before, which finish their answers
	fastcgi  *fastcgi.Sockets
	sockets  *rpc.Sockets // outlive a life: what stays the same stays bound
	bound    *rpc.Set     // those of the present life; nil before the first
	lanes    logs.Lanes   // of all lives: the file systems of programs' logs that do not answer
	silences *notify.Silences
	turns    *disk.Turns
	crowds   economy.Crowds
	logins   *rpc.Logins                // where right passwords came from, in all lives
	server   atomic.Pointer[rpc.Server] // of the present life
}

// run is everything after the configuration was read. An error, a config.Errors where it is about that, is a reason not
// to start; once the daemon serves there are none.
func (d *daemon) run() (int, error) {
	d.term = termination.New(d.write, d.killChildren, d.exitNow)
	defer d.term.Relay()()
	child.IgnoreSignals()
	defer settle.Start(settleAfter)()
	d.bus = eventlistener.NewBus()
	d.silences = &notify.Silences{}
	d.sockets = rpc.NewSockets(d.report)
	d.logins = rpc.NewLogins()
	d.fastcgi = fastcgi.New(d.write)
	defer d.letGo()
	next, err := d.prepareStart()
	if err != nil {
		return 0, err
	}
	for first := true; ; first = false {
		mood, status, err := d.life(next, first)
		switch {
		case err != nil && first:
			return 0, err
		case err == nil && mood < core.MoodRestarting:
			return status, nil
		case err == nil:
			if next, err = d.takeNext(); err == nil {
				continue
			}
		}
		if next = d.comeBack(d.term.Signals, err); next == nil {
			return 0, nil
		}
	}
}

// prepareStart comes before the first life. All errors are reported at once, in the order in which Supervisor would find them.
func (d *daemon) prepareStart() (*provisions, error) {
	var errs config.Errors
	refuse := func(key, text string, err error) {
		errs = append(errs, d.conf.Issue("supervisord", key, text, err.Error()))
	}
	set := &d.conf.Supervisord
	said, err := privileges.Drop(set.User)
	d.note(said)
	if err != nil {
		refuse("user", fmt.Sprintf("cannot use %q: %v", set.User.Name, err), err)
		if os.Getuid() == 0 {
			return nil, errs // what follows would be root's
		}
	}
	for _, limit := range privileges.Limits() {
		said, err := limit.Raise(set)
		d.note(said)
		var short *privileges.Shortage
		if errors.As(err, &short) {
			refuse(limit.Key, short.Own, err)
		} else if err != nil {
			refuse(limit.Key, err.Error(), err)
		}
	}
	p, more := d.provide(d.conf, true)
	if errs = append(errs, more...); len(errs) > 0 {
		p.discard()
		return nil, errs
	}
	return p, nil
}

// note keeps what is to be logged once the log is open.
func (d *daemon) note(said privileges.Said) {
	d.conf.Criticals = append(d.conf.Criticals, said.Criticals...)
	d.infos = append(d.infos, said.Infos...)
}

// letGo closes and removes what outlives a life, at the end.
func (d *daemon) letGo() {
	if d.ext != nil {
		d.ext.Close(context.Background(), 0) // nothing but what an error left
	}
	d.discardNext()
	if d.pidfile != nil {
		d.pidfile.Remove()
	}
	if d.bound != nil {
		d.bound.Close()
	}
	if d.system != nil {
		d.system.Close()
	}
	if log := d.log.Load(); log != nil {
		log.Close()
	}
}

// discardNext waits for a preparation that is still in progress.
func (d *daemon) discardNext() {
	d.preparing.Lock()
	defer d.preparing.Unlock()
	d.next.discard()
	d.next = nil
	d.lives++
}

// reread reads the configuration again, for a reload or to see before a restart
// whether it is in order; check looks at what only plugins know.
func (d *daemon) reread(check func(*config.Config) error) (*config.Config, error) {
	conf, err := d.read()
	if err == nil {
		err = check(conf)
	}
	if err != nil {
		return nil, err
	}
	return conf, nil
}

// read is load when it is its turn at the disk.
func (d *daemon) read() (*config.Config, error) {
	defer d.turns.Take()()
	return d.load(d.path)
}

// life is one turn from start to shutdown or restart (supervisord.py, main and run),
// with the status to exit with after a shutdown. p belongs to it. On an error it has not begun to serve, and everything is as it was.
func (d *daemon) life(p *provisions, first bool) (_ core.Mood, status int, err error) {
	conf, set := p.conf, &p.conf.Supervisord
	log := daemonlog.New(set, p.logFiles)
	p.logFiles = nil
	d.takeLog(log)
	who := fmt.Sprintf("hark %s (commit %s), compatible with supervisor %s", version, build.Of(version, commit, buildTime).Commit, supervisorVersion)
	log.Begin(who, conf.Criticals, conf.Warnings, slices.Concat(conf.Infos, d.infos))
	d.infos = nil
	if u := set.User; !first && u != nil && u.UID != os.Getuid() {
		log.Write(config.WARN, fmt.Sprintf("user=%s of [supervisord] does not take effect at a restart: stop supervisord and start it again", u.Name))
	}
	defer func() {
		if err != nil {
			p.discard()
		}
	}()
	if first {
		// Only now: the spawner's thread keeps the directory it is born with.
		d.system, err = child.New(child.Options{Subreaper: set.Subreaper, Unknown: d.reaped, Room: d.makeRoom})
		if err != nil {
			return 0, 0, err
		}
		d.lookups.Store(d.system)
		d.ext = extensions.New(extensions.Options{
			System: d.system, Log: d.write, Disk: d.turns.Take, Silences: d.silences, Version: version, Config: d.conf, Dir: d.dir,
		})
	}
	ext := d.ext // for calls, which may outlast it
	number := d.livesOver()
	var server *rpc.Server // before the supervisor runs
	letters := deadletters.NewLog(set.ChildLogDir, log.Write)
	supervisor, err := core.New(core.Options{
		DeadLetter:     letters.Put,
		Further:        ext.Further,
		Config:         conf,
		Prepared:       p.core,
		System:         d.system,
		Bus:            d.bus,
		Log:            log.Write,
		ReopenLog:      log.Reopen,
		ClearLog:       log.Clear,
		Reread:         func() (*config.Config, error) { return d.reread(ext.Check) },
		PrepareRestart: func() error { return d.prepareRestart(ext.Check, number) },
		Restarting:     func() { server.HoldCallers(callersWait) },
		Program: func(name, group string, settings map[string]string) ([]*config.Process, []string, error) {
			return d.readProgram(conf, name, group, settings)
		},
		Environ: d.environ,
		Syslog:  log.Syslog,
		FastCGI: d.fastcgi,
		Lanes:   &d.lanes,
	})
	if err != nil {
		return 0, 0, err
	}
	prepared := p.core
	p.core = nil // the supervisor's
	server, err = d.open(supervisor, letters, conf, log, p.sockets)
	if err != nil {
		supervisor.Discard()
		return 0, 0, err
	}
	d.take(conf)
	if d.bound != nil {
		d.bound.Close()
	}
	d.bound = p.sockets
	ext.Begin(conf, log.Level, supervisor, letters, server.Dispatcher())
	if !set.NoCleanup {
		for _, warning := range prepared.ClearAutoLogs() {
			log.Write(config.WARN, warning)
		}
	}
	if first {
		economy.KeepThreads()
	}
	d.server.Store(server)
	server.Serve()
	d.publishPidfile(p, log)
	if first {
		d.started()
	}
	d.notify.tell(fmt.Sprintf("READY=1\nMAINPID=%d", os.Getpid()))
	// What reading the configuration took is given back before anything is
	// started. Left to itself Go's runtime does it in small steps for a minute,
	// waking an otherwise idle daemon.
	debug.FreeOSMemory()
	d.term.Enter(func() bool { return supervisor.Mood() == core.MoodShutdown })
	mood := supervisor.Run(d.term.Signals)
	letters.Flush()
	if mood < core.MoodRestarting {
		d.term.End(d.conf.Supervisord.PluginStopWait+endTime, supervisor.ExitStatus())
	} else {
		d.term.Leave()
	}
	server.StopListening()
	if mood < core.MoodRestarting {
		d.bound.Close()
	}
	d.draining.Go(func() { d.drain(server) })
	if mood < core.MoodRestarting {
		d.end(letters)
	}
	return mood, supervisor.ExitStatus(), nil
}

// livesOver is how many lives are over.
func (d *daemon) livesOver() int {
	d.preparing.Lock()
	defer d.preparing.Unlock()
	return d.lives
}

// take makes a configuration that of the present life, the last good one.
func (d *daemon) take(conf *config.Config) {
	d.preparing.Lock()
	defer d.preparing.Unlock()
	d.conf = conf
}

// takeLog makes a log that of the present life. The one before is written to its end first.
func (d *daemon) takeLog(log *daemonlog.Log) {
	if before := d.log.Swap(log); before != nil {
		before.Close()
	}
}

// publishPidfile moves the pidfile to its name, and removes that of the life before if it had another.
func (d *daemon) publishPidfile(p *provisions, log *daemonlog.Log) {
	path := p.conf.Supervisord.Pidfile
	err := p.pidError
	if err == nil {
		if err = p.pidfile.Publish(); err != nil {
			p.pidfile.Discard()
		}
	}
	if err != nil {
		log.Write(config.CRIT, pidfileLine(path, err))
		return
	}
	log.Write(config.INFO, fmt.Sprintf("supervisord started with pid %d", os.Getpid()))
	switch before := d.pidfile; {
	case before == nil:
	case d.pidpath == path:
		before.Close()
	default:
		before.Remove()
	}
	d.pidfile, d.pidpath = p.pidfile, path
}

// started lets the command that started us return. It first says which sections have no effect because of their names and, where
// there are sections about plugins, which cannot be served, as far as that is known without running a plugin;
// programs start meanwhile.
func (d *daemon) started() {
	for _, issue := range d.conf.Misnamed {
		d.report.Say("supervisord: warning: " + issue.In(d.dir).String())
	}
	if len(d.conf.Instances) == 0 {
		d.report.Done(0)
		return
	}
	conf, ext := d.conf, d.ext
	d.draining.Go(func() {
		for _, issue := range ext.Unserved(conf) {
			text := "not served: " + issue.In(d.dir).String()
			d.write(config.ERRO, text)
			d.report.Say("supervisord: " + text)
		}
		d.report.Done(0)
	})
}

// drain ends HTTP servers that listen no more. The programs of the next life do not wait for their clients.
func (d *daemon) drain(server *rpc.Server) {
	ctx, cancel := context.WithTimeout(d.term.Hurry, drainTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		d.write(config.WARN, fmt.Sprintf("cut off clients that were still being answered: %v", err))
	}
}

// end is what there is to do when the last program has ended: each wait of it has a bound.
func (d *daemon) end(letters *deadletters.Log) {
	d.notify.tell("STOPPING=1")
	ext := d.ext
	d.ext = nil
	ext.Close(d.term.Hurry, d.conf.Supervisord.PluginStopWait)
	letters.Flush()
	d.draining.Wait()
}

// write is activity.write of the present life.
func (d *daemon) write(level config.Level, text string) {
	if log := d.log.Load(); log != nil {
		log.Write(level, text)
	}
}

// detach is the rest of daemonizing (options.py, _daemonize): the session and the
// standard streams were seen to by the command that started us.
func (d *daemon) detach() {
	set := d.conf.Supervisord
	d.infos = append(d.infos, "daemonizing the supervisord process")
	if set.Directory != "" {
		if err := os.Chdir(set.Directory); err != nil {
			d.conf.Criticals = append(d.conf.Criticals, fmt.Sprintf("can't chdir into '%s': %v", set.Directory, err))
		} else {
			d.infos = append(d.infos, fmt.Sprintf("set current directory: '%s'", set.Directory))
		}
	}
	syscall.Umask(set.Umask)
}

// makeRoom has clients leave descriptors to a program that is to be started.
func (d *daemon) makeRoom(n int) (release func()) {
	if server := d.server.Load(); server != nil {
		return server.MakeRoom(n)
	}
	return func() {}
}

// reaped logs the end of an unknown process (supervisord.py, reap).
func (d *daemon) reaped(pid int, ws syscall.WaitStatus) {
	by := process.ReapedBy(ws)
	d.write(config.INFO, fmt.Sprintf("reaped unknown pid %d (%s)", pid, process.WaitMessage(by.Code, by.Signal, by.CoreDump)))
}

// exitNow ends the process when it is too late for anything else. A moment is left for the log's last line.
func (d *daemon) exitNow(status int) {
	if log := d.log.Load(); log != nil {
		log.Flush(200 * time.Millisecond)
	}
	os.Exit(status)
}

// killChildren kills every process that the daemon has started, plugins too.
func (d *daemon) killChildren() {
	if system := d.lookups.Load(); system != nil {
		system.KillAll()
	}
}
