package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/listener"
)

const fatalExitHelp = `fatal-exit [-p PROCESS]... [-a] [-s STATUS]

Ends supervisord when a process is FATAL, so that the program that runs supervisord,
such as a container engine, notices the failure. Subscribe it to PROCESS_STATE_FATAL.
It calls supervisord, so a server must be configured.

  -p, --program PROCESS         this process (name, or group:name); may be repeated
  -a, --any                     any process, regardless of -p; the default without -p
  -s, --status STATUS           the exit status for supervisord, 1 to 255 (1)

Hark's supervisord has the method hark.shutdown: it stops all processes in order and
exits with the given status, also as the first process of a container. Python's always
exits with 0 after an orderly shutdown; so its processes are stopped one by one, and
then it is killed, which gives the status 137 (128 + SIGKILL). The first process of a
container cannot be killed from inside; it gets SIGABRT, and if it is still running,
the orderly shutdown, with status 0.
`

// daemonEnder is what fatal-exit asks of supervisord.
type daemonEnder interface {
	supervisord
	Call(ctx context.Context, method string, result any, args ...any) error
	PID(ctx context.Context) (int, error)
	Shutdown(ctx context.Context) error
}

type fatalExit struct {
	s        surroundings
	rpc      daemonEnder
	programs []string
	status   int
	parent   int // our parent's pid
	kill     func(pid int, sig syscall.Signal) error
}

func runFatalExit(s surroundings, args []string) int {
	f := &fatalExit{s: s, status: 1, parent: os.Getppid(), kill: syscall.Kill}
	var anyProcess bool
	rest, err := parseOptions(args, false, []option{
		listOption('p', "program", &f.programs),
		flagOption('a', "any", &anyProcess),
		numberOption('s', "status", &f.status),
	})
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%q is not an option", rest[0])
	}
	if err == nil && (f.status < 1 || f.status > 255) {
		err = errors.New("cannot use status " + strconv.Itoa(f.status) + ": not from 1 to 255")
	}
	if err != nil {
		return s.usage(fatalExitHelp, err, exitUnknown)
	}
	if anyProcess {
		f.programs = nil
	}
	rpc, err := s.daemon()
	if err != nil {
		s.logf("fatal-exit must be run as a supervisor event listener: %v", err)
		return exitFailed
	}
	defer rpc.Close()
	f.rpc = rpc
	again := newRetry(s, 0)
	return s.listen(context.Background(), func(ctx context.Context, e listener.Event) error {
		return again.judge(e, f.handle(ctx, e))
	})
}

func (f *fatalExit) handle(ctx context.Context, e listener.Event) error {
	if !e.Is(eventlistener.ProcessStateFatal) {
		return nil
	}
	p, err := e.ProcessState()
	if err != nil || !names(f.programs, p.Process) {
		return err
	}
	f.s.logf("%s is FATAL, ending supervisord with status %d", p.Namespec(), f.status)
	err = f.rpc.Call(ctx, "hark.shutdown", nil, f.status)
	switch {
	case err == nil, client.IsFault(err, client.ShutdownState):
		return nil
	case !client.IsFault(err, client.UnknownMethod):
		return err
	}
	return f.force(ctx)
}

// force ends a supervisord that cannot be given a status.
func (f *fatalExit) force(ctx context.Context) error {
	pid, err := f.rpc.PID(ctx)
	if err != nil {
		return err
	}
	if err := f.stopOthers(ctx); err != nil {
		f.s.logf("%v", err) // it ends all the same
	}
	switch {
	case pid != f.parent:
		f.s.logf("supervisord (pid %d) is not our parent, so it cannot be given a status", pid)
	case pid == 1:
		if err := f.kill(pid, syscall.SIGABRT); err != nil {
			f.s.logf("cannot end supervisord by SIGABRT: %v", err)
		}
	default:
		err := f.kill(pid, syscall.SIGKILL)
		if err == nil {
			return nil
		}
		f.s.logf("cannot kill supervisord: %v", err)
	}
	f.s.logf("shutting supervisord down, should it still be there: it then exits with 0, not %d", f.status)
	return f.rpc.Shutdown(ctx)
}

// stopOthers stops all processes but this one, all at the same time.
func (f *fatalExit) stopOthers(ctx context.Context) error {
	all, err := f.rpc.AllProcessInfo(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	failed := make([]error, len(all))
	for i := range all {
		p := &all[i]
		if p.Pid == 0 || f.s.isSelf(p) {
			continue
		}
		wg.Go(func() {
			if err := f.rpc.StopProcess(ctx, p.Group+":"+p.Name, true); !client.IsFault(err, client.NotRunning) {
				failed[i] = err
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}
