package lines

import (
	"context"
	"fmt"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/sdk"
)

// Backend is where a Feed's lines go: what is different between the sinks that send lines. It is used by one goroutine at a
// time.
type Backend interface {
	// Take makes a record of a line and holds it. own: the host is done with the line's batch, so the sink alone is
	// responsible for it; otherwise the line belongs to the batch that is being written.
	Take(l *Line, own bool)
	// Send sends what is held, own lines first, and keeps what it could not send.
	Send(ctx context.Context) error
	// Held is how many records are held, of the batch and own ones.
	Held() (batch, own int)
	// Forget drops what is held of the batch.
	Forget()
	// End releases what the backend holds open. It is called once, last.
	End()
}

// Feed implements a log sink with a Backend: it splits chunks into lines, continues a batch where the previous attempt
// stopped, and sends unfinished lines that nothing follows. It has the methods of sdk.LogSink, sdk.Closer and sdk.HealthChecker.
type Feed struct {
	out     Backend
	idle    time.Duration // after which an unfinished line is sent
	timeout time.Duration // of such a try

	// what follows belongs to the goroutine that holds turn
	turn   chan struct{}
	lines  *Assembler
	at     uint64 // the batch that something is held of
	timer  *time.Timer
	ended  time.Time // when Write returned last
	closed bool

	outcome.Last
}

// NewFeed makes a Feed of lines of at most max bytes.
func NewFeed(out Backend, maxLine int, idle, timeout time.Duration) *Feed {
	return NewFeedOf(out, New(maxLine), idle, timeout)
}

// NewFeedOf makes a Feed of the lines of an Assembler.
func NewFeedOf(out Backend, a *Assembler, idle, timeout time.Duration) *Feed {
	f := &Feed{out: out, idle: idle, timeout: timeout, turn: make(chan struct{}, 1), lines: a}
	f.timer = time.AfterFunc(idle, f.flushIdle)
	f.timer.Stop()
	return f
}

// enter waits for the turn; leave releases it.
func (f *Feed) enter(ctx context.Context) error {
	select {
	case f.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Feed) leave() { <-f.turn }

func (f *Feed) own(l *Line)     { f.out.Take(l, true) }
func (f *Feed) ofBatch(l *Line) { f.out.Take(l, false) }

// Write is sdk.LogSink's. A batch that comes again after an error goes on where it stopped.
func (f *Feed) Write(ctx context.Context, b *sdk.LogBatch) error {
	if err := f.enter(ctx); err != nil {
		return err
	}
	defer f.leave()
	if held, _ := f.out.Held(); held == 0 || f.at != b.Seq {
		f.out.Forget() // of a batch that the host has given up, and counted
		f.at = b.Seq
		now := time.Now()
		for i := range b.Records {
			f.lines.Add(&b.Records[i], now, f.ofBatch)
		}
	}
	err := f.out.Send(ctx)
	f.ended = time.Now()
	if sdk.IsFinal(err) {
		f.out.Forget() // the host counts it as lost; held, it would keep unfinished lines from being sent
	}
	f.arm()
	return f.Note(err)
}

// arm sets the timer where there is something to send later.
func (f *Feed) arm() {
	if _, own := f.out.Held(); own > 0 || f.lines.Held() > 0 {
		f.timer.Reset(f.idle)
	}
}

// flushIdle sends lines that nothing has followed for long. It is the timer's function.
func (f *Feed) flushIdle() {
	ctx, cancel := context.WithTimeout(context.Background(), f.timeout)
	defer cancel()
	if f.enter(ctx) != nil {
		return // Write is at work, and sets the timer
	}
	defer f.leave()
	if f.closed {
		return
	}
	if rest := f.idle - time.Since(f.ended); rest > 0 {
		// the timer ran off during a Write that took long: what follows the unfinished lines may be in the next batch
		f.timer.Reset(rest)
		return
	}
	batch, own := f.out.Held()
	if batch > 0 { // the host tries that again, and it comes first
		f.arm()
		return
	}
	if own == 0 { // else the receiver is not there, and more would only be held in another place
		f.lines.Flush(time.Now(), f.idle, f.own)
	}
	_ = f.Note(f.out.Send(ctx))
	f.arm()
}

// Close is sdk.Closer's: it sends what is held.
func (f *Feed) Close(ctx context.Context) error {
	if err := f.enter(ctx); err != nil {
		return fmt.Errorf("cannot send what is held of unfinished lines: %w", err)
	}
	defer f.leave()
	f.closed = true
	f.timer.Stop()
	err := f.out.Send(ctx)
	f.lines.Flush(time.Now(), 0, f.own)
	if err == nil {
		err = f.out.Send(ctx)
	}
	batch, own := f.out.Held()
	f.out.End()
	switch {
	case err == nil:
		return nil
	case own > 0:
		return fmt.Errorf("%d unfinished lines are lost: %w", own, err)
	}
	return fmt.Errorf("%d lines of the last batch are not sent: %w", batch, err)
}
