package sdktest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// serveVariable tells the test binary which test's plugin to be.
const serveVariable = "HARK_SDKTEST_SERVE"

// buffer is what a plugin has written to standard error, and printed.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serveHere serves the plugin in this process, over a real socket.
func serveHere(t *testing.T, p sdk.Plugin) *session {
	t.Helper()
	log := &buffer{}
	server, err := sdk.NewServer(p, log, sdk.IsPID(os.Getpid))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(socketDir(t), "plugin")
	lis, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(lis) }()
	c, end, err := sdk.Dial("1|1|unix|"+socket+"|grpc|", sdk.IsPID(os.Getpid), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &session{Client: c, log: log.String, pid: os.Getpid()}
}

// startProcess starts the test binary again, to serve the plugin of the test of that name.
func startProcess(t *testing.T, name string) *session {
	t.Helper()
	var pattern []string
	for _, part := range strings.Split(name, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.timeout=10m")
	cmd.Env = append(os.Environ(), serveVariable+"="+name, "GORACE=atexit_sleep_ms=0") // the race detector's second at the end
	return start(t, cmd)
}

// Process is a plugin that runs as a process of its own, as under the host.
type Process struct {
	*sdk.Client
	log    *buffer
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

// Wait waits until the process ends by itself, and returns how it ended. After Patience the process is killed.
func (p *Process) Wait() error {
	limit := time.AfterFunc(Patience, func() { _ = p.cmd.Process.Kill() })
	defer limit.Stop()
	err := <-p.exited
	p.exited <- err
	return err
}

// StartProcess starts a plugin, in whatever language, by its command: with the environment of a plugin in addition to
// the command's, a lifeline on standard input, and a connection to the socket that its first line names. It is killed when the test
// ends.
func StartProcess(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{cmd: cmd, log: &buffer{}, exited: make(chan error, 1)}
	cmd.Env = append(cmd.Environ(), sdk.Cookie+"="+sdk.CookieValue, "PLUGIN_UNIX_SOCKET_DIR="+socketDir(t), "PLUGIN_PROTOCOL_VERSIONS=1")
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
		p.Client, p.end, err = sdk.Dial(line, sdk.IsPID(p.PID), p.log)
	case <-time.After(Patience):
		t.Fatalf("it says nothing; stderr: %s", p.log)
	}
	if err != nil {
		t.Fatalf("%v; stderr: %s", err, p.log)
	}
	p.socket = strings.Split(line, "|")[3]
	return p
}

// start is StartProcess for the tests of this package.
func start(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	p := StartProcess(t, cmd)
	return &session{Client: p.Client, log: p.Log, pid: p.PID(), end: func(t *testing.T) {
		if err := p.Close(); err != nil {
			t.Errorf("it does not end well when its lifeline is closed: %v\n%s", err, p.Log())
		}
	}}
}

// socketDir is a directory with a short name: that of a socket has at most 107 bytes, and t.TempDir has the test's
// name in it.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hark-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
