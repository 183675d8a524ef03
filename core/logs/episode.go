package logs

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Calm is how long a log must have been written without a failure before its episode is over: a disk that has room
// for a moment, again and again, is one that is full.
const Calm = 10 * time.Second

// Episode is a time in which a log cannot be written, from its first failure until it was written for Calm without
// another. It decides what is reported of them. Several Files of one log, one after the other, may share one, so that a
// program that is started again and again on a full disk does not begin a new episode each time. Its methods may be
// called from any goroutine. The zero value is ready.
type Episode struct {
	now func() time.Time // nil: time.Now

	mu       sync.Mutex
	told     bool // its begin was announced
	toldDrop bool
	dropped  int64     // bytes lost in it
	since    time.Time // when all that was kept had been written; zero: it is not, or there is no episode

	unsettled atomic.Bool // since is not zero
}

// failed notes a write that failed, with dropped more bytes lost, and returns what is new about that, or nil.
func (e *Episode) failed(path string, cause error, dropped, kept int64) *Trouble {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over() {
		e.end() // no write has been attempted since
	}
	e.settle(time.Time{})
	e.dropped += dropped
	t := &Trouble{Path: path, Err: cause, Dropped: e.dropped, Kept: kept}
	switch {
	case e.dropped > 0 && !e.toldDrop:
		e.told, e.toldDrop = true, true
		t.Kind = Dropping
	case !e.told && !errors.Is(cause, ErrStalled):
		e.told = true
		t.Kind = Failing
	default:
		return nil
	}
	return t
}

// abandoned notes bytes that were lost because the log was closed.
func (e *Episode) abandoned(path string, cause error, dropped int64) *Trouble {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropped += dropped
	t := &Trouble{Kind: Abandoned, Path: path, Err: cause, Dropped: e.dropped}
	e.dropped = 0
	e.settle(e.clock())
	return t
}

// written notes that all that was kept is written.
func (e *Episode) written() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.told {
		e.end()
		return
	}
	e.settle(e.clock())
}

// Unsettled reports whether the end of the episode is still to be announced: Settle must be called later.
func (e *Episode) Unsettled() bool { return e.unsettled.Load() }

// Settle ends the episode of the log at path if that was written for Calm; then the error is a *Trouble that says so.
func (e *Episode) Settle(path string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over() {
		return nil
	}
	t := &Trouble{Kind: Recovered, Path: path, Dropped: e.dropped}
	e.end()
	return t
}

func (e *Episode) over() bool { return !e.since.IsZero() && e.clock().Sub(e.since) >= Calm }

func (e *Episode) end() {
	e.told, e.toldDrop, e.dropped = false, false, 0
	e.settle(time.Time{})
}

func (e *Episode) settle(since time.Time) {
	e.since = since
	e.unsettled.Store(!since.IsZero())
}

func (e *Episode) clock() time.Time {
	if e.now == nil {
		return time.Now()
	}
	return e.now()
}
