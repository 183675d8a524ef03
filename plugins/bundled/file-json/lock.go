//go:build !solaris

package filejson

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockPause is the pause between tries at a lock that another has: writes are short.
const lockPause = 5 * time.Millisecond

// lock waits until no other instance or process writes to the file, or ctx is done: one that keeps the lock must not keep us.
func lock(ctx context.Context, f *os.File) error {
	var pause *time.Timer
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if pause == nil {
			pause = time.NewTimer(lockPause)
			defer pause.Stop()
		} else {
			pause.Reset(lockPause)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
