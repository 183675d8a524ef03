package filejson

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/hark-supervisor/hark/core/held"
)

// stampForm is the time in the name of a backup: names in order are backups in order.
const stampForm = "20060102T150405.000000Z"

// file is a file that lines are appended to, with its backups. write is called by one goroutine at a time; other instances, of
// this process or another, may append to the same file, each write under a lock.
type file struct {
	p   place
	log hclog.Logger
	now func() time.Time

	dir   *held.Dir // of f
	name  string    // of f in it
	f     *os.File
	info  fs.FileInfo
	left  int64 // its size after our last write; -1 before the first
	begun time.Time

	tidy sync.WaitGroup // the one goroutine that compresses and removes
	mu   sync.Mutex
	busy bool // it is at work
	more bool // it is to look again
}

func newFile(p place, log hclog.Logger) (*file, error) {
	f := &file{p: p, log: log, now: time.Now}
	if err := f.open(); err != nil {
		return nil, err
	}
	f.tidyUp() // what a process before this one has left
	return f, nil
}

func (f *file) open() error {
	// Not through a link that another user can exchange: the directory may be theirs.
	dir, name, err := held.OpenParent(f.p.Path)
	if err != nil {
		return fmt.Errorf("cannot open it: %w", err)
	}
	opened, err := dir.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, fs.FileMode(f.p.mode))
	if err != nil {
		_ = dir.Close()
		return fmt.Errorf("cannot open it: %w", err)
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err != nil {
		_, _ = opened.Close(), dir.Close()
		return fmt.Errorf("cannot use %s: %w", f.p.Path, err)
	}
	f.dir, f.name, f.f, f.info, f.left, f.begun = dir, name, opened, info, -1, f.now()
	if info.Size() > 0 {
		f.begun = info.ModTime() // the nearest thing to when another process began it
	}
	return nil
}

func (f *file) close() {
	if f.f != nil {
		_ = f.f.Close() // and with it goes the lock
		_ = f.dir.Close()
		f.f, f.dir = nil, nil
	}
}

// write appends whole lines, all or none of them.
func (f *file) write(ctx context.Context, lines []byte) error {
	const tries = 5
	for range tries {
		done, err := f.try(ctx, lines)
		if done || err != nil {
			return err
		}
	}
	return errors.New("cannot write: the file is replaced again and again")
}

// try appends lines; false where the file turned out to be another's, or full, and the next try has a new one.
func (f *file) try(ctx context.Context, lines []byte) (done bool, err error) {
	if f.f == nil {
		if err := f.open(); err != nil {
			return false, err
		}
	}
	if err := lock(ctx, f.f); err != nil {
		return false, fmt.Errorf("cannot lock it: %w", err)
	}
	defer func() {
		if f.f != nil {
			unlock(f.f)
		}
	}()
	if info, err := os.Lstat(f.p.Path); err != nil || !os.SameFile(info, f.info) {
		f.close() // the file has been moved or removed
		return false, nil
	}
	info, err := f.f.Stat()
	if err != nil {
		return false, err
	}
	size := info.Size()
	if size > 0 && (f.p.MaxSize > 0 && size+int64(len(lines)) > f.p.MaxSize || f.p.Every > 0 && f.now().Sub(f.begun) >= f.p.Every) {
		return false, f.rotate()
	}
	if size > 0 && size != f.left { // others have written; one of them may have been killed within a line
		last := make([]byte, 1)
		if _, err := f.f.ReadAt(last, size-1); err == nil && last[0] != '\n' {
			if err := f.append(size, []byte{'\n'}); err != nil {
				return false, err
			}
			size++
		}
	}
	return true, f.append(size, lines)
}

// append writes behind size, or nothing.
func (f *file) append(size int64, lines []byte) error {
	n, err := f.f.Write(lines)
	if err == nil && f.p.Sync {
		err = f.f.Sync()
	}
	if err == nil {
		f.left = size + int64(n)
		return nil
	}
	if cut := f.f.Truncate(size); cut != nil && n > 0 { // half a line would spoil the next
		err = fmt.Errorf("%w; and the half that was written stays: %w", err, cut)
	}
	return fmt.Errorf("cannot write: %w", err)
}

// rotate makes the file a backup; the next try begins a new one.
func (f *file) rotate() error {
	if f.p.Backups == 0 {
		if err := f.dir.Remove(f.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot begin a new file: %w", err)
		}
		f.close()
		return nil
	}
	if err := f.dir.Rename(f.name, f.name+"."+f.now().UTC().Format(stampForm)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot begin a new file: %w", err)
	}
	f.close()
	f.tidyUp()
	return nil
}

// tidyUp compresses and removes backups, behind the writer's back: neither may hold up a program's output.
func (f *file) tidyUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy {
		f.more = true
		return
	}
	f.busy = true
	f.tidy.Go(func() {
		for {
			if err := f.tidyOnce(); err != nil {
				f.log.Error("cannot put backups in order", "path", f.p.Path, "error", err.Error())
			}
			if !f.tidyAgain() {
				return
			}
		}
	})
}

// tidyAgain reports whether tidyUp was called meanwhile.
func (f *file) tidyAgain() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy, f.more = f.more, false
	return f.busy
}

// end closes the file and waits for the backups.
func (f *file) end() {
	f.close()
	f.tidy.Wait()
}

// backups are the names of the backups of a file, oldest first. What is half compressed is removed.
func backups(dir *held.Dir, of string) ([]string, error) {
	entries, err := dir.Names()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range entries {
		stamp, ok := strings.CutPrefix(name, of+".")
		if !ok {
			continue
		}
		if st, err := dir.Stat(name); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
			continue
		}
		stamp, half := strings.CutSuffix(stamp, ".tmp")
		stamp = strings.TrimSuffix(strings.TrimSuffix(stamp, ".gz"), ".zst")
		if _, err := time.Parse(stampForm, stamp); err != nil {
			continue // not one of ours
		}
		if half {
			_ = dir.Remove(name)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (f *file) tidyOnce() error {
	dir, name, err := held.OpenParent(f.p.Path)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only a descriptor
	names, err := backups(dir, name)
	if err != nil {
		return err
	}
	var errs []error
	if more := len(names) - f.p.Backups; more > 0 {
		for _, name := range names[:more] {
			errs = append(errs, dir.Remove(name))
		}
		names = names[more:]
	}
	for _, name := range names {
		if f.p.Compress != "none" && !strings.HasSuffix(name, ".gz") && !strings.HasSuffix(name, ".zst") {
			errs = append(errs, f.compress(dir, name))
		}
	}
	return errors.Join(errs...)
}

// compress makes a compressed file of a backup, which then takes its place: whenever it breaks off, one of both is whole.
func (f *file) compress(dir *held.Dir, name string) (err error) {
	suffix := ".gz"
	if f.p.Compress == "zstd" {
		suffix = ".zst"
	}
	in, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return err // it is not one of our backups
	}
	half := name + suffix + ".tmp"
	out, err := dir.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(f.p.mode))
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, out.Close())
		if err == nil {
			err = dir.Rename(half, name+suffix)
		}
		if err != nil {
			_ = dir.Remove(half)
			return
		}
		err = dir.Remove(name)
	}()
	var w io.WriteCloser
	if suffix == ".gz" {
		w = gzip.NewWriter(out)
	} else if w, err = zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return errors.Join(err, w.Close(), out.Sync())
}
