package child

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// acts are what this binary does in a process of its own.
func acts() map[string]func() error {
	return map[string]func() error{
		"orphans":   actOrphans,
		"filter":    actFilter,
		"files":     actFiles,
		"reserve":   actReserve,
		"room":      actRoom,
		"processes": actProcesses,
		"limit":     actLimit,

		"sharedTable": actSharedTable,
	}
}

func TestOrphansAreReapedAndTold(t *testing.T) {
	t.Run("as a subreaper", func(t *testing.T) { perform(t, "orphans", nil) })
	t.Run("as PID 1", func(t *testing.T) {
		needRoot(t)
		perform(t, "orphans", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}, "/bin/sh", "-c",
			`mount -t proc proc /proc && exec "$0"`)
	})
}

func actOrphans() error {
	var o orphanage
	s, err := New(Options{Subreaper: os.Getpid() != 1, Unknown: o.unknown})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := storm(s, soak(5000), &o); err != nil {
		return err
	}
	if z := zombies(); len(z) > 0 {
		return fmt.Errorf("zombies: %q", z)
	}
	return nil
}

func TestUmaskUnderAFilterThatRefusesUnshare(t *testing.T) { perform(t, "filter", nil) }

func actFilter() error {
	if err := refuseCalls(unix.SYS_UNSHARE); err != nil {
		return fmt.Errorf("cannot install the filter: %w", err)
	}
	IgnoreSignals()
	s, err := New(Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if s.UmaskByThread() {
		return errors.New("the thread has a umask of its own although unshare is refused")
	}
	for _, mask := range []int{-1, 0o77, 0o22} {
		out, err := output1(s, mask, "umask; ulimit -n; grep SigIgn /proc/self/status")
		if err != nil {
			return err
		}
		want := fmt.Sprintf("%04o\n", mask)
		if mask < 0 {
			own := syscall.Umask(0)
			syscall.Umask(own)
			want = fmt.Sprintf("%04o\n", own)
		}
		if !strings.HasPrefix(out, want) {
			return fmt.Errorf("umask %o: the child says %q", mask, out)
		}
		if !strings.HasSuffix(strings.TrimSpace(out), "1001000") {
			return fmt.Errorf("umask %o: SIGPIPE and SIGXFSZ aren't ignored: %q", mask, out)
		}
	}
	// As another user, too.
	if os.Getuid() == 0 {
		done := make(chan *SpawnError, 1)
		var kept output
		s.Spawn(&Request{
			Name: "x", Argv: []string{"/bin/sh", "-c", "umask; id -u"}, Env: os.Environ(), Umask: 0o27, Stdin: -1, Stdout: &kept,
			Credential: &Credential{UID: 33, GID: 33, Groups: []uint32{33}, Name: "www-data"},
			Failed:     func(err *SpawnError) { done <- err },
			Exited:     func(*Child, syscall.WaitStatus) { done <- nil },
		})
		if err := <-done; err != nil {
			// A test binary in a directory that only root may enter is no fault of the verb's.
			return err
		}
		if string(kept.bytes) != "0027\n33\n" {
			return fmt.Errorf("as another user: %q", kept.bytes)
		}
	}
	return nil
}

// output1 runs a script with a umask and gives what it writes.
func output1(s *System, mask int, script string) (string, error) {
	done := make(chan error, 1)
	var kept output
	s.Spawn(&Request{
		Name: "x", Argv: []string{"/bin/sh", "-c", script}, Env: os.Environ(), Umask: mask, Stdin: -1, Stdout: &kept, Stderr: &kept,
		Failed: func(err *SpawnError) { done <- err },
		Exited: func(*Child, syscall.WaitStatus) { done <- nil },
	})
	err := <-done
	return string(kept.bytes), err
}

// refuseCalls has the kernel answer EPERM to system calls of this process, as
// Docker's default filter does to unshare.
func refuseCalls(numbers ...uint32) error {
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // seccomp_data.nr
	for _, nr := range numbers {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 0, Jf: 1, K: nr},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return errno
	}
	return nil
}

func TestTooManyOpenFiles(t *testing.T) { perform(t, "files", nil) }

func TestASpawnFindsDescriptorsWhereAllAreTaken(t *testing.T) { perform(t, "reserve", nil) }

