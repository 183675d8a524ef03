package core

import (
	"context"
	"errors"
	"syscall"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/environment"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// ErrEnded is returned by calls made after the loop has ended.
var ErrEnded = errors.New("cannot call the supervisor: it has ended")

func refuse(kind ErrorKind, detail string) *Error { return &Error{Kind: kind, Detail: detail} }

// ask runs f on the loop and waits for it. A ctx that is over already is an error and f is not run. One that ends later is not looked at:
// the loop waits for nothing and so f is done soon, and a caller who went away before would share with it what f writes. Errors: ErrEnded,
// ErrInternal where f panicked, ctx's.
func (s *Supervisor) ask(ctx context.Context, f func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan struct{})
	whole := false
	if !s.inbox.put(func() {
		defer close(done) // nobody waits for what panicked
		f()
		whole = true
	}) {
		return ErrEnded
	}
	select {
	case <-done:
	case <-s.ended:
		// The last batch may have run it all the same.
		select {
		case <-done:
		default:
			return ErrEnded
		}
	}
	if !whole {
		return ErrInternal
	}
	return nil
}

// askRunning is ask for what adds or starts something: once a shutdown or a restart has begun it is refused, ShutdownState. It is to be asked
// again after everything that a call waits for. Other refusals are f's.
func (s *Supervisor) askRunning(ctx context.Context, f func() *Error) error {
	var refused *Error
	if err := s.ask(ctx, func() {
		if s.Mood() < MoodRunning {
			refused = refuse(ShutdownState, "")
			return
		}
		refused = f()
	}); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

// reply is the one-slot answer to a call that ends later than it began.
type reply[T any] chan T

func await[T any](ctx context.Context, s *Supervisor, r reply[T]) (T, error) {
	var zero T
	select {
	case v := <-r:
		return v, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-s.ended:
		select {
		case v := <-r:
			return v, nil
		default:
			return zero, ErrEnded
		}
	}
}

// find gives an active process. Loop only.
func (s *Supervisor) find(group, name string) (*member, *Error) {
	if g := s.groups[group]; g != nil {
		if m := g.byName[name]; m != nil {
			return m, nil
		}
	}
	return nil, refuse(BadName, pytext.Namespec(group, name))
}

// asked is the process a call names, found on the loop.
func (s *Supervisor) asked(ctx context.Context, group, name string) (m *member, err error) {
	var refused *Error
	if err := s.ask(ctx, func() { m, refused = s.find(group, name) }); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	return m, nil
}

// checkCommand is what Supervisor looks at before it tries a spawn that would
// fail anyway (rpcinterface.py, startProcess). It touches the disk: never on the loop.
func (s *Supervisor) checkCommand(p *config.Process) *Error {
	if p.Command.Err != nil {
		return refuse(NotExecutable, activity.BadCommand(p.Command))
	}
	if len(p.Command.Argv) == 0 {
		return refuse(NotExecutable, activity.EmptyCommand)
	}
	if _, serr := child.Resolve(p.Command.Argv, environment.SearchPath(s.env, p)); serr != nil {
		if serr.Errno == syscall.ENOENT {
			return refuse(NoFile, serr.Msg)
		}
		return refuse(NotExecutable, serr.Msg)
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
	if err := s.askRunning(ctx, func() *Error {
		m, refused := s.find(group, name)
		if refused == nil {
			s.start(m, wait, func(e *Error) { answer <- e })
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
	if err := s.ask(ctx, func() {
		m, refused := s.find(group, name)
		if refused != nil {
			answer <- refused
			return
		}
		s.stop(m, wait, func(e *Error) { answer <- e })
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

// SignalProcess sends a signal to a process without meaning to stop it. Errors:
// BadName, NotRunning, Failed.
func (s *Supervisor) SignalProcess(ctx context.Context, group, name string, sig syscall.Signal) error {
	var refused *Error
	err := s.ask(ctx, func() {
		m, e := s.find(group, name)
		if e == nil {
			e = s.signal(m, sig)
		}
		refused = e
	})
	if err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

// SendStdin writes to a process's standard input. What the pipe does not take
// at once is kept and follows. Errors: BadName, NotRunning, NoFile when its end is closed,
// Failed for a listener without stdin=true.
func (s *Supervisor) SendStdin(ctx context.Context, group, name string, chars []byte) error {
	var refused *Error
	err := s.ask(ctx, func() {
		m, e := s.find(group, name)
		if e == nil {
			e = s.writeStdin(m, chars)
		}
		refused = e
	})
	if err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

func (s *Supervisor) writeStdin(m *member, chars []byte) *Error {
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
	return s.ask(ctx, func() { s.bus.Publish(eventlistener.NewRemoteCommunication(kind, data)) })
}
