package host

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

const (
	// firstLineMax is how much of a plugin's standard output is looked at for the line of its handshake, in bytes.
	firstLineMax = 8 << 10
	// drainHold is how long a pipe whose output is only discarded is not read after each read: a flood costs 64 KiB each time.
	drainHold = 10 * time.Millisecond
)

// process is one process of a plugin for go-plugin's client: a runner.Runner over a Launcher. go-plugin never sees the pipes:
// it gets the first line of the standard output, and the end of the standard error.
type process struct {
	launcher Launcher
	program  *Program
	stderr   *stderrLog

	out    handshakeLine
	ended  chan struct{} // closed when the process has ended, or could not be started
	ending sync.Once

	mu     sync.Mutex
	proc   Process // nil: not started
	killed bool    // it is to be killed as soon as it is there
	late   bool    // its start took too long
	doom   string  // why it was killed, where it did what no plugin may do; "": it did not
	how    string  // it ended
}

var _ runner.Runner = (*process)(nil)

func newProcess(l Launcher, p *Program, stderr *stderrLog) *process {
	r := &process{launcher: l, program: p, stderr: stderr, ended: make(chan struct{})}
	r.out.ready = make(chan struct{})
	r.out.ended = r.ended
	p.Stdout, p.Stderr, p.Exited = r.out.take, stderr.take, r.exited
	return r
}

// Start implements runner.Runner.
func (r *process) Start(ctx context.Context) error {
	proc, err := r.launcher.Launch(ctx, r.program)
	if err != nil {
		r.exited("it could not be started")
		return err
	}
	if r.started(proc) {
		proc.Kill()
	}
	return nil
}

// started takes the process, and reports whether it is to be killed at once.
func (r *process) started(proc Process) (killed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proc = proc
	return r.killed
}

func (r *process) exited(how string) {
	r.ending.Do(func() {
		r.note(how)
		close(r.ended)
	})
}

// note records how it ended: the reason for which it was killed says more than the signal.
func (r *process) note(how string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.how = how; r.doom != "" {
		r.how = "killed: " + r.doom
	}
}

// killFor kills it for a reason, which end reports.
func (r *process) killFor(why string) {
	r.condemn(why)
	r.kill()
}

func (r *process) condemn(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doom = why
}

// condemned reports whether killFor was called.
func (r *process) condemned() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.doom != ""
}

// pid is 0 before the start.
func (r *process) pid() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.proc == nil {
		return 0
	}
	return r.proc.PID()
}

// end is how the process ended, "" while it has not.
func (r *process) end() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.how
}

// tooLate kills it because its start took too long, which wasLate reports.
func (r *process) tooLate() {
	r.setLate()
	r.kill()
}

func (r *process) setLate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = true
}

func (r *process) wasLate() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.late
}

// kill never blocks.
func (r *process) kill() {
	if proc := r.doomed(); proc != nil {
		proc.Kill()
	}
}

// doomed is the process that is to be killed; nil: none is there yet.
func (r *process) doomed() Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killed = true
	return r.proc
}

// Kill implements runner.Runner.
func (r *process) Kill(context.Context) error {
	r.kill()
	return nil
}

// Wait implements runner.Runner.
func (r *process) Wait(ctx context.Context) error {
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ID implements runner.Runner.
func (r *process) ID() string {
	if pid := r.pid(); pid > 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

// Name implements runner.Runner.
func (r *process) Name() string { return r.program.Plugin }

// Diagnose implements runner.Runner.
func (r *process) Diagnose(context.Context) string { return "" }

// Stdout implements runner.Runner.
func (r *process) Stdout() io.ReadCloser { return &r.out }

// Stderr is runner.Runner's: it has nothing to read, and ends with the process.
func (r *process) Stderr() io.ReadCloser { return endReader{r.ended} }

// PluginToHost is runner.Runner's. Nothing but a unix socket in the directory that the plugin was given is connected to.
func (r *process) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" {
		return "", "", errors.New("the plugin offers no unix socket")
	}
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (r *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// handshakeLine is the first line of a plugin's standard output, and never more.
type handshakeLine struct {
	ready chan struct{} // closed when line is whole
	ended <-chan struct{}

	mu    sync.Mutex
	line  []byte
	done  bool
	whole []byte // the line, when it is
	left  []byte // of it, to be read
}

// take is Program's Stdout.
func (h *handshakeLine) take(b []byte) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done {
		return drainHold
	}
	for _, c := range b {
		h.line = append(h.line, c)
		if c == '\n' || len(h.line) == firstLineMax {
			h.done, h.whole, h.line = true, h.line, nil
			h.left = append(h.whole[:len(h.whole):len(h.whole)], '\n')
			close(h.ready)
			break
		}
	}
	return 0
}

// Read waits for the line, returns it, and then waits for the end of the process.
func (h *handshakeLine) Read(b []byte) (int, error) {
	select {
	case <-h.ready:
	case <-h.ended:
	}
	if n := h.rest(b); n > 0 {
		return n, nil
	}
	<-h.ended
	return 0, io.EOF
}

func (h *handshakeLine) rest(b []byte) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := copy(b, h.left)
	h.left = h.left[n:]
	return n
}

// said is the line, whole or not.
func (h *handshakeLine) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.whole) + string(h.line)
}

// Close implements io.Closer.
func (h *handshakeLine) Close() error { return nil }

// endReader ends when a channel is closed.
type endReader struct{ ended <-chan struct{} }

func (e endReader) Read([]byte) (int, error) {
	<-e.ended
	return 0, io.EOF
}

func (e endReader) Close() error { return nil }

// ownDirectory makes an empty directory that others may pass through, in the place of what was there.
func ownDirectory(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o711); err != nil {
		return err
	}
	return os.Chmod(path, 0o711) //nolint:gosec // whatever our umask: the plugin's user passes through
}
