package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec" //nolint:depguard // the type in which go-plugin tells the environment; nothing is executed by it
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
)

// start starts a process and makes sure that it answers. On an error nothing is left of it.
func (p *plugin) start(s Settings) (_ *live, err error) {
	if err := p.host.directories(); err != nil {
		return nil, err
	}
	exe, err := p.host.o.Resolve(s)
	if err != nil {
		return nil, err
	}
	if exe.Close != nil {
		defer exe.Close()
	}
	p.locked(func() { p.sha256 = exe.SHA256 })
	dir := filepath.Join(p.host.dir(pluginSockets), p.name)
	if err := ownDirectory(dir); err != nil {
		return nil, fmt.Errorf("cannot make the directory of its socket: %w", err)
	}
	stderr := newStderrLog(p.log, p.redactText, p.part)
	r := newProcess(p.host.o.Launcher, &Program{
		Plugin: p.name, Argv: exe.Argv, File: exe.File, Path: exe.Path, User: s.User, MaxProcesses: s.MaxProcesses,
	}, stderr)
	l := &live{plugin: p, process: r, stderr: stderr, meter: pluginrpc.NewFrameMeter(r.killFor)}
	var cancel context.CancelFunc
	l.ctx, cancel = context.WithCancel(p.host.ctx)
	p.part.Start(nil, "the watch of its process", func() {
		defer cancel()
		<-r.ended
	})
	started := false
	l.release = stderr.end
	defer func() {
		if !started { // whatever it was that went wrong, a panic too
			l.giveUp()
		}
	}()
	p.locked(func() {
		p.starting = r
		if p.changed || p.finished {
			p.giveUpStart()
		}
	})
	defer p.locked(func() { p.starting = nil })
	client := goplugin.NewClient(p.clientConfig(l, dir, s))
	closeSocket := func() {}
	l.release = func() {
		// It waits for its goroutines, which end because the process has.
		client.Kill()
		closeSocket()
		l.calls.Wait()
		stderr.end()
		if !p.wasLeft() {
			_ = os.RemoveAll(dir)
		}
	}
	if err := p.connect(l, client); err != nil {
		if cause := p.failure(l, err); cause != nil {
			err = cause
		}
		return nil, err
	}
	if closeSocket, err = p.listen(l, s, p.grant(s, exe.Bundled, &l.description)); err != nil {
		return nil, err
	}
	started = true
	return l, nil
}

// grant is what a plugin may call back, which its status shows from then on.
func (p *plugin) grant(s Settings, bundled bool, d *pluginrpc.Description) (may Permissions) {
	p.locked(func() {
		p.asked = NoCalls
		if bundled {
			p.asked = d.Permission
		}
		p.granted = p.permitted(&s)
		may = p.granted
	})
	return may
}

// giveUp is close for a process that may not have been started.
func (l *live) giveUp() {
	if l.process.pid() == 0 {
		l.process.exited("it was not started")
	}
	l.close()
}

func (p *plugin) clientConfig(l *live, dir string, s Settings) *goplugin.ClientConfig {
	r := l.process
	return &goplugin.ClientConfig{
		HandshakeConfig: wire.Handshake(), VersionedPlugins: pluginrpc.Plugins(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, GRPCDialOptions: l.meter.DialOptions(wire.IsPID(r.pid)),
		// Time is kept by connect's watchdog. Were this as long, either could be the first, and only the watchdog reports why it killed.
		StartTimeout: 2 * p.host.o.Timing.Start, SkipHostEnv: true, Logger: hclog.NewNullLogger(),
		SyncStdout: printed{r.stderr}, SyncStderr: printed{r.stderr},
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: dir},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, sockets string) (runner.Runner, error) {
			r.program.Env = cmd.Env
			if s.User != nil && os.Geteuid() == 0 {
				if err := os.Chown(sockets, int(s.User.UID), int(s.User.GID)); err != nil {
					return nil, fmt.Errorf("cannot give the directory of its socket to user %s: %w", s.User.Name, err)
				}
			}
			return r, nil
		},
	}
}

// connect starts the process and has it answer, within the time of a start: go-plugin's own calls may take longer, or
// forever, and end when the process is killed.
func (p *plugin) connect(l *live, client *goplugin.Client) error {
	t := &p.host.o.Timing
	watchdog := time.AfterFunc(t.Start, p.part.Guarded("the end of a start", l.process.tooLate))
	defer watchdog.Stop()
	stop := context.AfterFunc(p.host.ctx, p.part.Guarded("the end of a start", l.process.kill))
	defer stop()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	made, err := protocol.Dispense(wire.PluginName)
	if err != nil {
		return err
	}
	rpc, ok := made.(*pluginrpc.Client)
	if !ok {
		return errors.New("internal error: go-plugin dispenses something else")
	}
	l.rpc = rpc
	p.locked(func() { p.pid = l.process.pid() })
	ctx, cancel := context.WithTimeout(l.ctx, t.Ready)
	defer cancel()
	if _, err = rpc.Health(ctx); err == nil {
		l.description, err = rpc.Describe(ctx)
	}
	if err != nil {
		return fmt.Errorf("it does not answer: %w", err)
	}
	if l.description.Name != p.name {
		p.log.Warn("it calls itself otherwise", "name", l.description.Name)
	}
	return nil
}

// failure reports why a start failed, better than go-plugin's error does, which is the same for most causes.
func (p *plugin) failure(l *live, err error) error {
	if p.host.ctx.Err() != nil {
		err = errClosed
	}
	if l.process.pid() == 0 {
		l.process.exited("it could not be started")
		return err
	}
	line := l.process.out.said()
	late := l.process.wasLate()
	l.process.kill()
	<-l.process.ended
	l.stderr.end()
	last := l.stderr.last()
	if last != "" {
		last = ": " + last
	}
	within := p.host.o.Timing.Start
	switch {
	case errors.Is(err, errClosed):
		return err
	case l.process.condemned():
		return errors.New(l.process.end() + last)
	case line == "" && late:
		return fmt.Errorf("it did not say within %v where it listens and was killed%s", within, last)
	case late:
		return fmt.Errorf("it did not accept a connection within %v and was killed%s", within, last)
	case l.rpc != nil: // it was connected
		return fmt.Errorf("%w%s", err, last)
	case line == "":
		return fmt.Errorf("before it said where it listens, %s%s", l.process.end(), last)
	}
	if strings.Count(line, "|") < 4 { // it printed something else first
		return errors.New(pluginrpc.NotHandshake(line) + last)
	}
	return fmt.Errorf("cannot connect (its first line is %.200q): %s%s", line, clean(firstOf(err.Error())), last)
}

// firstOf is the first line of a text.
func firstOf(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