func actReserve() error {
	s, err := New(Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	kept := len(s.spawner.reserve.fds)
	if kept == 0 {
		return errors.New("nothing is kept")
	}
	// Somebody takes all there is, and takes again what is set free between the spawns.
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	var taken []int
	for {
		fd, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
		if err == syscall.EMFILE {
			break
		}
		if err != nil {
			return err
		}
		taken = append(taken, fd)
	}
	for range 2 {
		done := make(chan *SpawnError, 1)
		prepared := 0
		s.Spawn(&Request{
			Name: "x", Argv: []string{"/bin/true"}, Umask: -1, Stdin: -1, Stdout: &output{}, Stderr: &output{},
			Prepare: func() (int, error) {
				prepared++
				fd, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
				if err == nil {
					err = syscall.Close(fd)
				}
				return -1, err
			},
			Failed: func(err *SpawnError) { done <- err },
			Exited: func(*Child, syscall.WaitStatus) { done <- nil },
		})
		if err := <-done; err != nil {
			return fmt.Errorf("a spawn found no descriptors: %+v", err)
		}
		if prepared == 0 || prepared > 2 { // once, where something was left to others
			return fmt.Errorf("the program was prepared %d times", prepared)
		}
	}
	for _, fd := range taken {
		_ = syscall.Close(fd)
	}
	if out, err := output1(s, -1, "echo fine"); err != nil || out != "fine\n" {
		return fmt.Errorf("after it: %q %w", out, err)
	}
	s.spawner.reserve.mu.Lock()
	defer s.spawner.reserve.mu.Unlock()
	if n := len(s.spawner.reserve.fds); n != kept {
		return fmt.Errorf("%d are kept afterwards, %d before", n, kept)
	}
	return nil
}

// Others who have descriptors to spare give them up to a spawn, and only then.
func TestASpawnHasOthersMakeRoom(t *testing.T) { perform(t, "room", nil) }

func actRoom() error {
	var taken []int
	give := func(n int) {
		n = min(n, len(taken))
		for _, fd := range taken[:n] {
			_ = syscall.Close(fd)
		}
		taken = taken[n:]
	}
	asked, released := 0, 0
	s, err := New(Options{Room: func(n int) func() {
		asked++
		give(n)
		return func() { released++ }
	}})
	if err != nil {
		return err
	}
	defer s.Close()
	if out, err := output1(s, -1, "echo fine"); err != nil || out != "fine\n" || asked != 0 {
		return fmt.Errorf("where there is enough: %q %w, asked %d times", out, err, asked)
	}
	kept := len(s.spawner.reserve.fds)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	s.spawner.reserve.lend()
	for {
		fd, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
		if err == syscall.EMFILE {
			break
		}
		if err != nil {
			return err
		}
		taken = append(taken, fd)
	}
	if out, err := output1(s, -1, "echo fine"); err != nil || out != "fine\n" {
		return fmt.Errorf("where others have all: %q %w", out, err)
	}
	if asked != 1 || released != 1 {
		return fmt.Errorf("asked %d times, released %d times", asked, released)
	}
	give(len(taken))
	s.spawner.reserve.refill()
	if n := len(s.spawner.reserve.fds); n != kept {
		return fmt.Errorf("%d are kept afterwards, %d before", n, kept)
	}
	return nil
}

func actFiles() error {
	s, err := New(Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	out, err := output1(s, -1, "echo fine")
	if err != nil || out != "fine\n" {
		return fmt.Errorf("before the limit: %q %w", out, err)
	}
	s.spawner.reserve.close() // it would help the first of them
	// The lowest free descriptor is the measure of what is open.
	fd, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
	if err != nil {
		return err
	}
	_ = syscall.Close(fd)
	seen := map[Stage]int{}
	// Every number of descriptors less than a spawn needs: it may fail at each of
	// its pipes, the fork's own included, and must leave nothing open.
	for free := uint64(0); free < 12; free++ {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return err
		}
		limit.Cur = uint64(fd) + free
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return err
		}
		failed := make(chan *SpawnError, 1)
		a, b := &output{}, &output{}
		s.Spawn(&Request{
			Name: "x", Argv: []string{"/bin/true"}, Umask: -1, Stdin: -1, Stdout: a, Stderr: b,
			Failed: func(err *SpawnError) { failed <- err },
			Exited: func(c *Child, _ syscall.WaitStatus) { c.Abandon(); s.Post(func() Work { failed <- nil; return nil }) },
		})
		err := <-failed
		// The race detector's own thread opens a file now and then.
		for end := time.Now().Add(testkit.Patience); ; {
			now, openErr := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
			_ = syscall.Close(now)
			if now == fd || openErr != nil {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("with %d free: the lowest free descriptor was %d and is %d", free, fd, now)
			}
		}
		switch {
		case err == nil:
			seen[-1]++
		case err.Stage != StagePipe || err.Errno != syscall.EMFILE || err.Msg != "too many open files to spawn 'x'" || err.Lines != "":
			return fmt.Errorf("with %d free: %+v", free, err)
		default:
			seen[StagePipe]++
		}
	}
	if seen[StagePipe] < 6 || seen[-1] == 0 {
		return fmt.Errorf("outcomes by stage: %v", seen)
	}
	return nil
}

