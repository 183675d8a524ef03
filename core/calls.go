package core

import (
	"context"
	"errors"
	"syscall"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/programs"
	"github.com/hark-supervisor/hark/core/turns"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// ErrEnded is returned by calls made after the loop has ended.
var ErrEnded = turns.ErrEnded

func refuse(kind ErrorKind, detail string) *Error { return &Error{Kind: kind, Detail: detail} }

// asking runs f on the loop and waits for it, as turns.Loop's Ask does; f may refuse the call.
func (s *Supervisor) asking(ctx context.Context, f func(*loop) *Error) error {
	refused, err := turns.Call(ctx, s.turns, f)
	if err == nil && refused != nil {
		return refused
	}
	return err
}

// askRunning is asking for a call that adds or starts something: after a shutdown or a restart has begun the call is refused
// with ShutdownState. A call must use it again after each step that it waits for.
func (s *Supervisor) askRunning(ctx context.Context, f func(*loop) *Error) error {
	return s.asking(ctx, func(l *loop) *Error {
		if l.Mood() < MoodRunning {
			return refuse(ShutdownState, "")
		}
		return f(l)
	})
}

// reply is a channel with one slot, for the answer to a call that does not end in the turn in which it began.
type reply[T any] chan T

func await[T any](ctx context.Context, s *Supervisor, r reply[T]) (T, error) {
	var zero T
	select {
	case v := <-r:
		return v, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-s.turns.Ended():
		select {
		case v := <-r:
			return v, nil
		default:
			return zero, ErrEnded
		}
	}
}

// find returns an active process, or an error of the kind BadName.
func (l *loop) find(group, name string) (*member, *Error) {
	if g := l.groups[group]; g != nil {
		if m := g.member(name); m != nil {
			return m, nil
		}
	}
	return nil, refuse(BadName, pytext.Namespec(group, name))
}

// asked returns the process that a call names; it is looked up on the loop.
func (s *Supervisor) asked(ctx context.Context, group, name string) (m *member, err error) {
	err = s.asking(ctx, func(l *loop) (refused *Error) {
		m, refused = l.find(group, name)
		return refused
	})
	return m, err
}

// checkCommand makes the checks of a program's file that Supervisor makes before a spawn (rpcinterface.py, startProcess).
// It reads the disk and must not be called on the loop.
func (s *surroundings) checkCommand(p *config.Process) *Error {
	switch missing, why := programs.Check(s.env, p); {
	case missing:
		return refuse(NoFile, why)
	case why != "":
		return refuse(NotExecutable, why)
	}
	return nil
}

// StartProcess starts a process. With wait it returns when the process is
// RUNNING or has failed to get there, else when it is spawned. Errors: BadName,
// NoFile, NotExecutable, AlreadyStarted, Failed, SpawnFailed, AbnormalTermination, ShutdownState.
func (s *Supervisor) StartProcess(ctx context.Context, group, name string, wait bool) error {
	m, err := s.asked(ctx, group, name)
	if err != nil {
		return err
	}
	if refused := s.checkCommand(m.conf); refused != nil {
		return refused
	}
	answer := make(reply[*Error], 1)
	if err := s.askRunning(ctx, func(l *loop) *Error {
		m, refused := l.find(group, name)
		if refused == nil {
			l.start(m, wait, func(e *Error) { answer <- e })
		}
		return refused
	}); err != nil {
		return err
	}
	return s.outcome(ctx, answer)
}

// StopProcess stops a process. With wait it returns when the process has
// stopped. Errors: BadName, NotRunning, Failed.
func (s *Supervisor) StopProcess(ctx context.Context, group, name string, wait bool) error {
	answer := make(reply[*Error], 1)
	if err := s.asking(ctx, func(l *loop) *Error {
		m, refused := l.find(group, name)
		if refused == nil {
			l.stop(m, wait, func(e *Error) { answer <- e })
		}
		return refused
	}); err != nil {
		return err
	}
	return s.outcome(ctx, answer)
}

func (s *Supervisor) outcome(ctx context.Context, answer reply[*Error]) error {
	e, err := await(ctx, s, answer)
	if err != nil {
		return err
	}
	if e != nil {
		return e
	}
	return nil
}

// SignalProcess sends a signal to a process; its state does not become STOPPING. Errors: BadName, NotRunning, Failed.
func (s *Supervisor) SignalProcess(ctx context.Context, group, name string, sig syscall.Signal) error {
	return s.asking(ctx, func(l *loop) *Error {
		m, refused := l.find(group, name)
		if refused == nil {
			refused = l.signal(m, sig)
		}
		return refused
	})
}

// SendStdin writes to a process's standard input. Bytes that the pipe does not take at once are kept and written later.
// Errors: BadName, NotRunning, NoFile if the process has closed its end, Failed for a listener without stdin=true.
func (s *Supervisor) SendStdin(ctx context.Context, group, name string, chars []byte) error {
	return s.asking(ctx, func(l *loop) *Error {
		m, refused := l.find(group, name)
		if refused == nil {
			refused = l.writeStdin(m, chars)
		}
		return refused
	})
}

func (l *loop) writeStdin(m *member, chars []byte) *Error {
	if m.machine.Pid() == 0 || m.machine.State() == process.Stopping {
		return refuse(NotRunning, m.namespec())
	}
	if l := m.group.conf.Listener; l != nil && !l.Stdin {
		// The listener takes what it reads for a header: it would wait for a payload that never comes.
		return refuse(Failed, "the stdin of "+m.namespec()+" carries the event listener protocol; stdin=true in [eventlistener:"+m.group.conf.Name+"] lets calls write to it")
	}
	if m.child == nil || m.group.socket != nil {
		return refuse(NoFile, m.namespec())
	}
	if err := m.child.Write(chars); err != nil {
		if errors.Is(err, syscall.EPIPE) {
			return refuse(NoFile, m.namespec())
		}
		return refuse(Failed, err.Error())
	}
	return nil
}

// SendRemoteComm publishes a REMOTE_COMMUNICATION event.
func (s *Supervisor) SendRemoteComm(ctx context.Context, kind, data string) error {
	return s.turns.Ask(ctx, func(l *loop) { l.bus.Publish(eventlistener.NewRemoteCommunication(kind, data)) })
}
