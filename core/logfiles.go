package core

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/output"
)

// reopenLogs opens every log file again (SIGUSR2).
func (l *loop) reopenLogs() {
	for _, g := range l.order {
		for _, m := range g.members {
			m.channels.Reopen()
		}
	}
}

// ClearProcessLogs removes a process's log files and begins new ones
// (rpcinterface.py, clearProcessLogs). Supervisor leaves the logs of a process
// that isn't running as they are; here they are emptied too. Errors: BadName, Failed.
func (s *Supervisor) ClearProcessLogs(ctx context.Context, group, name string) error {
	m, err := s.asked(ctx, group, name)
	if err != nil {
		return err
	}
	var channels *output.Pair
	if err := s.turns.Ask(ctx, func(*loop) { channels = m.channels }); err != nil {
		return err
	}
	err = output.Clear(ctx, &s.output, m.output.Logs, channels, s.turns.Ended(), ErrEnded)
	if errors.Is(err, output.ErrNotCleared) {
		return refuse(Failed, m.namespec())
	}
	return err
}

// ClearMainLog removes the activity log and begins a new one. Errors: NoFile, Failed.
func (s *Supervisor) ClearMainLog(ctx context.Context) error {
	path := s.Logfile()
	if path == "" {
		return refuse(NoFile, "")
	}
	if _, err := os.Stat(path); err != nil {
		return refuse(NoFile, "")
	}
	done := make(reply[error], 1)
	go func() {
		err := error(guard.ErrInternal)
		s.guard.Safely("clearing the activity log", func() { err = s.opts.ClearLog() })
		done <- err
	}()
	err, waiting := await(ctx, s, done)
	if waiting != nil {
		return waiting
	}
	if err != nil {
		return refuse(Failed, "")
	}
	return nil
}

// SetSinks sets the sinks that get copies of the output of processes from now on. Sinks that are no longer among them may
// still get output for a short time, and never block a process. A listener's answers are not output. SetSinks may be called
// from any goroutine and does not block.
func (s *Supervisor) SetSinks(sinks []logs.Sink) {
	s.output.Sinks.Set(sinks)
	s.turns.Put(func(l *loop) {
		l.output.Sinks.Keep(l.has)
		for _, g := range l.order {
			for _, m := range g.members {
				m.channels.Retap()
			}
		}
	})
}

// has reports whether the process exists.
func (l *loop) has(group, process string) bool {
	g := l.groups[group]
	return g != nil && g.member(process) != nil
}

// outputs is output.Loop.
type outputs struct{ s *surroundings }

// Take implements output.Loop.
func (o outputs) Take(n int, messages []output.Message) (done bool) {
	all := func(l *loop) {
		for _, m := range messages {
			m(l.bus)
		}
	}
	if o.s.turns.AtOnce(all) {
		return true
	}
	if !o.s.turns.PutOutput(n, all) {
		for _, m := range messages {
			m(nil)
		}
	}
	return false
}

// Put implements output.Loop.
func (o outputs) Put(m output.Message) { o.s.turns.Put(func(l *loop) { m(l.bus) }) }

// Faulty implements output.Loop.
func (o outputs) Faulty(c *output.Channel, every time.Duration) {
	o.s.turns.Put(func(l *loop) { l.retries.Set(l.clock.Now(), c, every) })
}
