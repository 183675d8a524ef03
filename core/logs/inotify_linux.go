package logs

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvery is how often the file is looked at where the kernel cannot notify.
const pollEvery = time.Second

// watch waits for changes of a file by inotify, through Go's poller. Where there
// are no more inotify instances available it looks once a second.
type watch struct {
	path string
	in   *os.File // nil: no inotify
	buf  []byte
	wd   int // the file's watch, -1: none
	dir  int // the directory's watch, -1: none
}

func newWatch(path string) *watch {
	w := &watch{path: path, buf: make([]byte, 4096), wd: -1, dir: -1}
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err == nil {
		w.in = os.NewFile(uintptr(fd), "inotify") //nolint:gosec // a descriptor is not negative
	}
	return w
}

// file watches another open file instead of the one before.
func (w *watch) file(f *os.File) {
	if w.in == nil {
		return
	}
	w.remove(&w.wd)
	w.remove(&w.dir)
	// By its descriptor, so that it is this file whatever its path means by now.
	// IN_ATTRIB reports that a link to it was removed.
	const mask = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF
	w.add(&w.wd, "/proc/self/fd/"+strconv.Itoa(int(f.Fd())), mask)
	if w.wd < 0 {
		w.close()
	}
}

// wait returns after a change, after limit, or with ctx's error. inPlace means
// that the path still is the watched file; otherwise a new file is waited for too.
func (w *watch) wait(ctx context.Context, inPlace bool, limit time.Duration) error {
	if w.in == nil {
		return pause(ctx, min(limit, pollEvery))
	}
	if !inPlace && w.dir < 0 {
		w.add(&w.dir, filepath.Dir(w.path), unix.IN_CREATE|unix.IN_MOVED_TO)
		if w.dir < 0 {
			return pause(ctx, min(limit, pollEvery))
		}
		return nil // it may have come before the watch
	}
	if err := w.in.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return pause(ctx, min(limit, pollEvery))
	}
	in := w.in
	stop := context.AfterFunc(ctx, func() { _ = in.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	// Which change it was does not matter: the caller looks.
	_, _ = w.in.Read(w.buf)
	return ctx.Err()
}

func (w *watch) close() {
	if w.in != nil {
		_ = w.in.Close()
		w.in = nil
	}
}

func (w *watch) add(wd *int, path string, mask uint32) {
	w.control(func(fd int) {
		n, err := unix.InotifyAddWatch(fd, path, mask)
		if err == nil {
			*wd = n
		}
	})
}

func (w *watch) remove(wd *int) {
	if *wd < 0 {
		return
	}
	w.control(func(fd int) { _, _ = unix.InotifyRmWatch(fd, uint32(*wd)) }) //nolint:gosec // not negative
	*wd = -1
}

// control returns the descriptor without removing it from Go's poller, as Fd would.
func (w *watch) control(do func(fd int)) {
	raw, err := w.in.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { do(int(fd)) }) //nolint:gosec // descriptors are small
}
