// Package guard starts the goroutines of the host of plugins, so that a panic in one of them is the end of what it was about, and not of
// the daemon.
package guard

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/internal/backoff"
)

const (
	// mendDelay is the delay before code that panicked runs again, doubled each time up to mendMax; mendCalm without a panic resets it.
	mendDelay = 100 * time.Millisecond
	mendMax   = 30 * time.Second
	mendCalm  = time.Minute
)

// Part is a part of the host that has goroutines of its own: a plugin, a notifier, a log sink, all of them together. All of them
// are started by Start. A panic in one of them is a defect of Hark's: it is logged, with the stack once for each task, and counted, and ends what that
// goroutine was at and nothing else. Its methods may be called from any goroutine.
type Part struct {
	log hclog.Logger

	mu     sync.Mutex
	panics int
	told   map[string]bool // tasks whose stack has been logged
}

// New makes a part that reports panics to log.
func New(log hclog.Logger) *Part { return &Part{log: log, told: map[string]bool{}} }

// Start calls f on a goroutine that group waits for; a nil group does not wait. task is a few words, for the log.
func (p *Part) Start(group *sync.WaitGroup, task string, f func()) {
	if group == nil {
		group = &sync.WaitGroup{}
	}
	group.Go(func() { _ = p.Try(task, f) })
}

// Try calls f, and makes an error of a panic.
func (p *Part) Try(task string, f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = p.panicked(task, r)
		}
	}()
	f()
	return nil
}

// Guarded is f for what is called by others: timers and contexts that end.
func (p *Part) Guarded(task string, f func()) func() {
	return func() { _ = p.Try(task, f) }
}

// Keep calls f until it returns. After a panic, mend repairs what f may have left half done, and f is called again, after a growing delay. Once ctx is
// done it is called again at once, and only once.
func (p *Part) Keep(ctx context.Context, task string, f func(), mend func(error)) {
	for row := 1; ; row++ {
		began := time.Now()
		err := p.Try(task, f)
		if err == nil {
			return
		}
		over := ctx.Err() != nil
		_ = p.Try(task, func() { mend(err) })
		if over {
			return
		}
		if time.Since(began) > mendCalm {
			row = 1
		}
		timer := time.NewTimer(backoff.After(row, mendDelay, mendMax))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// panicked notes a panic, from where it was recovered.
func (p *Part) panicked(task string, r any) error {
	err := fmt.Errorf("internal error in %s: %v", task, r)
	if n, first := p.count(task); first {
		p.log.Error(err.Error()+"; please report this", "internal_errors", n, "stack", string(debug.Stack()))
	} else {
		p.log.Error(err.Error(), "internal_errors", n)
	}
	return err
}

func (p *Part) count(task string) (n int, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.panics++
	first = !p.told[task]
	p.told[task] = true
	return p.panics, first
}

// Defects is how many panics there were.
func (p *Part) Defects() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.panics
}
