package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	xterm "golang.org/x/term"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// terminal is supervisorctl on a terminal of its own.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	name string        // of the terminal as the process sees it
	mode *xterm.State  // of the terminal, before the process had it
	read chan struct{} // closed when the terminal is gone

	mu     sync.Mutex
	shown  bytes.Buffer
	passed int // how much of shown earlier waits have gone through
}

func onTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// testscript puts a link to the test binary into PATH; it is run by that name.
	link := filepath.Join(testkit.Dir(t), "supervisorctl")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(link, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	tty, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close() //nolint:errcheck // the process has its own
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	mode, err := xterm.GetState(int(slave.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, cmd: cmd, tty: tty, name: slave.Name(), mode: mode, read: make(chan struct{})}
	go func() {
		defer close(term.read)
		chunk := make([]byte, 4096)
		for {
			n, err := tty.Read(chunk)
			term.mu.Lock()
			term.shown.Write(chunk[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = tty.Close()
		<-term.read
	})
	return term
}

// escapes are what a line editor moves the cursor with.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b[=>]")

func (term *terminal) screen() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return strings.ReplaceAll(escapes.ReplaceAllString(term.shown.String(), ""), "\r\n", "\n")
}

// see waits for a text after what was waited for before.
func (term *terminal) see(text string) {
	term.t.Helper()
	testkit.Await(term.t, func() bool {
		i := strings.Index(term.screen()[term.passed:], text)
		if i >= 0 {
			term.passed += i + len(text)
		}
		return i >= 0
	}, func() string { return fmt.Sprintf("the terminal shows %q; it shows %q", text, term.screen()) })
}

func (term *terminal) typed(text string) {
	term.t.Helper()
	if _, err := term.tty.WriteString(text); err != nil {
		term.t.Fatal(err)
	}
}

// ends waits for the end and returns the exit status.
func (term *terminal) ends() int {
	term.t.Helper()
	kill := time.AfterFunc(testkit.Patience, func() { _ = term.cmd.Process.Kill() })
	defer kill.Stop()
	_ = term.cmd.Wait()
	return term.cmd.ProcessState.ExitCode()
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
)

// daemonAt runs supervisord in a directory; the caller ends it.
func daemonAt(t *testing.T, dir, programs string) (end func()) {
	t.Helper()
	conf := filepath.Join(dir, "supervisord.conf")
	if err := os.WriteFile(conf, []byte(baseConf+programs), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Getenv(daemonVariable), "-c", conf)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			kill := time.AfterFunc(testkit.Patience, func() { _ = cmd.Process.Kill() })
			defer kill.Stop()
			_ = cmd.Wait()
		})
	}
	t.Cleanup(end)
	return end
}

// waitFor asks supervisorctl until what it prints matches.
func waitFor(t *testing.T, dir, pattern string, args ...string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var out string
	testkit.Await(t, func() bool {
		out, _, _ = ctl(t, "", append([]string{"-s", "unix://" + dir + "/s"}, args...)...)
		return re.MatchString(out)
	}, func() string { return fmt.Sprintf("%v prints %s; it prints %s", args, pattern, out) })
}

const terminalPrograms = `
[program:echo]
command=/bin/sh -c "echo to stderr >&2; exec cat"
startsecs=0
[program:off]
command=/bin/cat
autostart=false
startsecs=0
`

