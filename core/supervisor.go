package core

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/losses"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/prepared"
	"github.com/hark-supervisor/hark/core/programs"
	"github.com/hark-supervisor/hark/core/syslog"
	"github.com/hark-supervisor/hark/core/tally"
	"github.com/hark-supervisor/hark/core/turns"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Options is what a Supervisor needs from outside.
type Options struct {
	Config *config.Config
	// Prepared is what was made for Config; it belongs to the Supervisor from then on. nil: New makes it.
	Prepared *prepared.Life
	// System does the forking, reaping and reading. It outlives the Supervisor.
	System *child.System
	// Bus carries the events. It outlives the Supervisor, so that serials go on
	// over a restart, as Supervisor's do.
	Bus *eventlistener.Bus
	// Log writes one line of the activity log; it must not block.
	Log func(config.Level, string)
	// ReopenLog reopens the activity log (SIGUSR2); it must not block.
	ReopenLog func()
	// ClearLog removes the activity log's file and begins a new one. It is called
	// off the loop and may block.
	ClearLog func() error
	// Reread reads the configuration again, as it was read at the start. It is
	// called off the loop.
	Reread func() (*config.Config, error)
	// PrepareRestart reads the configuration again and makes everything that the next life needs, before anything is stopped for it. It is called off
	// the loop. nil: Reread is all there is to do.
	PrepareRestart func() error
	// Restarting is told, on the loop, that a restart begins, before who asked for it is answered; it must not block. nil: nobody is.
	Restarting func()
	// Program reads the settings of a program that is in no file, for a group; with warnings. The error is a config.Errors. It is called off the
	// loop; nil: there is none to add.
	Program func(name, group string, settings map[string]string) ([]*config.Process, []string, error)
	// Further reports how what else a configuration just read has, beside groups, differs from what is active: names that look
	// like those of groups to clients, and are none. why lists what is different about one that has changed. take makes that configuration the one that is to become active; it is called on the loop, where the
	// groups are too, unless the call is refused, and must not block. Further is called off the loop; nil: there is nothing else.
	Further func(*config.Config) (diff GroupDiff, why func(name string) []config.Change, take func())
	// Environ is what children inherit.
	Environ []string
	// Syslog takes what processes say on channels with *_syslog=true; nil: nothing does.
	Syslog *syslog.Writer
	// Stdout is where result_handler=supervisor_stdout:event_handler prints; nil: the
	// process's standard output. It may block.
	Stdout io.Writer
	// FastCGI has the sockets of [fcgi-program:x] sections. It outlives the Supervisor; nil: new ones of its own.
	FastCGI *fastcgi.Sockets
	// DeadLetter takes, on the loop, an event that a pool gave up; it must not block. nil: nobody does.
	DeadLetter func(o eventlistener.Outcome, now time.Time)
	// Lanes knows the file systems of programs' logs that do not answer. It outlives the Supervisor; nil: one of its own.
	Lanes *logs.Lanes
	Clock turns.Clock // nil: the machine's
}

// surroundings are what the loop and calls from outside share. All of it may be used from any goroutine.
type surroundings struct {
	opts       Options
	log        func(config.Level, string)
	clock      turns.Clock
	sys        *child.System
	env        []string
	lanes      *logs.Lanes
	guard      *guard.Guard
	turns      *turns.Loop[*loop]
	mood       atomic.Int64 // Mood; written by the loop
	exitStatus atomic.Int64
	away       losses.Elsewhere
	output     output.Around // of the programs' channels
}

// Supervisor owns all process, group and pool state of one life of the daemon:
// from Run to the shutdown or restart that ends it. Its other methods may be
// called from any goroutine: what concerns the state they leave to the loop.
type Supervisor struct {
	*surroundings
	reloading chan struct{} // held by the one Reload under way
}

// New makes a Supervisor with every group of the configuration added, in
// priority order, and nothing started yet. It creates AUTO log files.
func New(o Options) (*Supervisor, error) {
	if o.Clock == nil {
		o.Clock = turns.System{}
	}
	if o.Lanes == nil {
		o.Lanes = &logs.Lanes{}
	}
	if o.FastCGI == nil {
		o.FastCGI = fastcgi.New(o.Log)
	}
	life := o.Prepared
	if life == nil {
		var problems []prepared.Problem
		if life, problems = prepared.For(o.Config, nil); problems != nil {
			return nil, problems[0].Err
		}
	}
	around := &surroundings{opts: o, log: o.Log, clock: o.Clock, sys: o.System, env: programs.BaseEnvironment(o.Environ), lanes: o.Lanes}
	around.guard = guard.New(func(text string) { o.Log(config.CRIT, text) }, around.broken)
	around.mood.Store(int64(MoodRunning))
	around.output = output.Around{
		Loop: outputs{around}, System: o.System, Guard: around.guard, Lanes: o.Lanes, Syslog: o.Syslog,
		Sinks: &output.Sinks{}, Written: &tally.Logs{}, Log: o.Log, Settings: &o.Config.Supervisord,
	}
	l := newLoop(around, &o)
	around.opts.Bus = nil // it is the loop's
	around.turns = turns.New(l, o.Clock, around.guard)
	spools := l.openSpools(o.Config.Groups)
	o.FastCGI.Begin()
	for _, g := range o.Config.Groups {
		if paths, first := life.Logs[g]; first {
			l.addGroup(g, paths, spools[g.Name])
			if listening := life.Sockets[g]; listening != nil && o.FastCGI.Complete(listening, g.Socket) == nil {
				l.groups[g.Name].socket.Take(listening)
			}
		}
	}
	return &Supervisor{surroundings: around, reloading: make(chan struct{}, 1)}, nil
}

// broken ends the daemon in order: there were too many internal errors.
func (s *surroundings) broken() {
	s.exitStatus.Store(guard.Status)
	s.turns.Put(func(l *loop) { l.setMood(MoodShutdown) })
}

// Discard removes the AUTO logs that New made, for a Supervisor that will not run.
func (s *Supervisor) Discard() {
	s.turns.Alone(func(l *loop) {
		l.closeSpools()
		for _, g := range l.order {
			g.unused()
			for _, m := range g.members {
				output.DiscardLogs([]*config.Process{m.conf}, []output.Paths{m.output.Logs})
			}
		}
	})
}

// Run is the loop. It returns when a shutdown or restart has stopped every
// process, with the mood that says which. signals carries TERM, INT, QUIT, HUP
// and USR2; Run owns nothing of it.
func (s *Supervisor) Run(signals <-chan os.Signal) (mood Mood) {
	s.turns.Run(signals, turns.Handlers[*loop]{
		First:  func(l *loop) { l.begin(signals) },
		Signal: (*loop).handleSignal,
		Last: func(l *loop) {
			if mood = MoodShutdown; l.stopped() {
				mood = s.Mood()
			}
			l.end()
		},
	})
	return mood
}

// Mood is the daemon's state (getState). It does not block.
func (s *surroundings) Mood() Mood { return Mood(s.mood.Load()) }

// Identifier is the daemon's identifier= value. It does not block.
func (s *surroundings) Identifier() string { return s.opts.Config.Supervisord.Identifier }

// Logfile is the activity log's path, "" when there is none. It does not block.
func (s *surroundings) Logfile() string {
	if s.opts.Config.Supervisord.LogfileSyslog {
		return ""
	}
	return s.opts.Config.Supervisord.Logfile
}
