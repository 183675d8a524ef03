package core

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// step passes one input to a process's machine and carries out its effects. A process changes in no other way. It returns
// why a signal that the input asked for could not be sent, "" if it could.
func (l *loop) step(m *member, in process.Input) (unsent string) {
	effects := m.machine.Step(l.clock.Now(), in)
	var failed error
	launch := false
	for _, effect := range effects {
		switch e := effect.(type) {
		case process.Changed:
			m.expected = e.Expected
			l.publishState(m, e, exitOf(in))
			if m.listens != nil {
				m.listenerMoved(e.From, e.To)
			}
		case process.Spawn:
			launch = true
			if !asked(in) {
				m.restarts++
			}
		case process.CancelSpawn:
			if m.spawn != nil {
				m.spawn.Cancel()
			}
		case process.Kill:
			if err := l.kill(m, e); err != nil {
				failed = err
			}
		case process.Log:
			l.log(activity.Of(m.conf.Name, m.conf.StartWait, e))
		}
	}
	due, wanted := m.machine.Deadline()
	l.deadlines.Set(&m.deadline, due, wanted)
	// The machine may use its effects again from here on.
	if failed != nil {
		unsent = activity.KillProblem(m.conf.Name, m.machine.Pid(), failed.Error())
		l.step(m, process.KillFailed{Msg: failed.Error()})
	}
	if launch {
		l.dispatch() // now, so that a listener is notified of the exit before the next start needs the processors
		l.launch(m)
	}
	l.answer(m)
	return unsent
}

// exitOf returns how a process ended, if the input reports that.
func exitOf(in process.Input) eventlistener.Exit {
	r, ended := in.(process.Reaped)
	if !ended {
		return eventlistener.Exit{}
	}
	return eventlistener.Exit{Ended: true, Status: max(r.Code, 0), Signal: int(r.Signal), CoreDumped: r.CoreDump}
}

// asked reports whether an input asks for a start, so that the start does not count as an automatic one.
func asked(in process.Input) bool {
	switch in.(type) {
	case process.Boot, process.Start:
		return true
	}
	return false
}

// kill sends the signal a machine asks for. A process that is gone already is not a failure: its exit will be reported.
func (l *loop) kill(m *member, e process.Kill) error {
	err := m.child.Signal(e.Signal, e.Group)
	if errors.Is(err, syscall.ESRCH) {
		l.log(config.DEBG, activity.Gone(m.conf.Name, e.Pid, err))
		return nil
	}
	return err
}

// waiter is a call that waits for a process.
type waiter struct {
	decided func(m *member) (done bool, e *Error)
	slow    bool       // answered when a spawn turns out to be slow
	states  *stateWait // of WaitFor: the call it belongs to
	stop    *gathering // of RestartSelected: the call that waits for a stop that is not its own
	answer  func(*Error)
}

// answer replies to the calls that waited for the state in which the process now is.
func (l *loop) answer(m *member) {
	if len(m.waiters) == 0 {
		return
	}
	left := m.waiters[:0]
	for _, w := range m.waiters {
		if done, e := w.decided(m); done {
			w.answer(e)
		} else {
			left = append(left, w)
		}
	}
	m.waiters = left
}

// answerSlow replies to the calls that wait only for a spawn, when the spawn takes long.
func (l *loop) answerSlow(m *member) {
	left := m.waiters[:0]
	for _, w := range m.waiters {
		if w.slow {
			w.answer(nil)
		} else {
			left = append(left, w)
		}
	}
	m.waiters = left
}

// start does what startProcess does after the command was found (rpcinterface.py).
func (l *loop) start(m *member, wait bool, answer func(*Error)) {
	name := m.namespec()
	switch st := m.machine.State(); {
	case st.IsRunning():
		answer(refuse(AlreadyStarted, name))
		return
	case st == process.Unknown:
		answer(refuse(Failed, fmt.Sprintf("%s is in an unknown process state", name)))
		return
	case l.Mood() < MoodRunning:
		answer(refuse(ShutdownState, ""))
		return
	case st == process.Stopping:
		// Supervisor's spawn() only warns here, and the call then finds STOPPING.
		l.step(m, process.Start{})
		if wait {
			answer(refuse(AbnormalTermination, name))
		} else {
			answer(nil)
		}
		return
	}
	m.waiters = append(m.waiters, waiter{
		slow:   !wait,
		answer: answer,
		decided: func(m *member) (bool, *Error) {
			st := m.machine.State()
			switch {
			case m.machine.SpawnErr() != "":
				return true, refuse(SpawnFailed, name)
			case st == process.Running:
				return true, nil
			case st != process.Starting:
				return true, refuse(AbnormalTermination, name)
			}
			return !wait && m.machine.Pid() != 0, nil
		},
	})
	l.step(m, process.Start{})
}

