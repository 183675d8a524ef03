package child

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// actEnv names what the test binary is to do instead of testing: an act runs in a
// process of its own, with limits, filters or a namespace that a test can't set on
// itself. It prints what is wrong, and nothing when all is well.
const actEnv = "HARK_CHILD_ACT"

func TestMain(m *testing.M) {
	if UmaskVerb(os.Args) {
		return
	}
	if act := os.Getenv(actEnv); act != "" {
		run, ok := acts()[act]
		if !ok {
			fmt.Println("no such act:", act)
			os.Exit(2)
		}
		_ = os.Unsetenv(actEnv)
		if err := run(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// perform runs an act in a process of its own.
func perform(t *testing.T, act string, attr *syscall.SysProcAttr, wrapper ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append(wrapper, self)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), actEnv+"="+act)
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", act, err, out)
	}
}

// soak scales a count: all of it with HARK_SOAK=1, a twentieth by default.
func soak(n int) int {
	if os.Getenv("HARK_SOAK") == "1" {
		return n
	}
	return max(1, n/20)
}

func newSystem(t testing.TB, o Options) *System {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// recorder is a Reader that keeps everything.
type recorder struct {
	mu      sync.Mutex
	changed sync.Cond
	bytes   []byte
	calls   int
	closed  int // times Closed was called
	left    int
}

func newRecorder() *recorder {
	r := &recorder{}
	r.changed.L = &r.mu
	return r
}

func (r *recorder) Output(b []byte) Work {
	r.mu.Lock()
	r.bytes = append(r.bytes, b...)
	r.calls++
	r.mu.Unlock()
	r.changed.Broadcast()
	return nil
}

func (r *recorder) Closed(left int) Work {
	r.mu.Lock()
	r.closed++
	r.left = left
	r.mu.Unlock()
	r.changed.Broadcast()
	return nil
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.bytes)
}

// await waits until what was recorded satisfies cond, which runs under the lock.
func (r *recorder) await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	late := time.AfterFunc(testkit.Patience, func() {
		r.mu.Lock()
		r.calls = -1 << 60
		r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer late.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !cond() {
		if r.calls < 0 {
			t.Fatalf("waited in vain for %s; so far %d bytes, %q, closed %d times", what, len(r.bytes), tail(r.bytes), r.closed)
		}
		r.changed.Wait()
	}
}

func (r *recorder) awaitText(t testing.TB, text string) {
	t.Helper()
	r.await(t, fmt.Sprintf("%q", text), func() bool { return bytes.Contains(r.bytes, []byte(text)) })
}

func (r *recorder) awaitClosed(t testing.TB) {
	t.Helper()
	r.await(t, "the end of the output", func() bool { return r.closed > 0 })
}

func tail(b []byte) []byte { return b[max(0, len(b)-200):] }

// started is a child in a test, with all that was heard of it.
type started struct {
	t        testing.TB
	child    *Child
	failed   *SpawnError
	out, err *recorder
	exited   chan syscall.WaitStatus
	atExit   string // stdout at the moment of Exited
}

// wait gives the exit status.
func (s *started) wait() syscall.WaitStatus {
	s.t.Helper()
	select {
	case ws := <-s.exited:
		return ws
	case <-time.After(testkit.Patience):
		s.t.Fatalf("the exit of pid %d never came; stdout %q, stderr %q", s.child.Pid(), s.out, s.err)
		return 0
	}
}

// code waits and gives the exit code.
func (s *started) code() int {
	s.t.Helper()
	ws := s.wait()
	if !ws.Exited() {
		s.t.Fatalf("ended by %v, wanted an exit; stdout %q, stderr %q", ws.Signal(), s.out, s.err)
	}
	return ws.ExitStatus()
}

// begin spawns a command and waits until it is started or failed.
func begin(t testing.TB, s *System, argv []string, change ...func(*Request)) *started {
	t.Helper()
	st, sp := submit(t, s, argv, change...)
	select {
	case <-sp:
	case <-time.After(testkit.Patience):
		t.Fatalf("neither Started nor Failed was called for %q", argv)
	}
	return st
}

// submit spawns a command; the channel is closed when it is started or failed.
func submit(t testing.TB, s *System, argv []string, change ...func(*Request)) (*started, <-chan struct{}) {
	st, _, done := queue(t, s, argv, change...)
	return st, done
}

func queue(t testing.TB, s *System, argv []string, change ...func(*Request)) (*started, *Spawn, <-chan struct{}) {
	st := &started{t: t, out: newRecorder(), err: newRecorder(), exited: make(chan syscall.WaitStatus, 2)}
	done := make(chan struct{})
	r := &Request{
		Name:       "x",
		Argv:       argv,
		SearchPath: filepath.SplitList(os.Getenv("PATH")),
		Env:        os.Environ(),
		Umask:      -1,
		Stdin:      -1,
		Stdout:     st.out,
		Stderr:     st.err,
		Started:    func(c *Child) { st.child = c; close(done) },
		Failed:     func(err *SpawnError) { st.failed = err; close(done) },
		Exited: func(c *Child, ws syscall.WaitStatus) {
			st.atExit = st.out.String()
			st.exited <- ws
		},
	}
	for _, f := range change {
		f(r)
	}
	sp := s.Spawn(r)
	return st, sp, done
}

// sh spawns a shell script and fails the test if that doesn't work.
func sh(t testing.TB, s *System, script string, change ...func(*Request)) *started {
	t.Helper()
	st := begin(t, s, []string{"/bin/sh", "-c", script}, change...)
	if st.failed != nil {
		t.Fatalf("cannot start sh: %v", st.failed)
	}
	return st
}

// fails spawns a command that must not start.
func fails(t testing.TB, s *System, argv []string, change ...func(*Request)) *SpawnError {
	t.Helper()
	st := begin(t, s, argv, change...)
	if st.failed == nil {
		_ = st.child.Signal(syscall.SIGKILL, true)
		t.Fatalf("%q started", argv)
	}
	return st.failed
}

// file writes a file for a test.
func file(t testing.TB, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// openFiles counts our descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc")
	}
	return len(entries)
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

func trimmed(r *recorder) string { return strings.TrimSpace(r.String()) }
