package trust

import (
	"os"
	"sync"
	"time"
)

const (
	// maxSums is how many hashes are remembered; beyond that all are forgotten.
	maxSums = 64
	// settled is how old the last change of a file must be for its hash to be remembered: a change right after it may carry the same time.
	settled = 2 * time.Second
)

// sums remembers the hashes of files that have not changed since, so that the start of a plugin does not read megabytes again. A file is known by
// where it is, its size and the times of its last changes, of which the kernel sets one by itself.
type sums struct {
	mu    sync.Mutex
	known map[stamp]string
}

// stamp is the state of a file.
type stamp struct {
	dev, ino, size int64
	mtime, ctime   int64 // nanoseconds
}

// of is the hash of an open file, read from where it is.
func (s *sums) of(f *os.File) (string, error) {
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	before, ok := stampOf(st)
	if !ok {
		return hash(f, maxBinary)
	}
	sum, ok := s.recall(before)
	if ok {
		return sum, nil
	}
	began := time.Now()
	if sum, err = hash(f, maxBinary); err != nil {
		return "", err
	}
	if st, err = f.Stat(); err != nil {
		return "", err
	}
	if after, _ := stampOf(st); after == before && began.Sub(time.Unix(0, before.ctime)) > settled {
		s.remember(before, sum)
	}
	return sum, nil
}

func (s *sums) recall(at stamp) (sum string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok = s.known[at]
	return sum, ok
}

func (s *sums) remember(at stamp, sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxSums {
		s.known = map[stamp]string{}
	}
	s.known[at] = sum
}
