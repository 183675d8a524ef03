package child

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// forkingThread gives the thread that forks, by a spawn.
func forkingThread(t testing.TB, s *System) (tid int) {
	t.Helper()
	plain := s.spawner.fork
	s.spawner.fork = func(file string, argv []string, attr *syscall.ProcAttr) (int, error) {
		tid = unix.Gettid()
		return plain(file, argv, attr)
	}
	st := sh(t, s, "exit 0")
	st.wait()
	st.out.awaitClosed(t)
	st.err.awaitClosed(t)
	s.spawner.fork = plain
	return tid
}

// tableOf gives what a thread's descriptors are.
func tableOf(t testing.TB, tid int) (links []string) {
	t.Helper()
	dir := "/proc/self/task/" + strconv.Itoa(tid) + "/fd/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		link, err := os.Readlink(dir + entry.Name())
		if err == nil {
			links = append(links, entry.Name()+" "+link)
		}
	}
	return links
}

func TestTheForkingThreadHasAlmostNoDescriptors(t *testing.T) {
	// A file, a socket and a pipe that were open before.
	for _, open := range []func() (int, error){
		func() (int, error) { return unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0) },
		func() (int, error) { return unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0) },
		func() (int, error) {
			var fds [2]int
			err := unix.Pipe2(fds[:], unix.O_CLOEXEC)
			t.Cleanup(func() { closeFD(fds[1]) })
			return fds[0], err
		},
	} {
		fd, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer closeFD(fd)
	}
	s := newSystem(t, Options{})
	if !s.spawner.handover.private {
		t.Skip("the kernel gives no table of its own here")
	}
	tid := forkingThread(t, s)
	before := tableOf(t, tid)
	var others []string
	for _, link := range before {
		number, what, _ := strings.Cut(link, " ")
		if fd, _ := strconv.Atoi(number); fd > 2 && !strings.HasPrefix(what, "anon_inode:") {
			others = append(others, what)
		}
	}
	if len(others) != 1 || !strings.HasPrefix(others[0], "socket:") {
		t.Errorf("it has %q; wanted are the first three, the runtime's and one socket", before)
	}
	// Children that stay, and spawns that fail at each step, leave nothing there.
	ours := openFiles(t)
	var running []*started
	for range 10 {
		running = append(running, sh(t, s, "sleep 1000"))
		_ = fails(t, s, []string{"/no/such"})
		_ = fails(t, s, []string{"true"}, func(r *Request) { r.Dir = "/no" })
		_ = fails(t, s, []string{"true"}, func(r *Request) {
			r.Prepare = func() (int, error) { return -1, syscall.ENOSPC }
		})
	}
	if after := tableOf(t, tid); len(after) != len(before) {
		t.Errorf("with children it has %q, before %q", after, before)
	}
	for _, st := range running {
		_ = st.child.Signal(syscall.SIGKILL, true)
		st.wait()
		st.out.awaitClosed(t)
		st.err.awaitClosed(t)
	}
	testkit.Until(t, "all pipes are closed", func() bool { return openFiles(t) == ours })
}

// The runtime looks into its epoll on whatever thread a collection ends, and wakes
// it from whatever thread sets a timer.
func TestCollectionsAndTimersOnTheForkingThread(t *testing.T) {
	s := newSystem(t, Options{})
	fired := make(chan struct{}, 1000)
	s.spawner.fork = func(file string, argv []string, attr *syscall.ProcAttr) (int, error) {
		runtime.GC()
		time.AfterFunc(time.Microsecond, func() { fired <- struct{}{} })
		pid, err := syscall.ForkExec(file, argv, attr)
		runtime.GC()
		return pid, err
	}
	r, w, err := os.Pipe() // something that the runtime polls meanwhile
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	go func() { _, _ = w.Write([]byte("x")); _ = w.Close() }()
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	const n = 20
	for range n {
		if code := sh(t, s, "exit 3").code(); code != 3 {
			t.Errorf("status %d", code)
		}
	}
	for range n {
		<-fired
	}
}