func TestTooManyProcesses(t *testing.T) {
	needRoot(t)
	perform(t, "processes", nil)
}

func actProcesses() error {
	// Root has no such limit, so this is done as somebody who has no other process.
	const uid = 54321
	if err := syscall.Setgid(uid); err != nil {
		return err
	}
	if err := syscall.Setuid(uid); err != nil {
		return err
	}
	s, err := New(Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if out, err := output1(s, -1, "echo fine"); err != nil || out != "fine\n" {
		return fmt.Errorf("before the limit: %q %w", out, err)
	}
	spareThreads()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_NPROC, &before); err != nil {
		return err
	}
	if err := syscall.Setrlimit(unix.RLIMIT_NPROC, &syscall.Rlimit{Cur: 1, Max: before.Max}); err != nil {
		return err
	}
	_, err = output1(s, -1, "echo fine")
	failed, ok := err.(*SpawnError)
	if !ok || failed.Stage != StageFork || failed.Errno != syscall.EAGAIN || failed.Msg != "Too many processes in process table to spawn 'x'" {
		return fmt.Errorf("at the limit: %+v", err)
	}
	if err := syscall.Setrlimit(unix.RLIMIT_NPROC, &before); err != nil {
		return err
	}
	if out, err := output1(s, -1, "echo fine"); err != nil || out != "fine\n" {
		return fmt.Errorf("after the limit: %q %w", out, err)
	}
	// Somebody who isn't root can't start anything as another user.
	failed = nil
	done := make(chan *SpawnError, 1)
	s.Spawn(&Request{
		Name: "x", Argv: []string{"/bin/true"}, Umask: -1, Stdin: -1, Credential: &Credential{UID: 33, GID: 33, Name: "www-data"},
		Failed: func(err *SpawnError) { done <- err },
		Exited: func(*Child, syscall.WaitStatus) { done <- nil },
	})
	failed = <-done
	want := SpawnError{
		StageSetuid, syscall.EPERM, "couldn't setuid to 33 ('www-data'): Can't drop privilege as nonroot user",
		"supervisor: couldn't setuid to 33: Can't drop privilege as nonroot user\nsupervisor: child process was not spawned\n",
	}
	if failed == nil || *failed != want {
		return fmt.Errorf("as another user: %+v", failed)
	}
	return nil
}

// spareThreads has Go's runtime make more threads than it will need: it keeps them,
// and dies when it is refused one.
func spareThreads() {
	var ready, done sync.WaitGroup
	release := make(chan struct{})
	for range 16 {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		}()
	}
	ready.Wait()
	close(release)
	done.Wait()
}

func TestChildrenGetTheOriginalLimitOfFilesOrTheMinimum(t *testing.T) {
	perform(t, "limit", nil, "/bin/sh", "-c", `ulimit -S -n 512; exec "$0"`)
}

func actLimit() error {
	ask := func() (string, error) {
		s, err := New(Options{})
		if err != nil {
			return "", err
		}
		defer s.Close()
		all := ""
		for _, mask := range []int{-1, 0o22} {
			if mask > 0 {
				s.spawner.ownUmask = false // by the verb
			}
			out, err := output1(s, mask, "ulimit -S -n")
			if err != nil {
				return "", err
			}
			all += strings.TrimSpace(out) + " "
		}
		return all, nil
	}
	for _, tc := range []struct {
		min    uint64
		raised bool
		want   string
	}{
		{100, false, "512 512 "},
		{512, false, "512 512 "},
		{700, true, "700 700 "},
	} {
		l, err := RaiseNoFile(tc.min)
		if err != nil {
			return err
		}
		if l.Soft != 512 || l.Raised != tc.raised || l.Hard < 700 {
			return fmt.Errorf("minimum %d: %+v", tc.min, l)
		}
		got, err := ask()
		if err != nil {
			return err
		}
		if got != tc.want {
			return fmt.Errorf("minimum %d: children have %q, want %q", tc.min, got, tc.want)
		}
	}
	if l, err := RaiseNProc(1); err != nil || l.Raised || l.Soft == 0 {
		return fmt.Errorf("processes: %+v %v", l, err)
	}
	return nil
}
