package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// slotSize is how far the two slots of a file are apart, and the most that one takes. Bytes.
const slotSize = 2048

// slots is a small file with two places that are written in turn: one of them is whole whatever happens while the other is written.
type slots struct {
	name       string
	file       *os.File // nil: not opened yet
	generation uint64   // of the slot written last
}

// slotState says what a file of slots was found to be.
type slotState struct {
	there   bool    // there was one
	ok      bool    // a slot is whole
	sure    bool    // and it is the one that was written last: the other is whole too, or was never written
	damaged *Report // neither is whole; nil: there was no file, or one is
}

// load reads a file of slots. A damaged one is set aside and reported as kind.
func load[T any](s *Spool, f *slots, kind ReportKind, parse func(slot []byte) (v T, generation uint64, ok bool)) (v T, is slotState, err error) {
	in, err := s.root.Open(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return v, is, nil
	}
	if err != nil {
		return v, is, err
	}
	is.there = true
	b, err := io.ReadAll(io.LimitReader(in, 2*slotSize))
	_ = in.Close()
	if err == nil {
		if v, f.generation, is.ok, is.sure = newest(b, parse); is.ok {
			return v, is, nil
		}
		err = errors.New("neither slot is whole")
	}
	r := &Report{Kind: kind, File: f.name, Bytes: int64(len(b)), Err: err}
	r.Aside = fmt.Sprintf("%s-%d%s", f.name, time.Now().Unix(), asideSuffix)
	if err := s.disk.rename(s.root, f.name, r.Aside); err != nil {
		r.Aside = ""
	}
	is.damaged = r
	return v, is, nil
}

// newest parses the slots of a file and keeps the one of the greater generation. sure: nothing else in the file is damaged.
func newest[T any](b []byte, parse func(slot []byte) (v T, generation uint64, ok bool)) (v T, generation uint64, ok, sure bool) {
	wholes := 0
	for i := 0; i < 2 && i*slotSize < len(b); i++ {
		slot, g, whole := parse(b[i*slotSize : min(len(b), (i+1)*slotSize)])
		if !whole {
			continue
		}
		wholes++
		if !ok || g > generation {
			v, generation, ok = slot, g, true
		}
	}
	unwritten := wholes == 1 && generation == 1 && len(b) == 2*slotSize && slices.Max(b[:slotSize]) == 0 // the first goes into the second slot
	return v, generation, ok, wholes == 2 || unwritten
}

// save writes what appendTo appends, for the generation it is given, into the slot that was not written last. A file that lost
// its name or its end is made again.
func (f *slots) save(s *Spool, appendTo func(b []byte, generation uint64) []byte) error {
	if f.file != nil && !intact(f.file, 2*slotSize) {
		f.close()
	}
	if f.file == nil {
		file, err := s.disk.open(s.root, f.name, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return err
		}
		if !intact(file, 2*slotSize) {
			// Both slots take their room now: overwriting works on a full disk.
			if _, err := s.disk.writeAt(file, make([]byte, 2*slotSize), 0); err != nil {
				_ = file.Close()
				return err
			}
		}
		f.file = file
	}
	next := f.generation + 1
	s.buf = appendTo(s.buf[:0], next)
	if _, err := s.disk.writeAt(f.file, s.buf, int64(next%2)*slotSize); err != nil {
		return err
	}
	f.generation = next
	return nil
}

// sync makes what was saved survive loss of power. After a failure the next save writes the same page again.
func (f *slots) sync(s *Spool) error {
	if f.file == nil {
		return nil
	}
	if err := s.disk.sync(f.file); err != nil {
		return err
	}
	return s.disk.syncDir(s.root)
}

func (f *slots) close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}
