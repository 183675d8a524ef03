// Package settle releases the memory that a process needed for a while only. A Go program with gRPC, TLS and many packages in it runs
// through most of its file as it starts, and the kernel maps 64 KB around each page that is touched: at rest it would hold 10 to 15 MB more
// than it uses. What is given back is the file's, which comes from the page cache when it is needed again, and free heap.
package settle

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// calm is how long after a garbage collection memory is given back: what caused it may not be over yet.
	calm = 5 * time.Second
	// seldom is the shortest time between two times. After it, it is looked once whether the work went on.
	seldom = 20 * time.Second
	// enough is how many page faults since the last time make it worthwhile.
	enough = 200
)

// Start gives memory back after a time, which is that of the program's own start, and again some seconds after garbage was collected, which
// happens only where there was work. An idle process is not woken. stop ends it and waits for its goroutine.
func Start(after time.Duration) (stop func()) {
	return start(settler{after: after, calm: calm, seldom: seldom, faults: faults, giveBack: giveBack})
}

// settler is what Start does, with what tests replace.
type settler struct {
	after, calm, seldom time.Duration
	faults              func() int64 // of the process up to now; they grow where memory does
	giveBack            func()
}

func start(s settler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { s.run(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}

func (s settler) run(ctx context.Context) {
	b := &beacon{collected: make(chan struct{}, 1)}
	collected := b.collected
	b.light()
	wait := s.after
	var last int64 // faults when memory was given back
	for {
		if !pause(ctx, wait) {
			return
		}
		if s.faults()-last >= enough {
			s.giveBack()
			last = s.faults()
			wait = s.seldom
			continue
		}
		wait = s.calm
		seen := collections() // those of giveBack among them, which are no sign of work
		for next := false; !next; {
			select {
			case <-collected:
				next = collections() > seen
			case <-ctx.Done():
				return
			}
		}
	}
}

// pause waits. It reports false once ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// beacon is an object that nobody refers to: its finalizer runs after each collection. Go has no other notification of them. The last one
// goes with the channel's reader.
type beacon struct{ collected chan struct{} }

func (b *beacon) light() { runtime.SetFinalizer(b, (*beacon).seen) }

func (b *beacon) seen() {
	select {
	case b.collected <- struct{}{}:
	default:
	}
	b.light()
}

// collections is how many times garbage was collected.
func collections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
