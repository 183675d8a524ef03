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
	// calm is the time in which fewer than few page faults mean that the work is over.
	calm = 250 * time.Millisecond
	few  = 50
	// often is the shortest time between the first time and the second; each next one is twice as long, up to seldom. After it, it is looked once whether
	// the work went on.
	often  = time.Second
	seldom = 20 * time.Second
	// enough is how many page faults since the last time make it worthwhile.
	enough = 200
)

// Start gives memory back once the program's own start is over, which takes at least after, and again when work is over during which garbage was
// collected. An idle process is not woken. stop ends it and waits for its goroutine.
func Start(after time.Duration) (stop func()) {
	return start(settler{after: after, calm: calm, often: often, seldom: seldom, faults: faults, giveBack: giveBack})
}

// settler is what Start does, with what tests replace.
type settler struct {
	after, calm, often, seldom time.Duration
	faults                     func() int64 // of the process up to now; they grow where memory does
	giveBack                   func()
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
	wait, gap := s.after, s.often
	var last int64 // faults when memory was given back
	for pause(ctx, wait) {
		if s.faults()-last >= enough {
			if !s.rest(ctx) {
				return
			}
			s.giveBack()
			last = s.faults()
			wait, gap = gap, min(2*gap, s.seldom)
			continue
		}
		wait = 0
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

// rest waits until there are few faults for a while. It reports false once ctx is done.
func (s settler) rest(ctx context.Context) bool {
	for now := s.faults(); pause(ctx, s.calm); {
		before := now
		if now = s.faults(); now-before < few {
			return true
		}
	}
	return false
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
