// Package termination ensures that the daemon ends when it is asked to: TERM, INT and QUIT end it, whatever it is busy
// with. While its loop runs they are the loop's, which stops the programs. Outside of it, when there is no program, and
// if the loop does not respond, a disk that hangs, or a defect, delays the end for a limited time.
package termination

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
)

const (
	// loopTime is how long the loop may take to hear of a signal: a turn of it takes milliseconds.
	loopTime = 10 * time.Second
	// idleTime is how long a start, or what is between two lives, may take to come to an end, or to the loop, after a signal.
	idleTime = 10 * time.Second
	// impatience is how long after the first signal another one means that the user is waiting: plugins and clients are not waited for any longer then.
	// Two at once count as one: a terminal, or a wrapper, sends them twice.
	impatience = time.Second
	// stuckStatus is what the daemon exits with when its loop has to be given up.
	stuckStatus = 70
)

// Watch hands the signals to the loop and watches that the daemon ends after TERM.
type Watch struct {
	Signals chan os.Signal // the loop's
	log     func(config.Level, string)
	kill    func()           // kills every child
	exit    func(status int) // does not return

	Hurry     context.Context // done when a second signal has come
	impatient context.CancelFunc

	mu    sync.Mutex
	first time.Time // of the signals; zero: there was none
	heard func() bool
	place place
	timer *time.Timer // what is done when it is too late; nil: nothing
}

// place is where the daemon is in its life.
type place int

const (
	beforeLoop place = iota // no loop, and no programs
	inLoop                  // the loop runs
	afterLoop               // after the last program
)

// New makes a watch that logs, kills every child and exits by these functions.
func New(log func(config.Level, string), kill func(), exit func(int)) *Watch {
	t := &Watch{Signals: make(chan os.Signal, 16), log: log, kill: kill, exit: exit}
	t.Hurry, t.impatient = context.WithCancel(context.Background())
	return t
}

// Relay takes signals until done is called.
func (t *Watch) Relay() (done func()) {
	in := make(chan os.Signal, 16)
	signal.Notify(in, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR2)
	over := make(chan struct{})
	var gone sync.WaitGroup
	gone.Go(func() {
		for {
			select {
			case sig := <-in:
				t.take(sig)
			case <-over:
				return
			}
		}
	})
	return func() {
		signal.Stop(in)
		close(over)
		gone.Wait()
		t.stop()
	}
}

// take takes one signal.
func (t *Watch) take(sig os.Signal) {
	select {
	case t.Signals <- sig:
	default: // the loop has not heard of 16 before it
	}
	if sig != syscall.SIGHUP && sig != syscall.SIGUSR2 {
		t.asked(time.Now())
	}
}

func (t *Watch) asked(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first.IsZero() {
		t.first = now
		t.watch()
	} else if now.Sub(t.first) >= impatience {
		t.impatient()
	}
}

// Enter is called when the loop begins; heard reports, at any time, whether it is about to end the daemon.
func (t *Watch) Enter(heard func() bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.place, t.heard = inLoop, heard
	t.watch()
}

// Leave is called when the loop has ended to begin again.
func (t *Watch) Leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.place = beforeLoop
	t.watch()
}

// End is called when the loop has ended permanently. What follows may take so long; status is the daemon's exit status.
func (t *Watch) End(within time.Duration, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.place = afterLoop
	t.after(within, func() {
		t.log(config.CRIT, fmt.Sprintf("does not come to an end within %v: exiting now", within))
		t.exit(status)
	})
}

// watch arms the timer for the place, once there was a signal. Under the lock.
func (t *Watch) watch() {
	switch {
	case t.first.IsZero() || t.place == afterLoop:
	case t.place == beforeLoop:
		t.after(idleTime, func() {
			t.log(config.CRIT, fmt.Sprintf("still busy %v after a request to exit, and no program runs: exiting now", idleTime))
			t.exit(1)
		})
	default:
		heard := t.heard
		t.after(loopTime, func() {
			if heard() {
				return
			}
			t.log(config.CRIT, fmt.Sprintf("the supervisor does not answer a request to exit within %v: killing all processes", loopTime))
			t.kill()
			t.exit(stuckStatus)
		})
	}
}

// after has one thing done later, in the place of what was to be done. Under the lock.
func (t *Watch) after(d time.Duration, f func()) {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.timer = time.AfterFunc(d, f)
}

func (t *Watch) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
}
