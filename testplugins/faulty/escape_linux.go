package faulty

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// escape starts processes until it may not, or has started some hundred, having tried first to be rid of the limit, and by other ways than the usual: in
// sessions of their own, and in user namespaces of their own. It reports whether the limit could be raised and how many there were.
func escape() string {
	const most = 300
	spareThreads()
	raised := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}) == nil
	started := 0
	for _, how := range []*syscall.SysProcAttr{{Setpgid: true}, {Setsid: true}, {Cloneflags: syscall.CLONE_NEWUSER}} {
		for started < most {
			cmd := exec.Command("/bin/sleep", ForkedSleep)
			cmd.SysProcAttr = how
			if cmd.Start() != nil {
				break
			}
			started++
		}
	}
	return fmt.Sprintf("raised %v, started %d", raised, started)
}

// spareThreads has Go's runtime make threads ahead: where it needs one and may not make it, it ends the process.
func spareThreads() {
	const enough = 16
	var there, gone sync.WaitGroup
	there.Add(enough)
	for range enough {
		gone.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			there.Done()
			there.Wait()
		})
	}
	gone.Wait()
}
