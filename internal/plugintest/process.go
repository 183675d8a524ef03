// Package plugintest runs plugins, in whatever language, as the host does: as processes of their own.
package plugintest

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
)

// Process is a plugin that runs as a process of its own, as under the host.
type Process struct {
	*pluginrpc.Client
	log    *testkit.Buffer
	cmd    *exec.Cmd
	stdin  io.Closer
	exited chan error
	end    func()
	socket string
}

// Socket returns the path of the plugin's socket.
func (p *Process) Socket() string { return p.socket }

// Log returns what the process has written to standard error and standard output so far.
func (p *Process) Log() string { return p.log.String() }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill kills the process and waits until it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	p.exited <- <-p.exited
}

// Close closes the lifeline, as the end of the host does, and is then Wait.
func (p *Process) Close() error {
	_ = p.stdin.Close()
	return p.Wait()
}

// Wait waits until the process ends by itself, and returns how it ended. After testkit.Patience the process is killed.
func (p *Process) Wait() error {
	limit := time.AfterFunc(testkit.Patience, func() { _ = p.cmd.Process.Kill() })
	defer limit.Stop()
	err := <-p.exited
	p.exited <- err
	return err
}

// Start starts a plugin, in whatever language, by its command: with the environment of a plugin in addition to
// the command's, a lifeline on standard input, and a connection to the socket that its first line names. It is killed when the test
// ends.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{cmd: cmd, log: &testkit.Buffer{}, exited: make(chan error, 1)}
	cmd.Env = append(cmd.Environ(), wire.Cookie+"="+wire.CookieValue, "PLUGIN_UNIX_SOCKET_DIR="+testkit.Dir(t), "PLUGIN_PROTOCOL_VERSIONS=1")
	cmd.Stderr = p.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	handshake := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewReader(stdout)
		line, _ := lines.ReadString('\n')
		handshake <- line
		_, _ = io.Copy(p.log, lines)
	}()
	go func() {
		<-read
		p.exited <- cmd.Wait()
	}()
	t.Cleanup(func() {
		if p.end != nil {
			p.end()
		}
		p.Kill()
	})
	var line string
	select {
	case line = <-handshake:
		p.Client, p.end, err = pluginrpc.Dial(line, wire.IsPID(p.PID), p.log)
	case <-time.After(testkit.Patience):
		t.Fatalf("it says nothing; stderr: %s", p.log)
	}
	if err != nil {
		t.Fatalf("%v; stderr: %s", err, p.log)
	}
	p.socket = strings.Split(line, "|")[3]
	return p
}
