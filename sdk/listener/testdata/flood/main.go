// Command flood is the listener in Go of the benchmark harness: flood SHM [FIFO|-] takes events whose data is
// "sequence nanoseconds…" and keeps count, order and latencies where the harness looks for them (bench/helpers/common.h).
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/sdk/listener"
)

// The places of the shared area: eight bytes each.
const (
	received = iota
	firstAt
	lastAt
	misordered
	duplicates
	bad
	nextSeq
	_
	latencies
	places = latencies + 200000
)

type area []byte

func (a area) at(i int) *uint64 { return (*uint64)(unsafe.Pointer(&a[8*i])) }

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: flood SHM [FIFO|-]")
	}
	f, err := os.OpenFile(args[0], os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if err := f.Truncate(8 * places); err != nil {
		return err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, 8*places, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	shm := area(b)
	credit := -1
	if len(args) > 1 && args[1] != "-" {
		if credit, err = syscall.Open(args[1], syscall.O_RDWR|syscall.O_NONBLOCK, 0); err != nil {
			return err
		}
	}
	var mu sync.Mutex
	return listener.Serve(context.Background(), func(_ context.Context, e listener.Event) error {
		mu.Lock()
		defer mu.Unlock()
		shm.note(e.Payload, now())
		if credit >= 0 {
			_, _ = syscall.Write(credit, []byte{'x'})
		}
		return nil
	})
}

func (a area) note(payload []byte, at uint64) {
	_, data, _ := bytes.Cut(payload, []byte{'\n'})
	if len(data) < 30 {
		*a.at(bad)++
		return
	}
	seq, err := strconv.ParseUint(string(data[:9]), 10, 64)
	sent, serr := strconv.ParseUint(string(data[10:30]), 10, 64)
	if err != nil || serr != nil || seq >= places-latencies {
		*a.at(bad)++
		return
	}
	if *a.at(received) == 0 {
		*a.at(firstAt) = at
	}
	*a.at(lastAt) = at
	if seq < *a.at(nextSeq) {
		*a.at(misordered)++
	} else {
		*a.at(nextSeq) = seq + 1
	}
	if lat := a.at(latencies + int(seq)); *lat != 0 {
		*a.at(duplicates)++
	} else {
		*lat = at - sent
	}
	atomic.AddUint64(a.at(received), 1)
}

// now is CLOCK_MONOTONIC, which all the harness's programs share.
func now() uint64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return uint64(ts.Nano())
}
