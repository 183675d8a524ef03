package core

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// reportEvery is how often a shutdown says whom it waits for (supervisord.py,
// shutdown_report).
const reportEvery = 3 * time.Second

// Shutdown begins to stop everything; Run returns when it is done.
func (s *Supervisor) Shutdown(ctx context.Context) error {
	return s.ask(ctx, func() { s.setMood(MoodShutdown) })
}

// ShutdownWith is Shutdown with an exit status for the daemon, from 0 to 255. Error:
// BadArguments.
func (s *Supervisor) ShutdownWith(ctx context.Context, status int) error {
	if status < 0 || status > 255 {
		return refuse(BadArguments, fmt.Sprintf("cannot exit with status %d; accepted: 0 to 255", status))
	}
	return s.ask(ctx, func() {
		s.exitStatus.Store(int64(status))
		s.setMood(MoodShutdown)
	})
}

// ExitStatus is what the daemon is to exit with after a shutdown: 0 unless
// ShutdownWith said otherwise. It does not block.
func (s *Supervisor) ExitStatus() int { return int(s.exitStatus.Load()) }

// Restart begins to stop everything so that the daemon may start again. The new
// configuration is read first, and what it needs prepared: a broken one, or one that cannot be used, is refused and changes nothing
// (Supervisor stops everything, then exits). Errors: CantReread, ShutdownState.
func (s *Supervisor) Restart(ctx context.Context) error {
	if err := s.prepareRestart(); err != nil {
		select {
		case <-s.ended: // meanwhile
			return ErrEnded
		default:
		}
		s.log(config.ERRO, activity.BrokenRestart(err))
		return refuse(CantReread, firstError(err))
	}
	return s.askRunning(ctx, func() *Error { // reading took its time
		s.setMood(MoodRestarting)
		return nil
	})
}

func (s *Supervisor) prepareRestart() error {
	if s.opts.PrepareRestart != nil {
		return s.opts.PrepareRestart()
	}
	_, err := s.opts.Reread()
	return err
}

// drainTime is how long a shutdown waits for listeners to answer the events they
// have: a turn of Supervisor's loop.
const drainTime = time.Second

func (s *Supervisor) setMood(m Mood) {
	s.mood.Store(int64(m))
	if m == MoodRestarting && s.opts.Restarting != nil {
		s.opts.Restarting()
	}
	for _, g := range s.order {
		for _, member := range g.members {
			s.step(member, process.Hold{})
		}
	}
}

// handleSignal is supervisord.py's handle_signal.
func (s *Supervisor) handleSignal(sig os.Signal) {
	number, _ := sig.(syscall.Signal)
	switch number {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		s.log(config.WARN, activity.ExitRequest(number))
		s.setMood(MoodShutdown)
	case syscall.SIGHUP:
		if s.Mood() == MoodShutdown {
			s.log(config.WARN, activity.RestartIgnored(number))
			return
		}
		s.log(config.WARN, activity.RestartRequest(number))
		// Off the loop, which never waits for a disk.
		go func() {
			err := ErrInternal
			s.safely("reading the configuration", func() { err = s.prepareRestart() })
			s.inbox.put(func() {
				switch {
				case err != nil:
					s.log(config.ERRO, activity.BrokenRestart(err))
				case s.Mood() == MoodRunning:
					s.setMood(MoodRestarting)
				}
			})
		}()
	case syscall.SIGUSR2:
		s.log(config.INFO, activity.ReopenRequest(number))
		s.log(config.INFO, "supervisord logreopen")
		s.opts.ReopenLog()
		s.reopenLogs()
	}
}

// shutdownTurn stops groups one after another, the last in priority first, and
// reports whom it waits for.
func (s *Supervisor) shutdownTurn(now time.Time) {
	if !s.stopping {
		s.stopping = true
		s.stopGroups = s.byPriority()
		s.bus.Publish(eventlistener.NewSupervisorState(eventlistener.SupervisorStateChangeStopping))
		s.dispatch() // listeners hear of it before they are stopped
	}
	for {
		if len(s.stopGroups) == 0 {
			// Nothing can have been started since, but if it was, it is stopped.
			if s.stopGroups = s.unstoppedGroups(); len(s.stopGroups) == 0 {
				return
			}
		}
		last := s.stopGroups[len(s.stopGroups)-1]
		if s.draining(last, now) {
			return
		}
		s.stopGroup(last)
		s.forsake(last, now)
		s.report(now)
		if !last.stopped() {
			return
		}
		s.stopGroups = s.stopGroups[:len(s.stopGroups)-1]
	}
}

// draining reports whether the listeners of a group still have events to take in
// before they are stopped. Supervisor's loop gives them a second a group in
// passing, so that they hear of the shutdown and of what it stopped.
func (s *Supervisor) draining(g *group, now time.Time) bool {
	if g.pool == nil || g.stopped() {
		return false
	}
	listening := g.pool.InFlight() > 0
	for _, m := range g.members {
		if m.machine.State() == process.Running && m.listens.State() != eventlistener.Unknown && g.pool.Queued() > 0 {
			listening = true
		}
	}
	if !listening {
		return false
	}
	if s.drainFor != g {
		s.drainFor, s.drainUntil = g, now.Add(drainTime)
	}
	return now.Before(s.drainUntil)
}

// nextDrain is when the listeners that are to be stopped next have had their time.
func (s *Supervisor) nextDrain() (time.Time, bool) {
	return s.drainUntil, s.drainFor != nil && s.clock.Now().Before(s.drainUntil)
}

// stopGroup is ProcessGroupBase.stop_all: highest priority number first.
func (s *Supervisor) stopGroup(g *group) {
	for i := len(g.members) - 1; i >= 0; i-- {
		m := g.ranked[i]
		switch m.machine.State() {
		case process.Running, process.Starting:
			s.step(m, process.Stop{})
		case process.Backoff:
			s.step(m, process.GiveUp{})
		}
	}
}

func (s *Supervisor) unstoppedGroups() []*group {
	return slices.DeleteFunc(s.byPriority(), (*group).stopped)
}

func (s *Supervisor) unstopped() []*member {
	var left []*member
	for _, g := range s.order {
		left = append(left, g.unstopped()...)
	}
	return left
}

// report says whom the shutdown waits for, at once and every three seconds.
func (s *Supervisor) report(now time.Time) {
	if now.Sub(s.reported) < reportEvery {
		return
	}
	left := s.unstopped()
	if len(left) == 0 {
		return
	}
	s.reported = now
	names := make([]string, len(left))
	for i, m := range left {
		names[i] = m.conf.Name
	}
	s.log(config.INFO, activity.WaitingDie(names))
}

// nextReport is when the shutdown must say again whom it waits for.
func (s *Supervisor) nextReport() (time.Time, bool) {
	return s.reported.Add(reportEvery), s.stopping
}
