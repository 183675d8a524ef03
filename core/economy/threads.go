// Package economy bounds what the daemon itself takes of the machine, and has it take early what may not be available later.
package economy

import (
	"os"
	"runtime"
	"sync"
)

const (
	// procs is how many of the daemon's threads run at once, on however many processors: more bring it nothing, and each may ask for yet another
	// thread. With fewer, those that wait in the kernel for programs and listeners are all there are, which has the runtime's monitor take
	// their places away every 20 microseconds: an event then costs two calls more and half as much time again.
	procs = 4
	// spareThreads is how many threads there are from the start, besides those with
	// a task of their own: for what runs, for the files that are read (disk.Readers)
	// and the log that is written, and for the moments in which the kernel holds up a
	// short system call.
	spareThreads = 6
)

// KeepThreads makes the runtime create the threads that the daemon may come to need;
// it keeps them. At the limit of processes (a fork bomb of the same user, a full
// pids cgroup) no more can be created, and the runtime ends a program that
// cannot create a thread: exactly when a supervisor is needed.
func KeepThreads() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(procs)
	}
	var there sync.WaitGroup
	release := make(chan struct{})
	for range spareThreads {
		there.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			there.Done()
			<-release
		}()
	}
	there.Wait()
	close(release)
}
