package logsink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/internal/backoff"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// errViolation is the reason why a stream is closed whose plugin acknowledged something that was not sent.
var errViolation = errors.New("the plugin broke the protocol")

// sinkStream is a stream with what ends it.
type sinkStream struct {
	delivery.LogStream
	end context.CancelFunc
}

// run sends batches until Close.
func (k *Sink) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		var b *logBatch
		var again time.Time
		var stream *sinkStream
		over := false
		k.locked(func() {
			b, again = k.next(now)
			stream = k.stream // b goes with it, even should it end in this moment
			over = k.closing && b == nil && k.idle() && (k.spool == nil || k.spool.Stats().Queued == 0)
		})
		switch {
		case b != nil:
			k.send(stream, b)
			continue
		case over || k.ctx.Err() != nil:
			return
		case again.IsZero():
			timer.Stop()
		default:
			timer.Reset(max(again.Sub(now), 0))
		}
		select {
		case <-k.wake:
		case <-timer.C:
		case <-k.ctx.Done():
		}
	}
}

// idle reports whether nothing is left to be written. Under the lock, as all that follows up to send.
func (k *Sink) idle() bool {
	return k.open == nil && len(k.sealed) == 0 && len(k.again) == 0 && len(k.flight) == 0 && k.spooling == nil
}

// next returns the batch to send at now and puts it among those in flight, or returns when to ask again; zero is not before something happens.
func (k *Sink) next(now time.Time) (*logBatch, time.Time) {
	var again time.Time
	room := len(k.flight) < k.o.MaxInFlight
	if k.open != nil && (room || k.spool != nil) {
		if due := k.open.since.Add(batchWait); now.Before(due) && !k.closing {
			again = delivery.Earlier(again, due)
		} else {
			k.seal()
		}
	}
	if !room {
		return nil, again
	}
	if k.stream == nil && now.Before(k.retryAt) {
		return nil, delivery.Earlier(again, k.retryAt)
	}
	if now.Before(k.hold) {
		return nil, delivery.Earlier(again, k.hold)
	}
	var b *logBatch
	switch {
	case k.againInFlight():
		return nil, again // those behind it must not come before it, should it be refused
	case len(k.again) > 0:
		b, k.again = k.again[0], k.again[1:]
		k.stats.Redelivered++
	case k.spool != nil:
		if b = k.fromSpool(); b == nil {
			return nil, again
		}
	case len(k.sealed) > 0:
		b, k.sealed = k.sealed[0], k.sealed[1:]
		k.lastSeq++
		b.seq = k.lastSeq
	default:
		return nil, again
	}
	b.sent = false
	b.out = now
	k.flight = append(k.flight, b)
	k.lookOut()
	return b, now
}

// againInFlight reports whether a batch is under way that was sent before.
func (k *Sink) againInFlight() bool {
	return slices.ContainsFunc(k.flight, func(b *logBatch) bool { return b.again })
}

// send sends a batch, on a new stream if there is none.
func (k *Sink) send(stream *sinkStream, b *logBatch) {
	var m *sdk.LogBatch
	k.locked(func() { m = b.message() })
	if stream == nil {
		ctx, end := context.WithCancel(k.ctx)
		opened, err := k.around.Open(ctx)
		if err != nil {
			end()
			k.retreat(nil, fmt.Errorf("cannot reach the plugin: %w", err))
			return
		}
		stream = &sinkStream{opened, end}
		k.locked(func() {
			k.stream = stream
			k.stats.Streams++
		})
		k.part.Start(&k.ended, "the answers of the sink", func() { k.receive(stream) })
	}
	err := stream.Send(m)
	k.locked(func() { b.sent = true })
	if err != nil {
		stream.end() // receive has the reason
	}
}

// receive takes the answers of a stream until it ends.
func (k *Sink) receive(stream *sinkStream) {
	defer stream.end()
	var err error
	if defect := k.part.Try("the answers of the sink", func() { err = k.receiveAll(stream) }); defect != nil {
		err = defect
	}
	k.retreat(stream, err)
}

func (k *Sink) receiveAll(stream *sinkStream) error {
	for {
		ack, err := stream.Recv()
		if err == nil {
			err = k.answered(ack)
		}
		if err != nil {
			return err
		}
	}
}

// mend runs after a panic of run: what is in flight is sent again, on another stream.
func (k *Sink) mend(defect error) {
	open := false
	k.locked(func() {
		if open = k.stream != nil; open {
			k.stream.end() // receive takes back what is under way
		}
	})
	if !open {
		k.retreat(nil, defect)
	}
}

// answered takes an answer. An error is a reason to close the stream.
func (k *Sink) answered(ack pluginrpc.LogAck) error {
	var c ackOutcome
	k.resume(func() { c = k.settle(ack) })
	if c.violation != nil {
		return c.violation
	}
	k.announce(c.lost)
	k.ring()
	switch {
	case c.tell:
		k.around.Log.Warn("the sink refuses output", "error", delivery.ErrorText(ack.Err), "final", sdk.IsFinal(ack.Err))
	case c.recovered:
		k.around.Log.Info("the sink accepts output again")
	}
	if c.caughtUp {
		k.around.Log.Warn("the sink has caught up; output was dropped", "bytes_altogether", c.dropped)
	}
	return nil
}

