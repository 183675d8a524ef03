package rpc

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// stepped is the machine's clock, whose wall time is set forward and back. The monotonic reading goes on as usual.
type stepped struct{ seconds atomic.Int64 }

func (c *stepped) now() time.Time {
	t := time.Now()
	// Package time has no means for that: the first word of a Time with both readings is a flag, 33 bits of seconds and 30 of nanoseconds.
	*(*uint64)(unsafe.Pointer(&t)) += uint64(c.seconds.Load()) << 30 //nolint:gosec // two's complement
	return t
}

// A step of the clock makes no client slow, and keeps none from being it.
func TestAStepOfTheClockMakesNobodySlow(t *testing.T) {
	for _, step := range []time.Duration{-30 * 24 * time.Hour, -time.Hour, time.Hour, 30 * 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			clock := &stepped{}
			p := newPlacesBy(patient(2), clock.now)
			enter := func() (*conn, net.Conn) {
				near, far := net.Pipe()
				t.Cleanup(func() { _ = far.Close() })
				c := &conn{Conn: near, places: p, writeTime: testkit.Patience}
				c.enter(fresh)
				if err := p.take(c, nil); err != nil {
					t.Fatal(err)
				}
				return c, far
			}
			sender, _ := enter()
			reader, far := enter()
			reader.enter(working)
			written := make(chan error, 1)
			go func() {
				_, err := reader.Write([]byte("answer"))
				written <- err
			}()
			testkit.Until(t, "the condition holds", func() bool { return reader.writing.Load() != 0 })
			sender.enter(sending)
			clock.seconds.Store(int64(step / time.Second))
			if p.worst(notAtAll, false) != nil {
				t.Error("a client that is served counts as slow")
			}
			testkit.Until(t, "the condition holds", func() bool { return p.worst(notAtAll, false) != nil })
			if _, err := io.ReadFull(far, make([]byte, len("answer"))); err != nil {
				t.Error(err)
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
			testkit.Until(t, "the condition holds", func() bool { return p.worst(notAtAll, false) == sender })
		})
	}
}
