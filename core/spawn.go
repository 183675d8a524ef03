package core

import (
	"syscall"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/programs"
)

// launch hands a spawn to the spawner. Its result returns to the loop as a message, so that a slow disk or a hung file system
// does not delay the loop.
func (l *loop) launch(m *member) {
	if m.child != nil {
		m.child.Abandon() // descendants of the last one lose the log to the new one
		m.child = nil
	}
	if msg := programs.CheckArguments(m.conf); msg != "" {
		m.group.unused()
		l.step(m, process.SpawnFailed{Msg: msg})
		return
	}
	r := programs.Request(m.conf, l.env, l.opts.Config.ServerURL, m.group.conf.Name, m.group.protocol())
	s := l.surroundings // for other threads
	channels := output.NewPair(&s.output, &m.output)
	r.Stdout, r.Eager = channels.Stdout, channels.Eager()
	if channels.Stderr != nil {
		r.Stderr = channels.Stderr
	}
	prepared := false
	r.Prepare = func() (stdin int, err error) {
		stdin, err = -1, guard.ErrInternal
		s.guard.Safely("preparing a spawn", func() { stdin, err = prepareSpawn(m.group, channels) })
		prepared = err == nil
		return stdin, err
	}
	r.Late = channels.Late
	r.Unprepare = func() {
		if prepared {
			m.group.releaseSocket()
		}
		channels.Unprepared()
	}
	r.Started = func(c *child.Child) {
		channels.Started(c)
		// From here on the files belong to the poller, so the channels may be passed to the loop.
		told := func(l *loop) { l.spawned(m, c, channels) }
		if s.sys.Waiting() > 0 {
			s.turns.PutLazy(told)
		} else {
			s.turns.Deliver(told)
		}
	}
	r.Failed = func(e *child.SpawnError) {
		failed := func(l *loop) { l.spawnFailed(m, e) }
		if e.Preparing() { // Unprepare sees to the rest
			s.turns.Put(failed)
			return
		}
		s.guard.Safely("a failed spawn", func() {
			if prepared {
				m.group.releaseSocket()
			}
		})
		channels.Failed(e.Lines, func() { s.turns.Deliver(failed) })
	}
	r.Exited = func(_ *child.Child, ws syscall.WaitStatus) {
		s.turns.Deliver(func(l *loop) { l.exited(m, ws) })
	}
	r.Slow = func() {
		s.turns.Put(func(l *loop) { l.spawnSlow(m) })
	}
	l.spawning++
	m.spawn = l.sys.Spawn(r)
}

// prepareSpawn opens what a spawn needs from the disk: its log files and, for FastCGI, its standard input. It runs on a
// goroutine of the spawner.
func prepareSpawn(g *group, channels *output.Pair) (stdin int, err error) {
	if err := channels.Open(); err != nil || g.socket == nil {
		return -1, err
	}
	return g.socket.Get()
}

// spawned, spawnFailed, spawnSlow and exited handle the answers of the spawner and the reaper, on the loop.

func (l *loop) spawned(m *member, c *child.Child, channels *output.Pair) {
	l.spawning--
	m.spawn = nil
	m.child = c
	l.tally.Started(m.group.conf.Name)
	m.channels = channels
	if m.group.pool != nil {
		m.listens.Started()
	}
	l.step(m, process.Spawned{Pid: c.Pid()})
}

func (l *loop) spawnFailed(m *member, e *child.SpawnError) {
	l.spawning--
	m.spawn = nil
	m.group.unused()
	if e.Stage == child.StageCancelled {
		l.step(m, process.SpawnCancelled{})
		return
	}
	l.step(m, process.SpawnFailed{Msg: e.Msg, Shortage: e.Shortage()})
}

func (l *loop) spawnSlow(m *member) {
	if m.spawn == nil {
		return
	}
	l.log(config.WARN, activity.SlowSpawn(m.conf.Name))
	l.answerSlow(m)
}

func (l *loop) exited(m *member, ws syscall.WaitStatus) {
	m.group.releaseSocket()
	in := process.Reaped{Code: -1}
	switch {
	case ws.Exited():
		in.Code = ws.ExitStatus()
	case ws.Signaled():
		in.Signal = ws.Signal()
		in.CoreDump = ws.CoreDump()
	}
	l.tally.Ended(exitOf(in))
	l.step(m, in)
	if m.group.pool != nil {
		m.listens.Exited()
	}
}

// releaseSocket releases the FastCGI socket that prepare took.
func (g *group) releaseSocket() {
	if g.socket != nil {
		g.socket.Put()
	}
}
