//go:build integration

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// placeVariable names the directory of what make integration has got: bin, with programs, and deb, with what was in packages.
const placeVariable = "HARK_INTEGRATION"

// find is the path of a program; without it the test is skipped.
func find(t *testing.T, name string, places ...string) string {
	t.Helper()
	root := os.Getenv(placeVariable)
	for _, place := range append([]string{filepath.Join(root, "bin"), "/usr/sbin", "/usr/bin"}, places...) {
		if !filepath.IsAbs(place) {
			place = filepath.Join(root, place)
		}
		path := filepath.Join(place, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skipf("there is no %s here: make integration gets it", name)
	return ""
}

// program is a receiver that runs.
type program struct {
	argv  []string
	env   []string
	dir   string
	ready func() bool

	cmd    *exec.Cmd
	exited chan struct{}
	out    *output
}

// output takes what a program says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts it and waits until it is ready. At the end of the test it is killed, with its children.
func (p *program) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.argv[0], p.argv[1:]...)
	p.cmd.Dir, p.cmd.Env = p.dir, append(os.Environ(), p.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.WaitDelay = time.Second
	if p.out == nil {
		p.out = &output{}
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited, cmd := make(chan struct{}), p.cmd
	p.exited = exited
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
		if t.Failed() {
			said := p.out.String()
			t.Logf("%s said:\n%s", p.argv[0], said[max(0, len(said)-4000):])
		}
	})
	daemontest.Until(t, p.argv[0]+" to be ready", func() bool {
		select {
		case <-exited:
			t.Fatalf("%s has ended: %s", p.argv[0], p.out)
		default:
		}
		return p.ready()
	})
}

// stop ends it as an administrator does, and waits for the end.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(p.cmd.Process.Pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(daemontest.Patience):
		t.Fatalf("%s does not end", p.argv[0])
	}
}

// freePort is a port of TCP, and of UDP, that is free for now.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		u, err := net.ListenPacket("udp", address)
		_ = l.Close()
		if err == nil {
			_ = u.Close()
			_, port, _ := net.SplitHostPort(address)
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// listens reports whether somebody listens at an address of TCP, or a path.
func listens(address string) bool {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// write writes a file of a test.
func write(t *testing.T, path, format string, a ...any) string {
	t.Helper()
	if err := os.WriteFile(path, fmt.Appendf(nil, format, a...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
