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
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// reportEvery is how often a shutdown logs the processes that it waits for (supervisord.py,
// shutdown_report).
const reportEvery = 3 * time.Second

// Shutdown begins to stop every process and returns; Run returns when all have stopped. Errors: those of InTurn.
func (s *Supervisor) Shutdown(ctx context.Context) error {
	return s.turns.Ask(ctx, func(l *loop) { l.setMood(MoodShutdown) })
}

// ShutdownWith is Shutdown with an exit status for the daemon, from 0 to 255. Error:
// BadArguments.
func (s *Supervisor) ShutdownWith(ctx context.Context, status int) error {
	if status < 0 || status > 255 {
		return refuse(BadArguments, fmt.Sprintf("cannot exit with status %d; accepted: 0 to 255", status))
	}
	return s.turns.Ask(ctx, func(l *loop) {
		s.exitStatus.Store(int64(status))
		l.setMood(MoodShutdown)
	})
}

// ExitStatus returns the exit status for the daemon after a shutdown, from 0 to 255: that given to ShutdownWith, otherwise 0.
// It does not block.
func (s *Supervisor) ExitStatus() int { return int(s.exitStatus.Load()) }

// Restart begins to stop every process so that the daemon can start again. Before that, the configuration is read again and
// everything that it needs is prepared: one that is broken or cannot be used is refused, and nothing is stopped (Supervisor
// stops everything, then exits). Errors: CantReread, ShutdownState, ErrEnded.
func (s *Supervisor) Restart(ctx context.Context) error {
	if err := s.prepareRestart(); err != nil {
		select {
		case <-s.turns.Ended(): // meanwhile
			return ErrEnded
		default:
		}
		s.log(config.ERRO, activity.BrokenRestart(err))
		return refuse(CantReread, config.FirstError(err))
	}
	return s.askRunning(ctx, func(l *loop) *Error { // reading took its time
		l.setMood(MoodRestarting)
		return nil
	})
}

func (s *surroundings) prepareRestart() error {
	if s.opts.PrepareRestart != nil {
		return s.opts.PrepareRestart()
	}
	_, err := s.opts.Reread()
	return err
}

// drainTime is how long a shutdown waits for listeners to answer the events they
// have: a turn of Supervisor's loop.
const drainTime = time.Second

func (l *loop) setMood(m Mood) {
	l.mood.Store(int64(m))
	if m == MoodRestarting && l.opts.Restarting != nil {
		l.opts.Restarting()
	}
	for _, g := range l.order {
		for _, member := range g.members {
			l.step(member, process.Hold{})
		}
	}
}

// handleSignal is supervisord.py's handle_signal.
func (l *loop) handleSignal(sig os.Signal) {
	number, _ := sig.(syscall.Signal)
	switch number {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		l.log(config.WARN, activity.ExitRequest(number))
		l.setMood(MoodShutdown)
	case syscall.SIGHUP:
		if l.Mood() == MoodShutdown {
			l.log(config.WARN, activity.RestartIgnored(number))
			return
		}
		l.log(config.WARN, activity.RestartRequest(number))
		// Off the loop, which never waits for a disk.
		go func(s *surroundings) {
			err := guard.ErrInternal
			s.guard.Safely("reading the configuration", func() { err = s.prepareRestart() })
			s.turns.Put(func(l *loop) {
				switch {
				case err != nil:
					l.log(config.ERRO, activity.BrokenRestart(err))
				case l.Mood() == MoodRunning:
					l.setMood(MoodRestarting)
				}
			})
		}(l.surroundings)
	case syscall.SIGUSR2:
		l.log(config.INFO, activity.ReopenRequest(number))
		l.log(config.INFO, "supervisord logreopen")
		l.opts.ReopenLog()
		l.reopenLogs()
	}
}

// shutdownTurn stops groups one after another, the last in priority first, and
// logs the processes that it waits for.
func (l *loop) shutdownTurn(now time.Time) {
	if l.Mood() >= MoodRunning {
		return
	}
	if !l.stopping {
		l.stopping = true
		l.stopGroups = l.byPriority()
		l.bus.Publish(eventlistener.NewSupervisorState(eventlistener.SupervisorStateChangeStopping))
		l.dispatch() // listeners are notified of it before they are stopped
	}
	for {
		if len(l.stopGroups) == 0 {
			// Nothing can have been started since, but if it was, it is stopped.
			if l.stopGroups = l.unstoppedGroups(); len(l.stopGroups) == 0 {
				return
			}
		}
		last := l.stopGroups[len(l.stopGroups)-1]
		if l.draining(last, now) {
			return
		}
		l.stopGroup(last)
		l.forsake(last, now)
		l.report(now)
		if !last.stopped() {
			return
		}
		l.stopGroups = l.stopGroups[:len(l.stopGroups)-1]
	}
}

// draining reports whether the listeners of a group still have events to answer before they are stopped. Supervisor's loop
// gives them about a second for each group, in which they are notified of the shutdown and of the processes stopped.
func (l *loop) draining(g *group, now time.Time) bool {
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
	if l.drainFor != g {
		l.drainFor, l.drainUntil = g, now.Add(drainTime)
	}
	return now.Before(l.drainUntil)
}

// stopGroup stops the processes of a group as ProcessGroupBase.stop_all does: the highest priority number first.
func (l *loop) stopGroup(g *group) {
	for i := len(g.members) - 1; i >= 0; i-- {
		m := g.ranked[i]
		switch m.machine.State() {
		case process.Running, process.Starting:
			l.step(m, process.Stop{})
		case process.Backoff:
			l.step(m, process.GiveUp{})
		}
	}
}

func (l *loop) unstoppedGroups() []*group {
	return slices.DeleteFunc(l.byPriority(), (*group).stopped)
}

func (l *loop) unstopped() []*member {
	var left []*member
	for _, g := range l.order {
		left = append(left, g.unstopped()...)
	}
	return left
}

// stopped reports whether a shutdown or restart has stopped every process.
func (l *loop) stopped() bool { return l.stopping && len(l.stopGroups) == 0 }

// report logs the processes that the shutdown waits for, at once and every three seconds.
func (l *loop) report(now time.Time) {
	if now.Sub(l.reported) < reportEvery {
		return
	}
	left := l.unstopped()
	if len(left) == 0 {
		return
	}
	l.reported = now
	names := make([]string, len(left))
	for i, m := range left {
		names[i] = m.conf.Name
	}
	l.log(config.INFO, activity.WaitingDie(names))
}

// nextOfShutdown returns when shutdownTurn must run again: to log again the processes it waits for, when the time of the
// listeners that are stopped next is over, or that of processes that cannot be stopped.
func (l *loop) nextOfShutdown(now time.Time) (next time.Time, wanted bool) {
	if !l.stopping {
		return time.Time{}, false
	}
	next = l.reported.Add(reportEvery)
	if l.drainFor != nil && now.Before(l.drainUntil) && l.drainUntil.Before(next) {
		next = l.drainUntil
	}
	if at, due := l.nextForsake(); due && at.Before(next) {
		next = at
	}
	return next, true
}
