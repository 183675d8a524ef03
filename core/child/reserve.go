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

// lend gives all of it up, for who is about to open something, and reports whether there was any. refill
// takes back what is left.
func (r *reserve) lend() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, fd := range r.fds {
		closeFD(fd)
	}
	lent := len(r.fds) > 0
	r.fds = r.fds[:0]
	return lent
}

// refill opens what is missing. What cannot be opened is left for the next time.
func (r *reserve) refill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.fds) < r.size {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		r.fds = append(r.fds, fd)
	}
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
	case syscall.EMFILE, syscall.ENFILE:
		return true
	case syscall.EAGAIN, syscall.ENOMEM:
		return e.Stage == StageFork || e.Stage == StagePipe
	}
	return false
}
