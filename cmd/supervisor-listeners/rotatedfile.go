package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// rotatedFile is a file of lines that moves aside to path.1, path.2 and so on when
// it would grow beyond maxBytes, as Supervisor's logs do.
type rotatedFile struct {
	path     string
	maxBytes int64 // 0: never rotated
	backups  int   // 0: the file begins again
	sync     bool

	file *os.File
	size int64
}

// append writes a line whole or, with an error, not at all.
func (f *rotatedFile) append(line []byte) error {
	if err := f.open(); err != nil {
		return fmt.Errorf("cannot open the event log: %w", err)
	}
	if f.maxBytes > 0 && f.size > 0 && f.size+int64(len(line)) > f.maxBytes {
		if err := f.rotate(); err != nil {
			return fmt.Errorf("cannot rotate the event log: %w", err)
		}
	}
	n, err := f.file.Write(line)
	if err == nil && f.sync {
		err = f.file.Sync()
	}
	if err != nil {
		if n > 0 {
			err = errors.Join(err, f.file.Truncate(f.size))
		}
		return fmt.Errorf("cannot write the event log: %w", err)
	}
	f.size += int64(n)
	return nil
}

// open opens the file, again if it was moved or removed.
func (f *rotatedFile) open() error {
	if f.file != nil {
		ours, err := f.file.Stat()
		if err == nil {
			there, err := os.Stat(f.path)
			if err == nil && os.SameFile(ours, there) {
				f.size = ours.Size() // it may have been truncated
				return nil
			}
		}
		f.close()
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err
	}
	f.file, f.size = file, info.Size()
	return nil
}

func (f *rotatedFile) rotate() error {
	if f.backups == 0 {
		if err := f.file.Truncate(0); err != nil {
			return err
		}
		f.size = 0
		return nil
	}
	f.close()
	for i := f.backups; i > 0; i-- {
		from := f.path
		if i > 1 {
			from += "." + strconv.Itoa(i-1)
		}
		if err := os.Rename(from, f.path+"."+strconv.Itoa(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return f.open()
}

func (f *rotatedFile) close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}