func TestShellOnATerminal(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	end := daemonAt(t, dir, terminalPrograms)
	waitFor(t, dir, "echo +RUNNING", "status", "echo")
	history := filepath.Join(dir, "history")
	if err := os.WriteFile(history, []byte("pid echo\nbad \xff bytes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	term := onTerminal(t, "-s", "unix://"+dir+"/s", "-r", history)
	term.see("echo                             RUNNING   pid")
	term.see("supervisor> ")

	term.typed("star\t") // completes to "start "
	term.see("start ")
	term.typed("o\t\r")
	term.see("off: started")
	term.see("supervisor> ")

	term.typed("\x1b[A\x1b[A\x1b[A\r") // up through the history: the one before what could not be read
	term.see("pid echo")
	term.see("supervisor> ")

	term.typed("shutdown\r")
	term.see("y/N? ")
	term.typed("n\r")
	term.see("supervisor> ")

	// The daemon goes and comes back: the shell says so, then goes on.
	end()
	term.typed("version\r")
	term.see(" no such file")
	term.see("hint: ")
	term.see("supervisor> ")
	daemonAt(t, dir, terminalPrograms)
	waitFor(t, dir, "echo +RUNNING", "status", "echo")
	term.typed("version\r")
	term.see("4.4.0")
	term.see("supervisor> ")

	term.typed(ctrlD)
	if status := term.ends(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	kept, err := os.ReadFile(history)
	if err != nil {
		t.Fatal(err)
	}
	if want := "pid echo\nbad \uFFFD bytes\nstart off \npid echo\nshutdown\nn\nversion\n"; string(kept) != want {
		t.Errorf("the history is %q instead of %q", kept, want)
	}
}

func TestCtrlCEndsTheShell(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	daemonAt(t, dir, terminalPrograms)
	waitFor(t, dir, "echo +RUNNING", "status", "echo")
	t.Run("at its prompt", func(t *testing.T) {
		term := onTerminal(t, "-s", "unix://"+dir+"/s")
		term.see("supervisor> ")
		term.typed("sta" + ctrlC)
		if status := term.ends(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
	t.Run("in a call", func(t *testing.T) {
		called := make(chan struct{}, 1)
		url := fakeServer(t, methods{
			"supervisor.getVersion":        apiVersion,
			"supervisor.getAllProcessInfo": []any{},
			"supervisor.startProcess": func(_ http.ResponseWriter, req *http.Request) {
				called <- struct{}{}
				<-req.Context().Done()
			},
		}.ServeHTTP)
		term := onTerminal(t, "-s", url)
		term.see("supervisor> ")
		term.typed("start x\r")
		<-called
		term.typed(ctrlC)
		if status := term.ends(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
	t.Run("from elsewhere", func(t *testing.T) {
		term := onTerminal(t, "-s", "unix://"+dir+"/s")
		term.see("supervisor> ")
		_ = term.cmd.Process.Signal(os.Interrupt)
		if status := term.ends(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
}

// TestATerminatedShellGivesTheTerminalBack: the terminal echoes again.
func TestATerminatedShellGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	term := onTerminal(t, "-s", "unix:///nonexistent")
	slave, err := os.OpenFile(term.name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close() //nolint:errcheck // a terminal
	term.see("supervisor> ")
	_ = term.cmd.Process.Signal(syscall.SIGTERM)
	term.ends()
	if ws := term.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", term.cmd.ProcessState)
	}
	after, err := xterm.GetState(int(slave.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(term.mode, after) {
		t.Errorf("the terminal's mode is %+v instead of %+v", after, term.mode)
	}
}

// TestForegroundOnATerminal: both streams are shown, what is typed gets there,
// and Ctrl-C leaves the program running; on the command line and in the shell.
func TestForegroundOnATerminal(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	daemonAt(t, dir, terminalPrograms)
	waitFor(t, dir, "to stderr", "tail", "echo", "stderr")
	foreground := func(term *terminal, word string) {
		t.Helper()
		term.see(followNotice)
		term.see("to stderr")
		term.typed(word + "\r")
		term.see(word) // the terminal's echo
		term.see(word) // the program's answer
		term.typed(ctrlC)
		term.see("Exiting foreground")
	}
	term := onTerminal(t, "-s", "unix://"+dir+"/s", "fg", "echo")
	foreground(term, "hello")
	if status := term.ends(); status != 0 {
		t.Errorf("exit status %d", status)
	}

	term = onTerminal(t, "-s", "unix://"+dir+"/s")
	term.see("supervisor> ")
	term.typed("fg echo\r")
	foreground(term, "again")
	term.see("supervisor> ")
	term.typed("tail -f echo\r")
	term.see(followNotice)
	term.see("again")
	term.typed(ctrlC)
	term.see("supervisor> ")
	term.typed("status echo\r")
	term.see("RUNNING")
	term.typed("quit\r")
	if status := term.ends(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestThePasswordIsAskedForWithoutEcho, by the shell and by -i.
func TestThePasswordIsAskedForWithoutEcho(t *testing.T) {
	t.Parallel()
	url := fakeServer(t, func(w http.ResponseWriter, req *http.Request) {
		if name, password, _ := req.BasicAuth(); name != "joe" || password != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		methods{"supervisor.getVersion": apiVersion, "supervisor.getAllProcessInfo": []xmlrpc.Struct{}, "supervisor.getPID": 4711}.ServeHTTP(w, req)
	})
	term := onTerminal(t, "-s", url)
	term.see("Server requires authentication\n")
	term.see("Username:")
	term.typed("joe\r")
	term.see("Password:")
	term.typed("wrong\r")
	term.see("Username:")
	term.typed("joe\r")
	term.see("Password:")
	term.typed("s3cret\r")
	term.see("supervisor> ")
	term.typed("pid\r")
	term.see("4711")
	term.typed("quit\r")
	if status := term.ends(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if screen := term.screen(); strings.Contains(screen, "s3cret") || strings.Contains(screen, "wrong") {
		t.Errorf("the terminal shows the password: %q", screen)
	}

	term = onTerminal(t, "-s", url, "-i", "pid")
	term.see("Username:")
	term.typed(ctrlC)
	term.ends()
}
