package spool

import (
	"errors"
	"fmt"
	"time"

	"github.com/hark-supervisor/hark/core/held"
)

// Errors for which callers may test with errors.Is.
var (
	// ErrClosed is returned by a spool after Close.
	ErrClosed = errors.New("spool is closed")
	// ErrLocked is wrapped by Open's error when another process, or this one, has the spool open.
	ErrLocked = errors.New("in use by another process")
	// ErrTooLarge is wrapped by the error about a record that is larger than the spool's bounds allow.
	ErrTooLarge = errors.New("record too large")
	// ErrNoRoom is returned by Offer where a record would have to take the place of others, or the disk takes nothing.
	ErrNoRoom = errors.New("the spool has no room for more")
	// ErrUnsafe is wrapped by Open's error when another user owns or can write the spool's
	// directory or, if we are root, could have made a symbolic link that leads to it.
	ErrUnsafe = held.ErrUnsafe
)

// Options configures Open.
type Options struct {
	// Dir is an existing directory; the spool is the directory Name.spool in it.
	Dir string
	// Name distinguishes the spools of one Dir. Any non-empty string: characters that a file name
	// cannot contain are escaped.
	Name string
	// MaxBytes bounds the segment files together; the oldest records are discarded
	// for new ones. Bytes, at least 4096; default 64 MB. Files set aside as damaged
	// are not counted.
	MaxBytes int64
	// SegmentBytes is when a new segment begins. Bytes, at least 1024; default 8 MB,
	// at most a quarter of MaxBytes.
	SegmentBytes int64
	// QueueBytes bounds what waits in memory to be written, which grows only while
	// the disk is slow or fails; beyond it the oldest of the queue is discarded.
	// Bytes; default 16 MB.
	QueueBytes int64
	// Sync makes every commit wait for the disk (fsync), so that committed records
	// survive loss of power. Default false.
	Sync bool
	// CommitEvery is the least time between two commits. A record that comes after
	// a longer quiet, or for which the consumer waits, is committed at once. Default
	// 1 ms.
	CommitEvery time.Duration
	// Report is called with each Report: in Open on its caller's goroutine, afterwards
	// on the spool's. It must not block for long or call Close. Nil: it is not called.
	Report func(Report)
	// Ready is called, on the spool's goroutine, when there is a record for the
	// cursor again after Next or Peek had none (records that Open recovered are available
	// at once). It must not block for long or call Close. Nil: it is not called.
	Ready func()
}

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		return o, errors.New("a spool needs a name")
	}
	if o.Dir == "" {
		return o, errors.New("a spool needs a directory")
	}
	for _, d := range []struct {
		name                   string
		value                  *int64
		least, most, otherwise int64
	}{
		{"MaxBytes", &o.MaxBytes, 4096, 1 << 60, 64 << 20},
		{"SegmentBytes", &o.SegmentBytes, 1024, 1 << 60, 8 << 20},
		{"QueueBytes", &o.QueueBytes, 1024, 1 << 60, 16 << 20},
		{"CommitEvery", (*int64)(&o.CommitEvery), 1, int64(time.Hour), int64(time.Millisecond)},
	} {
		if *d.value == 0 {
			*d.value = d.otherwise
		}
		if *d.value < d.least || *d.value > d.most {
			return o, fmt.Errorf("%s %d is not within %d and %d", d.name, *d.value, d.least, d.most)
		}
	}
	o.SegmentBytes = min(o.SegmentBytes, o.MaxBytes/4)
	return o, nil
}

// maxRecord is the largest frame a spool takes.
func (o Options) maxRecord() int64 { return min(o.MaxBytes/2, o.QueueBytes, 1<<30) }
