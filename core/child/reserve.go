package child

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// maxReserve is how many descriptors are kept for spawns: one needs about ten for a moment and keeps
	// five, so that a few can follow one another where no other descriptors are available.
	maxReserve = 32
	// reserveShare: one in so many of the limit of open files is kept at most.
	reserveShare = 16
	// leftToOthers is how many descriptors are left to others where there are not enough.
	leftToOthers = 4
)

// reserve is descriptors that are kept open for nothing, so that a spawn finds room where clients or logs have
// taken all there is. They are files of their own rather than duplicates: the system's table of open files may
// be what is full.
type reserve struct {
	mu   sync.Mutex
	size int // how many there should be; 0 after close
	fds  []int
}

// open fills the reserve, as far as that goes.
func (r *reserve) open() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return
	}
	r.setSize(int(min(uint64(limit.Cur)/reserveShare, maxReserve))) //nolint:unconvert,gosec // signed elsewhere
	r.refill()
}

func (r *reserve) setSize(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size = n
}

// lend frees all of it, for code that is about to open something, and reports whether there was any. refill
// takes back what is left.
func (r *reserve) lend() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lent := len(r.fds) > 0
	r.drop(len(r.fds))
	return lent
}

// refill opens what is missing, and reports how many descriptors are missing all the same. Where there are not enough it leaves a few, so that clients
// can still connect.
func (r *reserve) refill() (missing int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.fds) < r.size {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			r.drop(leftToOthers)
			return r.size - len(r.fds)
		}
		r.fds = append(r.fds, fd)
	}
	return 0
}

// drop closes up to n. Under the lock.
func (r *reserve) drop(n int) {
	left := max(len(r.fds)-n, 0)
	for _, fd := range r.fds[left:] {
		closeFD(fd)
	}
	r.fds = r.fds[:left]
}

func (r *reserve) close() {
	r.lend()
	r.setSize(0)
}

// noFiles reports whether an error means that no more files can be opened, by us or by anybody.
func noFiles(err error) bool {
	errno := errnoOf(err)
	return errno == syscall.EMFILE || errno == syscall.ENFILE
}

// Shortage reports whether the machine or this program, rather than what was to be started, lacked something: open
// files, processes or memory for one more, or an answer of a disk. The same spawn may succeed later.
func (e *SpawnError) Shortage() bool {
	switch e.Errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN: // a user's limit of processes is looked at by the execution
		return true
	case syscall.ENOMEM:
		return e.Stage == StageFork || e.Stage == StagePipe
	}
	return false
}
