// Package background takes the daemon to the background: the command that was typed starts it again, waits until it serves
// or has failed, and says which.
package background

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ReadyVariable names the descriptor by which a daemonized supervisord reports
// the result of its start to the command that started it.
const ReadyVariable = "HARK_READY_FD"

// Daemonize starts this program again in the background, as leader of a session
// of its own with its standard streams on /dev/null, and waits until it serves
// or has failed (supervisor/options.py, _daemonize, forks and returns before it
// knows). It returns the exit status for the command.
func Daemonize(stderr io.Writer) int {
	read, write, err := os.Pipe()
	if err != nil {
		return fail(stderr, "cannot daemonize: %v", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fail(stderr, "cannot daemonize: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fail(stderr, "cannot daemonize: %v", err)
	}
	env := append(os.Environ(), ReadyVariable+"=3")
	fd := null.Fd()
	pid, err := syscall.ForkExec(self, os.Args, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{fd, fd, fd, write.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	_ = null.Close()
	_ = write.Close()
	if err != nil {
		return fail(stderr, "cannot daemonize: cannot start %q: %v", self, err)
	}
	status, text := readiness(read)
	if text != "" {
		_, _ = io.WriteString(stderr, text)
	}
	if status == 0 {
		return 0
	}
	// It is ending, or has ended without a word: nothing is left when we return.
	var ws syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &ws, 0, nil); err != syscall.EINTR { //nolint:errorlint // an errno of the kernel's, never wrapped
			break
		}
	}
	if status > 0 {
		return status
	}
	if ws.Signaled() {
		return fail(stderr, "the daemon was ended by %v before it could serve", ws.Signal())
	}
	return fail(stderr, "the daemon ended with status %d before it could serve", ws.ExitStatus())
}

func fail(stderr io.Writer, format string, args ...any) int {
	_, _ = fmt.Fprintf(stderr, "Error: "+format+"\n", args...)
	return 2
}

// readiness reads the daemon's report: the text for standard error, then a last
// line "status N". -1 when the daemon ended without one.
func readiness(r io.Reader) (status int, text string) {
	all, _ := io.ReadAll(bufio.NewReader(r))
	report := string(all)
	at := strings.LastIndex(report, "status ")
	if at < 0 {
		return -1, report
	}
	n, err := strconv.Atoi(strings.TrimSpace(report[at+len("status "):]))
	if err != nil {
		return -1, report
	}
	return n, report[:at]
}

// Reporter is the daemon's end of readiness: what would go to standard error
// until the daemon serves goes to the command that started it instead.
type Reporter struct {
	mu   sync.Mutex
	pipe *os.File // nil in the foreground
	out  io.Writer
}

// Say writes a line for whoever started the daemon, until Done.
func (r *Reporter) Say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintln(r.out, text)
}

// Stderr is where the daemon's own standard error goes.
func (r *Reporter) Stderr() io.Writer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out
}

// NewReporter takes the descriptor from the environment, where no child may see it.
func NewReporter() *Reporter {
	fd, err := strconv.Atoi(os.Getenv(ReadyVariable))
	if err != nil {
		return &Reporter{out: os.Stderr}
	}
	_ = os.Unsetenv(ReadyVariable)
	syscall.CloseOnExec(fd)
	pipe := os.NewFile(uintptr(fd), "readiness") //nolint:gosec // a small descriptor number
	return &Reporter{pipe: pipe, out: pipe}
}

// Write writes for standard error, or for the command that waits.
func (r *Reporter) Write(b []byte) (int, error) { return r.out.Write(b) }

// Daemonized reports whether this process is the one in the background.
func (r *Reporter) Daemonized() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pipe != nil
}

// Done reports the status and lets the command that started us return.
func (r *Reporter) Done(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pipe == nil {
		return
	}
	_, _ = fmt.Fprintf(r.pipe, "status %d\n", status)
	_ = r.pipe.Close()
	r.pipe, r.out = nil, io.Discard
}
