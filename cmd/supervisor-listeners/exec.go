package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/sdk/listener"
)

const execHelp = `exec [-t TIME] [-r COUNT] [-w COUNT] [-p PROCESS]... COMMAND [ARGUMENT]...

Runs a command for each event, with the payload on its stdin. Subscribe it to any
events.

  -t, --timeout TIME            how long the command may run (60s)
  -r, --tries COUNT             most attempts until it exits with 0 (5); 0: no limit
  -w, --workers COUNT           how many to run at a time (1), with max_in_flight in the section
  -p, --program PROCESS         only for events about this process (name, or group:name),
                                and events that are not about a process; may be repeated

The environment of the command has EVENT_NAME, EVENT_SERIAL, EVENT_POOL,
EVENT_POOLSERIAL and EVENT_SERVER, and the payload's tokens, such as EVENT_PROCESSNAME
or EVENT_FROM_STATE. Its output goes to the listener's stderr log. After the timeout it
gets SIGTERM; two seconds later it and its descendants are killed.
`

const (
	defaultExecTime = 60 * time.Second
	// killAfter is between SIGTERM and SIGKILL.
	killAfter = 2 * time.Second
)

type execListener struct {
	s        surroundings
	timeout  time.Duration
	programs []string
	command  []string
}

func runExec(s surroundings, args []string) int {
	x := &execListener{s: s, timeout: defaultExecTime}
	tries, workers := maxTries, 1
	rest, err := parseOptions(args, false, []option{
		{short: 't', long: "timeout", takes: func(v string) (err error) { x.timeout, err = parseSeconds(v); return err }},
		numberOption('r', "tries", &tries),
		numberOption('w', "workers", &workers),
		listOption('p', "program", &x.programs),
	})
	if err == nil && (len(rest) == 0 || x.timeout <= 0 || tries < 0 || workers < 1) {
		err = errors.New("a command is wanted, a time above 0 and no negative number")
	}
	if err != nil {
		return s.usage(execHelp, err, exitUnknown)
	}
	x.command = rest
	again := newRetry(s, tries)
	return s.listen(context.Background(), func(ctx context.Context, e listener.Event) error {
		return again.judge(e, x.handle(ctx, e))
	}, listener.Workers(workers))
}

func (x *execListener) handle(ctx context.Context, e listener.Event) error {
	tokens, _, err := e.Tokens()
	if err != nil {
		tokens = nil // the command gets the payload, and may know better
	}
	if name := tokens["processname"]; name != "" && !names(x.programs, listener.Process{Name: name, Group: tokens["groupname"]}) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, x.command[0], x.command[1:]...)
	cmd.Stdin = bytes.NewReader(e.Payload)
	cmd.Stdout, cmd.Stderr = x.s.stderr, x.s.stderr
	cmd.Env = append(os.Environ(), environment(e, tokens)...)
	// A group of its own, so that what it starts can be ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	err = cmd.Run()
	if cmd.Process != nil && ctx.Err() != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group; mostly there is none left
	}
	switch {
	case errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil:
		return nil // it exited with 0 and left something running
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s took longer than %v", x.command[0], x.timeout)
	case err != nil:
		return fmt.Errorf("%s: %w", x.command[0], err)
	}
	return nil
}

// environment is what the command learns of the event. Values that no environment
// can hold are left out.
func environment(e listener.Event, tokens map[string]string) []string {
	env := []string{
		"EVENT_NAME=" + e.Name(),
		"EVENT_SERIAL=" + strconv.FormatInt(e.Header.Serial, 10),
		"EVENT_POOL=" + e.Header.Pool,
		"EVENT_POOLSERIAL=" + strconv.FormatInt(e.Header.PoolSerial, 10),
		"EVENT_SERVER=" + e.Header.Server,
	}
	for name, value := range tokens {
		if strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			continue
		}
		env = append(env, "EVENT_"+strings.ToUpper(name)+"="+value)
	}
	return env
}