func TestPreparedSpawnsBehindOneThatHangs(t *testing.T) {
	s := newSystem(t, Options{})
	tid := forkingThread(t, s)
	ours, table := openFiles(t), tableOf(t, tid)
	release := make(chan struct{})
	hanging := hang(s, release)
	first, _, _ := queue(t, s, []string{"/bin/true"})
	<-hanging
	const n = 3 * maxAhead
	var mu sync.Mutex
	var order []int
	var taken []*Spawn
	var waits []<-chan struct{}
	var all []*started
	for i := range n {
		st, sp, done := queue(t, s, []string{"/bin/true"}, func(r *Request) {
			was := r.Started
			r.Started = func(c *Child) {
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				was(c)
			}
			if i == 5 {
				r.Argv = []string{"/no/such"}
				fail := r.Failed
				r.Failed = func(err *SpawnError) {
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					fail(err)
				}
			}
		})
		all, taken, waits = append(all, st), append(taken, sp), append(waits, done)
	}
	testkit.Until(t, "the preparer is ahead", func() bool {
		s.spawner.mu.Lock()
		defer s.spawner.mu.Unlock()
		return len(s.spawner.prepared) == maxAhead
	})
	if s.Waiting() != n+1 {
		t.Errorf("%d wait, want %d", s.Waiting(), n+1)
	}
	var want []int
	for i, sp := range taken {
		if i%2 == 1 {
			want = append(want, i)
			continue
		}
		if !sp.Cancel() {
			t.Errorf("spawn %d couldn't be taken back", i)
		}
		<-waits[i] // although the thread hangs
		if err := all[i].failed; err == nil || err.Stage != StageCancelled {
			t.Errorf("spawn %d failed with %+v", i, err)
		}
	}
	close(release)
	first.wait()
	for i, st := range all {
		<-waits[i]
		if st.failed == nil {
			st.wait()
			st.out.awaitClosed(t)
			st.err.awaitClosed(t)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(order) != fmt.Sprint(want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if got := all[5].failed; got == nil || got.Stage != StageResolve {
		t.Errorf("the one that isn't there: %+v", got)
	}
	first.out.awaitClosed(t)
	first.err.awaitClosed(t)
	testkit.Until(t, "all pipes are closed", func() bool { return openFiles(t) == ours })
	if now := tableOf(t, tid); len(now) != len(table) {
		t.Errorf("the thread has %q, before %q", now, table)
	}
}

func TestASpawnTakenBackWhileItPrepares(t *testing.T) {
	s := newSystem(t, Options{})
	tid := forkingThread(t, s)
	ours, table := openFiles(t), tableOf(t, tid)
	entered, leave := make(chan struct{}), make(chan struct{})
	st, sp, done := queue(t, s, []string{"/bin/true"}, func(r *Request) {
		r.Prepare = func() (int, error) { close(entered); <-leave; return -1, nil }
	})
	<-entered
	if !sp.Cancel() {
		t.Error("it couldn't be taken back")
	}
	if sp.Cancel() {
		t.Error("it could be taken back twice")
	}
	select {
	case <-done:
		t.Error("Failed was called while Prepare ran")
	default:
	}
	close(leave)
	<-done
	if st.failed == nil || st.failed.Stage != StageCancelled {
		t.Errorf("failed with %+v", st.failed)
	}
	after := sh(t, s, "exit 0") // behind it
	after.wait()
	after.out.awaitClosed(t)
	after.err.awaitClosed(t)
	testkit.Until(t, "all pipes are closed", func() bool { return openFiles(t) == ours })
	if now := tableOf(t, tid); len(now) != len(table) {
		t.Errorf("the thread has %q, before %q", now, table)
	}
}

func TestAPrepareThatHangsHoldsUpNoneBeforeIt(t *testing.T) {
	s := newSystem(t, Options{})
	s.spawner.slow.after = 5 * time.Millisecond
	entered, leave := make(chan struct{}), make(chan struct{})
	before, _, _ := queue(t, s, []string{"/bin/echo", "x"})
	slow := make(chan struct{}, 2)
	st, _, done := queue(t, s, []string{"/bin/true"}, func(r *Request) {
		r.Prepare = func() (int, error) { close(entered); <-leave; return -1, nil }
		r.Slow = func() { slow <- struct{}{} }
	})
	<-entered
	before.wait()
	if before.atExit != "x\n" {
		t.Errorf("its output was %q", before.atExit)
	}
	<-slow
	release := make(chan struct{})
	hanging := hang(s, release)
	close(leave)
	<-hanging // slow again, and told already
	testkit.Until(t, "the watch looks", func() bool {
		s.spawner.slow.mu.Lock()
		defer s.spawner.slow.mu.Unlock()
		return !s.spawner.slow.set
	})
	close(release)
	<-done
	st.wait()
	if len(slow) != 0 {
		t.Error("it was called slow twice")
	}
}

func TestWithoutATableOfItsOwn(t *testing.T) { perform(t, "sharedTable", nil) }

// actSharedTable does what matters where the kernel refuses the thread its own table.
func actSharedTable() error {
	if err := refuseCalls(unix.SYS_UNSHARE, unix.SYS_CLOSE_RANGE); err != nil {
		return fmt.Errorf("cannot install the filter: %w", err)
	}
	s, err := New(Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if s.spawner.handover.private {
		return errors.New("the thread has a table of its own although it is refused")
	}
	if err := storm(s, soak(2000), nil); err != nil {
		return err
	}
	// A descriptor that is given stays the caller's.
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	var kept output
	done := make(chan error, 1)
	s.Spawn(&Request{
		Name: "x", Argv: []string{"/bin/ls", "/proc/self/fd"}, Umask: -1, Stdin: fds[0], Stdout: &kept, RedirectStderr: true,
		Failed: func(err *SpawnError) { done <- err },
		Exited: func(*Child, syscall.WaitStatus) { done <- nil },
	})
	if err := <-done; err != nil {
		return err
	}
	if string(kept.bytes) != "0\n1\n2\n3\n" {
		return fmt.Errorf("the child has the descriptors %q", kept.bytes)
	}
	if _, err := unix.FcntlInt(uintptr(fds[0]), unix.F_GETFD, 0); err != nil {
		return fmt.Errorf("the descriptor given: %w", err)
	}
	return nil
}

func TestDescriptorsThatFindNoPlaceInTheOtherTable(t *testing.T) {
	h := &handover{private: true}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(fds[0])
	defer closeFD(fds[1])
	h.to, h.from = fds[0], fds[1]
	before := openFiles(t)
	// Two are sent where three are expected, as if the last had found no number.
	sent := ends{fds: [4]int{0, 1, -1, -1}}
	if err := h.send(&sent); err != nil {
		t.Fatal(err)
	}
	got := ends{fds: [4]int{0, 1, 2, -1}}
	if err := h.receive(&got); err != syscall.EMFILE {
		t.Errorf("receive: %v, want EMFILE", err)
	}
	if after := openFiles(t); after != before || got != noEnds() {
		t.Errorf("%d descriptors before, %d after, and %+v", before, after, got)
	}
}
