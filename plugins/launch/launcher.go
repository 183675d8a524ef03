// Package launch starts plugins: those of the daemon as children of its spawner, and for a moment one that is to describe
// itself.
package launch

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/plugins/host"
)

// Launcher is host.Launcher: plugins come from the spawner that makes the programs, and the one reaper reaps them.
type Launcher struct {
	system *child.System
	log    func(config.Level, string)
	tag    string // of this daemon, in names of cgroups
	ending sync.WaitGroup
}

// New makes the launcher of a daemon, which place distinguishes from others: the path of its pidfile.
func New(system *child.System, log func(config.Level, string), place string) *Launcher {
	h := fnv.New32a()
	_, _ = h.Write([]byte(place))
	return &Launcher{system: system, log: log, tag: fmt.Sprintf("hark-%08x-", h.Sum32())}
}

// launched is a process of a plugin.
type launched struct {
	child    *child.Child
	confined *child.Confinement
}

// PID implements host.Process.
func (l *launched) PID() int { return l.child.Pid() }

// Kill implements host.Process.
func (l *launched) Kill() {
	_ = l.child.Signal(syscall.SIGKILL, true)
	_ = l.confined.Kill()
}

// Launch implements host.Launcher.
func (l *Launcher) Launch(ctx context.Context, p *host.Program) (host.Process, error) {
	started, failed := make(chan *launched, 1), make(chan error, 1)
	stdout, stderr := &pipeReader{channel: child.Stdout, take: p.Stdout}, &pipeReader{channel: child.Stderr, take: p.Stderr}
	r := &child.Request{
		Name: "plugin " + p.Plugin, Argv: p.Argv, Env: p.Env, Dir: "/", Umask: 0o077, Stdin: -1, Stdout: stdout, Stderr: stderr, DiesWithUs: true,
		MaxProcesses: p.MaxProcesses,
	}
	switch {
	case p.File != nil:
		r.Program = int(p.File.Fd()) //nolint:gosec // a descriptor
		if !l.system.UmaskByThread() {
			r.Umask = -1 // its socket is in a directory that is closed to others
		}
	case p.Path != "":
		r.Argv = append([]string{p.Path}, p.Argv[1:]...)
	}
	if u := p.User; u != nil {
		r.Credential = &child.Credential{UID: u.UID, GID: u.GID, Groups: u.Groups, Name: u.Name}
	}
	var now *launched
	r.Started = func(c *child.Child) {
		confined := child.Confine(c, l.tag+p.Plugin, p.MaxProcesses)
		if p.MaxProcesses > 0 && p.User == nil && !confined.Counts() && syscall.Geteuid() == 0 {
			l.log(config.WARN, fmt.Sprintf("plugin %s: max_processes has no effect: the plugin runs as root, and no cgroup can be used; set user= in [plugin:%s]", p.Plugin, p.Plugin))
		}
		now = &launched{c, confined}
		stdout.child.Store(c)
		stderr.child.Store(c)
		started <- now
	}
	r.Failed = func(err *child.SpawnError) { failed <- fmt.Errorf("cannot start it: %w", err) }
	r.Exited = func(c *child.Child, ws syscall.WaitStatus) {
		c.Abandon()
		l.bury(now.confined)
		by := process.ReapedBy(ws)
		p.Exited("it ended: " + process.WaitMessage(by.Code, by.Signal, by.CoreDump))
	}
	spawn := l.system.Spawn(r)
	select {
	case got := <-started:
		return got, nil
	case err := <-failed:
		return nil, err
	case <-ctx.Done():
	}
	if spawn.Cancel() {
		<-failed //nolint:errcheck // it was cancelled
		return nil, fmt.Errorf("cannot start it: %w", ctx.Err())
	}
	// The fork has begun. It is waited for: the descriptor of the program must stay open for it.
	select {
	case got := <-started:
		got.Kill()
		return got, nil
	case err := <-failed:
		return nil, err
	}
}

// bury kills the processes that a plugin left behind and removes its cgroup.
func (l *Launcher) bury(c *child.Confinement) {
	_ = c.Kill()
	if c.Close() {
		return
	}
	l.ending.Go(func() {
		const tries, every = 100, 10 * time.Millisecond
		for range tries {
			time.Sleep(every)
			if c.Close() {
				return
			}
		}
	})
}

// pipeReader reads a pipe of a plugin, and pauses for as long as take asks for.
type pipeReader struct {
	channel int
	take    func([]byte) time.Duration
	child   atomic.Pointer[child.Child]
}

// Output implements child.Reader.
func (o *pipeReader) Output(b []byte) child.Work {
	hold := o.take(b)
	if hold <= 0 {
		return nil
	}
	c := o.child.Load()
	c.Pause(o.channel)
	time.AfterFunc(hold, func() { c.Resume(o.channel) })
	return nil
}

// Closed implements child.Reader.
func (o *pipeReader) Closed(int) child.Work { return nil }

// Wait waits until what ended plugins left behind is gone.
func (l *Launcher) Wait() { l.ending.Wait() }