// stoppable reports whether a stop has something to stop. Between an exit and the
// next automatic start, which lasts longer here than in Supervisor, it has.
func (m *member) stoppable() bool {
	return m.machine.State().IsRunning() || m.machine.Respawning()
}

// stop does what stopProcess does (rpcinterface.py).
func (l *loop) stop(m *member, wait bool, answer func(*Error)) {
	if l.restarts.Forget(m) && !m.stoppable() {
		l.whenStopped(m, wait, answer) // it was about to be started again, and is not
		return
	}
	if !m.stoppable() {
		answer(refuse(NotRunning, m.namespec()))
		return
	}
	if unsent := l.step(m, process.Stop{Wait: wait}); unsent != "" {
		answer(refuse(Failed, unsent))
		return
	}
	l.whenStopped(m, wait, answer)
}

// whenStopped calls answer when a process has stopped; without wait it does so at once.
func (l *loop) whenStopped(m *member, wait bool, answer func(*Error)) {
	if !wait || m.machine.State().IsStopped() {
		answer(nil)
		return
	}
	m.waiters = append(m.waiters, waiter{answer: answer, decided: stopped})
}

func stopped(m *member) (bool, *Error) { return m.machine.State().IsStopped(), nil }

// signal does what signalProcess does after the signal's name was parsed (rpcinterface.py).
func (l *loop) signal(m *member, sig syscall.Signal) *Error {
	pid := m.machine.Pid()
	if !m.machine.State().IsSignallable() || pid == 0 {
		return refuse(NotRunning, m.namespec())
	}
	l.log(config.DEBG, activity.Sending(m.conf.Name, pid, sig))
	err := m.child.Signal(sig, false)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ESRCH):
		l.log(config.DEBG, activity.Gone(m.conf.Name, pid, err))
		return nil
	}
	l.step(m, process.SignalFailed{Signal: sig, Msg: err.Error()})
	return refuse(Failed, activity.SignalProblem(m.conf.Name, pid, err.Error()))
}

// publishState announces a change of state.
func (l *loop) publishState(m *member, e process.Changed, exit eventlistener.Exit) {
	exit.Uptime = e.Uptime
	l.bus.Publish(eventlistener.NewProcessState(stateEvent(e.To), m.ref(e.Pid), e.From.String(), e.Tries, e.Expected, exit))
}

// stateEvent returns the event type of a state (process.py, event_map).
func stateEvent(st process.State) eventlistener.Type {
	switch st {
	case process.Stopped:
		return eventlistener.ProcessStateStopped
	case process.Starting:
		return eventlistener.ProcessStateStarting
	case process.Running:
		return eventlistener.ProcessStateRunning
	case process.Backoff:
		return eventlistener.ProcessStateBackoff
	case process.Stopping:
		return eventlistener.ProcessStateStopping
	case process.Exited:
		return eventlistener.ProcessStateExited
	case process.Fatal:
		return eventlistener.ProcessStateFatal
	}
	return eventlistener.ProcessStateUnknown
}

// info returns the ProcessInfo of a process at now.
func (l *loop) info(m *member, now time.Time) ProcessInfo {
	x := m.machine
	code, has := x.ExitStatus()
	end, ended := x.End()
	return ProcessInfo{
		Name:       m.conf.Name,
		Group:      m.group.conf.Name,
		State:      x.State(),
		Start:      x.StartTime(),
		Stop:       x.StopTime(),
		Now:        now,
		SpawnErr:   x.SpawnErr(),
		ExitStatus: code,
		HasExit:    has,
		End:        end,
		HasEnd:     ended,
		Pid:        x.Pid(),
		StdoutLog:  m.output.Logs.Stdout,
		StderrLog:  m.output.Logs.Stderr,
		Restarts:   m.restarts,
	}
}