// ackOutcome is what is to be logged and announced after an answer.
type ackOutcome struct {
	violation error // of the protocol; then nothing else is set
	tell      bool  // the sink refuses output
	recovered bool  // it takes output again
	lost      []sourceLoss
	caughtUp  bool   // the end of an episode of losses
	dropped   uint64 // in all of them
}

// settle does with the batch that is answered what the answer says. Under the lock.
func (k *Sink) settle(ack pluginrpc.LogAck) (c ackOutcome) {
	if len(k.flight) == 0 || k.flight[0].seq != ack.Seq {
		want := "none"
		if len(k.flight) > 0 {
			want = fmt.Sprint(k.flight[0].seq)
		}
		k.stats.Violations++
		c.violation = fmt.Errorf("%w: it answers batch %d where the next is %s", errViolation, ack.Seq, want)
		return c
	}
	b := k.flight[0]
	k.flight[0] = nil
	k.flight = k.flight[1:]
	k.toldSlow = false
	switch {
	case ack.Err == nil:
		k.stats.Batches++
		k.stats.Acked = time.Now()
		k.stats.Written += uint64(len(b.buf))
		k.failures, k.stats.LastError, k.stats.GivenUp = 0, "", ""
		k.finish(b)
	case sdk.IsFinal(ack.Err), k.tooLong(b):
		k.stats.Refused++
		k.stats.GivenUp = delivery.ErrorText(ack.Err)
		b.each(func(r *batchRecord, data []byte) { k.lose(r.src, int64(len(data))) })
		k.finish(b)
	default:
		k.stats.Refused++
		b.tries++
		hold := time.Now().Add(max(backoff.After(b.tries, streamDelay, k.o.RetryMax), min(sdk.RetryDelay(ack.Err), delivery.MaxRetryAfter)))
		if hold.After(k.hold) { // those behind it are refused too
			k.hold = hold
		}
		k.sendAgain(b)
	}
	c.tell, c.recovered = ack.Err != nil && k.told.First(false), ack.Err == nil && k.told.Over()
	if ack.Err != nil {
		k.stats.LastError = delivery.ErrorText(ack.Err)
	}
	c.lost, c.caughtUp = k.recovered()
	c.dropped = k.stats.Dropped
	return c
}

// tooLong reports whether a batch that is refused now has been so for as long as it may be. Under the lock.
func (k *Sink) tooLong(b *logBatch) bool {
	now := time.Now()
	if b.refused.IsZero() {
		b.refused = now
	}
	return k.o.RetryFor > 0 && now.Sub(b.refused) >= k.o.RetryFor
}

// finish ends a batch. Under the lock.
func (k *Sink) finish(b *logBatch) {
	if b.pos != 0 {
		k.cursor.Ack(b.pos)
	}
	k.free(b)
}

// sendAgain puts a batch among those to be sent again, in order. Under the lock.
func (k *Sink) sendAgain(b *logBatch) {
	b.again = true
	i, _ := slices.BinarySearchFunc(k.again, b.seq, func(have *logBatch, seq uint64) int {
		if have.seq < seq {
			return -1
		}
		return 1
	})
	k.again = slices.Insert(k.again, i, b)
}

// retreat takes back what a stream has not answered; nil is one that could not be opened.
func (k *Sink) retreat(stream *sinkStream, why error) {
	switch known, tell := k.takeBack(stream, why); {
	case !known: // what is under way is another stream's; nothing here is worth the daemon
		k.around.Log.Error("internal error: a stream to the sink ended that is not the one in use; it is let go", "error", delivery.ErrorText(why))
		return
	case tell:
		k.around.Log.Warn("the stream to the sink ended; what it did not acknowledge is sent again", "error", delivery.ErrorText(why))
	}
	k.ring()
}

func (k *Sink) takeBack(stream *sinkStream, why error) (known, tell bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stream != stream {
		return false, false
	}
	k.stream = nil
	for _, b := range k.flight {
		k.sendAgain(b)
	}
	k.flight = nil
	k.failures++
	k.retryAt = time.Now().Add(backoff.After(k.failures, k.firstDelay, streamMax))
	k.stats.LastError = delivery.ErrorText(why)
	ended := k.closing && errors.Is(why, context.Canceled) // by closeStream
	return true, !ended && !delivery.IsComing(why) && k.told.First(true) && k.ctx.Err() == nil
}

// Retry opens the stream, and sends what was refused, at once if it waits to. The last error is forgotten: it was of other settings.
func (k *Sink) Retry() {
	k.locked(func() { k.retryAt, k.hold, k.failures, k.stats.LastError = time.Time{}, time.Time{}, 0, "" })
	k.ring()
}

// closeStream ends the stream at the end of all.
func (k *Sink) closeStream() {
	k.locked(func() {
		if k.stream != nil {
			k.stream.end()
		}
	})
}
