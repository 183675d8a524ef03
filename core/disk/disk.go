// Package disk has what is read from disks for clients wait for its turn, so that a slow disk takes few threads.
package disk

import (
	"errors"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/rpc"
)

// Readers is how many clients are read files for at a time.
const Readers = 2

// Turns are turns at the disk, Readers at a time.
type Turns struct{ taken chan struct{} }

// NewTurns returns turns that are all free.
func NewTurns() *Turns { return &Turns{make(chan struct{}, Readers)} }

// Take waits for a turn; done lets the next in.
func (t *Turns) Take() (done func()) {
	t.taken <- struct{}{}
	return func() { <-t.taken }
}

// Logs reads logs for clients, a turn for each piece.
func (t *Turns) Logs() rpc.Logs {
	return rpc.Logs{
		Read: func(path string, offset, length int64) (rpc.LogSlice, error) {
			defer t.Take()()
			s, err := open(path, offset, length)
			if err != nil {
				return nil, err
			}
			return &slice{s, t}, nil
		},
		Tail: func(path string, offset, length int64) (rpc.LogSlice, int64, bool, error) {
			defer t.Take()()
			s, end, overflow, err := logs.OpenTail(path, offset, length)
			if err != nil {
				return nil, end, overflow, err
			}
			return &slice{s, t}, end, overflow, nil
		},
		Follow: follow,
	}
}

// slice is a part of a log that waits for its turn at the disk for each piece.
type slice struct {
	*logs.Slice
	turns *Turns
}

// ReadAt implements io.ReaderAt.
func (s *slice) ReadAt(b []byte, at int64) (int, error) {
	defer s.turns.Take()()
	return s.Slice.ReadAt(b, at)
}

// open is logs.OpenSlice with the errors that core/rpc knows.
func open(path string, offset, length int64) (*logs.Slice, error) {
	s, err := logs.OpenSlice(path, offset, length)
	switch {
	case errors.Is(err, logs.ErrBadArguments):
		return nil, &core.Error{Kind: core.BadArguments}
	case errors.Is(err, logs.ErrNoFile):
		return nil, &core.Error{Kind: core.NoFile, Detail: path}
	case err != nil:
		return nil, &core.Error{Kind: core.Failed}
	}
	return s, nil
}

func follow(path string, head int64) (rpc.Follower, error) {
	f, err := logs.NewFollower(path, head)
	if err != nil {
		return nil, err
	}
	return f, nil
}
