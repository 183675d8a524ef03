package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/trust"
)

const (
	// describeTime is how long a plugin may take to describe itself.
	describeTime = 20 * time.Second
	// maxDescription bounds what it says, in bytes.
	maxDescription = 1 << 20
	// describePath is the environment in which it does so.
	describePath = "PATH=/usr/local/bin:/usr/bin:/bin"
)

// Describe runs a plugin once to have it say what it is: without an environment, as its user.
func Describe(x *trust.Executable, user *host.Account) (trust.Described, error) {
	said, err := runOnce(x, user, "--describe")
	if err != nil {
		return trust.Described{}, err
	}
	d, err := pluginrpc.ParseDescription(said)
	if err != nil {
		return trust.Described{}, err
	}
	out := trust.Described{Name: d.Name, Version: d.Version, Doc: d.Doc, Raw: json.RawMessage(said)}
	for _, k := range d.Kinds {
		out.Kinds = append(out.Kinds, string(k.Name))
	}
	return out, nil
}

// ErrNoAnswer is the error of Ask when ctx was done first.
var ErrNoAnswer = errors.New("it did not answer in time")

// Ask runs a plugin once, by the daemon's launcher, to have it say what it is: as its user and without an environment, as at
// its installation. name is that of its cgroup, which no plugin's may be. When ctx is done it is killed.
func Ask(ctx context.Context, l host.Launcher, name string, settings host.Settings, exe *host.Executable) (pluginrpc.Description, error) {
	out := &captured{limit: maxDescription}
	ended := make(chan string, 1)
	process, err := l.Launch(ctx, &host.Program{
		Plugin: name, Argv: append(slices.Clone(exe.Argv), "--describe"), File: exe.File, Path: exe.Path,
		Env: []string{describePath}, User: settings.User, MaxProcesses: settings.MaxProcesses,
		Stdout: func(b []byte) time.Duration { out.Output(b); return 0 },
		Stderr: func([]byte) time.Duration { return 0 },
		Exited: func(how string) { ended <- how },
	})
	if err != nil {
		return pluginrpc.Description{}, err
	}
	select {
	case how := <-ended: // nothing writes to out any more
		d, err := pluginrpc.ParseDescription(out.bytes)
		switch {
		case err != nil && ctx.Err() != nil: // it was killed as it started
			return d, ErrNoAnswer
		case err != nil:
			return d, fmt.Errorf("with --describe %s: %w", how, err)
		}
		return d, nil
	case <-ctx.Done():
		process.Kill()
		<-ended
		return pluginrpc.Description{}, ErrNoAnswer
	}
}

// captured keeps the beginning of what a program writes.
type captured struct {
	bytes []byte
	limit int
}

func (c *captured) Output(b []byte) child.Work {
	c.bytes = append(c.bytes, b[:min(len(b), c.limit-len(c.bytes))]...)
	return nil
}

func (c *captured) Closed(int) child.Work { return nil }

// runOnce runs a checked program to its end and returns its output.
func runOnce(x *trust.Executable, user *host.Account, args ...string) ([]byte, error) {
	system, err := child.New(child.Options{})
	if err != nil {
		return nil, err
	}
	defer system.Close()
	out, errs := &captured{limit: maxDescription}, &captured{limit: 4096}
	type end struct {
		ws  syscall.WaitStatus
		err error
	}
	ended := make(chan end, 1)
	started := make(chan *child.Child, 1)
	r := &child.Request{
		Name: "plugin", Argv: append(append([]string{}, x.Argv...), args...), Env: []string{describePath}, Dir: "/", Umask: 0o77, Stdin: -1,
		Stdout: out, Stderr: errs, Eager: true, DiesWithUs: true, Credential: credential(user),
		Started: func(c *child.Child) { c.CloseStdin(); started <- c },
		Failed:  func(err *child.SpawnError) { ended <- end{err: err} },
		Exited:  func(_ *child.Child, ws syscall.WaitStatus) { ended <- end{ws: ws} },
	}
	if x.File != nil {
		r.Program = int(x.File.Fd())
	} else {
		r.Argv[0] = x.Path
	}
	if r.Program != 0 && !system.UmaskByThread() {
		r.Umask = -1
	}
	system.Spawn(r)
	limit := time.NewTimer(describeTime)
	defer limit.Stop()
	var e end
	select {
	case e = <-ended:
	case <-limit.C:
		select {
		case c := <-started:
			_ = c.Signal(syscall.SIGKILL, true)
		default:
		}
		return nil, fmt.Errorf("it took more than %v", describeTime)
	}
	switch {
	case e.err != nil:
		return nil, e.err
	case !e.ws.Exited() || e.ws.ExitStatus() != 0:
		last := strings.TrimSpace(string(errs.bytes))
		if last != "" {
			last = ": " + lastLine(last)
		}
		if e.ws.Signaled() {
			return nil, fmt.Errorf("signal %d ended it%s", e.ws.Signal(), last)
		}
		return nil, fmt.Errorf("it ended with status %d%s", e.ws.ExitStatus(), last)
	}
	return out.bytes, nil
}

func lastLine(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }

// credential is the account that a plugin runs as, nil for our own.
func credential(u *host.Account) *child.Credential {
	if u == nil {
		return nil
	}
	return &child.Credential{UID: u.UID, GID: u.GID, Groups: u.Groups, Name: u.Name}
}
