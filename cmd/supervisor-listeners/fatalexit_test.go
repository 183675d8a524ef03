package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/listener"

	"github.com/hark-supervisor/hark/eventlistener"
)

func killPid(t *testing.T, pid string) {
	n, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(n, syscall.SIGKILL)
	}
	if err != nil {
		t.Error(err)
	}
}

// fakeDaemon is a fakeSupervisord that can be ended.
type fakeDaemon struct {
	fakeSupervisord
	pid int
}

func (f *fakeDaemon) Call(_ context.Context, method string, _ any, args ...any) error {
	return f.do(fmt.Sprint(method, args))
}
func (f *fakeDaemon) PID(context.Context) (int, error) { return f.pid, f.faults["pid"] }
func (f *fakeDaemon) Shutdown(context.Context) error   { return f.do("shutdown") }

func TestFatalExit(t *testing.T) {
	unknown := map[string]error{"hark.shutdown[3]": &client.Fault{Code: client.UnknownMethod, String: "UNKNOWN_METHOD"}}
	with := func(what string, err error) map[string]error {
		return map[string]error{"hark.shutdown[3]": unknown["hark.shutdown[3]"], what: err}
	}
	dog := recorded{"PROCESS_STATE_FATAL", fatal}
	for name, c := range map[string]struct {
		event    recorded
		programs []string
		faults   map[string]error
		pid      int
		unkilled bool
		did      []string
		rejected bool
	}{
		"any":                          {event: dog, did: []string{"hark.shutdown[3]"}},
		"its name":                     {event: dog, programs: []string{"dog"}, did: []string{"hark.shutdown[3]"}},
		"its namespec":                 {event: dog, programs: []string{"dogs:dog"}, did: []string{"hark.shutdown[3]"}},
		"another":                      {event: dog, programs: []string{"cat"}},
		"another event":                {event: recorded{"PROCESS_STATE_EXITED", crash}},
		"one that is going down":       {event: dog, faults: map[string]error{"hark.shutdown[3]": &client.Fault{Code: client.ShutdownState}}, did: []string{"hark.shutdown[3]"}},
		"one that fails":               {event: dog, faults: map[string]error{"hark.shutdown[3]": errors.New("gone")}, did: []string{"hark.shutdown[3]"}, rejected: true},
		"one that knows no status":     {event: dog, faults: unknown, pid: 77, did: []string{"hark.shutdown[3]", "stop a:a", "stop b:b", "kill 77 killed"}},
		"a stop that fails":            {event: dog, faults: with("stop a:a", errors.New("no")), pid: 77, did: []string{"hark.shutdown[3]", "stop a:a", "stop b:b", "kill 77 killed"}},
		"one that is not our parent":   {event: dog, faults: unknown, pid: 78, did: []string{"hark.shutdown[3]", "stop a:a", "stop b:b", "shutdown"}},
		"one that cannot be killed":    {event: dog, faults: unknown, pid: 77, unkilled: true, did: []string{"hark.shutdown[3]", "stop a:a", "stop b:b", "kill 77 killed", "shutdown"}},
		"the first of a container":     {event: dog, faults: unknown, pid: 1, did: []string{"hark.shutdown[3]", "stop a:a", "stop b:b", "kill 1 aborted", "shutdown"}},
		"one that does not tell a pid": {event: dog, faults: with("pid", errors.New("no")), did: []string{"hark.shutdown[3]"}, rejected: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.env = map[string]string{"SUPERVISOR_PROCESS_NAME": "me", "SUPERVISOR_GROUP_NAME": "me"}
			rpc := &fakeDaemon{pid: c.pid}
			rpc.faults = c.faults
			rpc.processes = []client.ProcessInfo{process("a", "a", 1), process("b", "b", 2), process("me", "me", 3), process("c", "c", 0)}
			f := fatalExit{s: b.surroundings, rpc: rpc, programs: c.programs, status: 3, parent: 77, kill: func(pid int, sig syscall.Signal) error {
				_ = rpc.do(fmt.Sprintf("kill %d %v", pid, sig))
				if c.unkilled {
					return syscall.EPERM
				}
				return nil
			}}
			if c.pid == 1 {
				f.parent = 1
			}
			e := listener.Event{Header: eventlistener.Header{EventName: c.event.name}, Payload: []byte(c.event.payload)}
			err := f.handle(context.Background(), e)
			if len(rpc.did) > 2 {
				slices.Sort(rpc.did[1:3]) // they are stopped at the same time
			}
			if (err != nil) != c.rejected || !slices.Equal(rpc.did, c.did) {
				t.Errorf("did %q, want %q; %v", rpc.did, c.did, err)
			}
		})
	}
	for _, args := range []string{"-s 0", "-s 256", "-s x", "dog"} {
		if b := newBench().run(append([]string{"fatal-exit"}, strings.Fields(args)...)...); b.status != exitUnknown {
			t.Errorf("%q: %d", args, b.status)
		}
	}
}
