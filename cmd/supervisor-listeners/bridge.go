package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/backoff"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
)

// bridge hands the events of a stream to a listener, one after the other. One goroutine owns it: run.
type bridge struct {
	s      surroundings
	o      bridgeOptions
	stderr *os.File // of the listener

	conn *nats.Conn
	js   jetstream.JetStream
	feed *feed // nil: there is none at the moment
	held []heldEvent

	child    *hosted // nil: there is none at the moment
	protocol *eventlistener.Listener
	sent     bool // the first of held is with the listener
	failures int  // lives of the listener in a row that took no event
	troubles int  // tries in a row to get a feed
	trouble  string

	restart, refeed, late <-chan time.Time // nil: not awaited
	stopping              bool
	counts                bridgeCounts
}

// heldEvent is an event that has come and is not settled.
type heldEvent struct {
	message  jetstream.Msg
	event    stream.Received
	number   uint64 // in the stream
	delivery int    // 1 at the first
}

// bridgeCounts count what happened to events.
type bridgeCounts struct{ taken, rejected, unanswered, givenUp, leftOut int }

func newBridge(s surroundings, o bridgeOptions) *bridge {
	return &bridge{s: s, o: o, stderr: os.Stderr, protocol: eventlistener.NewListener(o.durable)}
}

// run works until ctx is done, and then ends in order.
func (b *bridge) run(ctx context.Context) {
	b.start()
	b.open(ctx)
	tick := time.NewTicker(b.o.ackWait / 3)
	defer tick.Stop()
	done := ctx.Done()
	for !b.stopping || b.sent {
		var output chan []byte
		var sent chan error
		if b.child != nil {
			output, sent = b.child.output, b.child.sent
		}
		var messages chan jetstream.Msg
		if b.feed != nil && len(b.held) < b.o.inFlight && !b.stopping {
			messages = b.feed.messages
		}
		select {
		case m, ok := <-messages:
			if !ok {
				b.closeFeed(fmt.Sprintf("cannot read the stream %s: %v", b.o.stream, b.feed.err))
			} else {
				b.take(ctx, m)
			}
		case data, ok := <-output:
			if !ok {
				b.died(ctx, b.child.ending())
			} else {
				b.hear(ctx, data)
			}
		case err := <-sent:
			if err != nil && b.sent {
				b.died(ctx, errSent.Error()+": "+err.Error())
			}
		case <-tick.C:
			for i := range b.held {
				_ = b.held[i].message.InProgress() // a broken connection is reported elsewhere
			}
		case <-b.late:
			b.died(ctx, fmt.Sprintf("has not answered within %v%s", b.o.timeout, b.aboutEmpty()))
		case <-b.restart:
			b.restart = nil
			b.start()
		case <-b.refeed:
			b.refeed = nil
			b.open(ctx)
		case <-done:
			done, b.stopping = nil, true
			b.late = time.After(b.o.stopWait)
		}
		b.send()
	}
	b.close()
}

// aboutEmpty is what to look for where an answer is missing to an event without a
// payload, as in supervisord's log.
func (b *bridge) aboutEmpty() string {
	if !b.sent || len(b.held[0].event.Payload) > 0 {
		return ""
	}
	return fmt.Sprintf(": %s has an empty payload (len:0), and a listener must not read 0 bytes", b.held[0].event.Type)
}

// start starts the listener.
func (b *bridge) start() {
	child, err := host(b.o.command, hostedEnvironment(os.Environ(), b.o.durable), b.stderr)
	if err != nil {
		b.s.logf("cannot start the listener: %v", err)
		b.startLater()
		return
	}
	b.child = child
	b.protocol.Reset()
}

func (b *bridge) startLater() {
	wait := time.Duration(0)
	if b.failures > 0 {
		wait = backoff.After(b.failures, firstPause, longestPause)
	}
	b.failures++
	b.restart = time.After(wait)
}

// open connects, where that is not done, and opens the feed; what fails is tried again.
func (b *bridge) open(ctx context.Context) {
	var err error
	if b.conn == nil {
		b.conn, b.js, err = bridgeConnect(ctx, &b.o, b.s.logf)
	}
	if err == nil {
		b.feed, err = openFeed(ctx, b.js, &b.o)
	}
	if err == nil {
		b.troubles, b.trouble = 0, ""
		b.s.logf("the events of %s come to %s", b.o.stream, b.o.command[0])
		return
	}
	if ctx.Err() == nil {
		b.openLater(err.Error())
	}
}

func (b *bridge) openLater(why string) {
	b.troubles++
	if why != b.trouble {
		b.s.logf("%s; it is tried again", why)
		b.trouble = why
	}
	b.refeed = time.After(backoff.After(b.troubles, firstPause, longestPause))
}

func (b *bridge) closeFeed(why string) {
	b.feed.stop()
	b.feed = nil
	b.openLater(why)
}

// take takes a message in, or settles it at once where it is none for the listener.
func (b *bridge) take(ctx context.Context, m jetstream.Msg) {
	h := heldEvent{message: m, delivery: 1}
	if meta, err := m.Metadata(); err == nil {
		h.number, h.delivery = meta.Sequence.Stream, int(min(meta.NumDelivered, 1<<30)) //nolint:gosec // bounded
	}
	var err error
	h.event, err = stream.Read(m.Headers(), m.Data())
	switch {
	case err != nil:
		b.giveUp(ctx, &h, "it cannot be read: "+err.Error())
	case m.Headers().Get(stream.HeaderTest) != "" || !b.o.filter.pass(&h.event):
		b.counts.leftOut++
		b.settle(m.Ack())
	case b.o.maxDeliveries > 0 && h.delivery > b.o.maxDeliveries:
		b.giveUp(ctx, &h, "it was not accepted, or a bridge ended meanwhile")
	default:
		b.held = append(b.held, h)
	}
}

// send sends the next event to the listener, where both are there.
func (b *bridge) send() {
	if b.child == nil || b.sent || b.stopping || len(b.held) == 0 || b.protocol.State() != eventlistener.Ready {
		return
	}
	h := &b.held[0]
	b.child.send(h.event.Wire(b.o.durable, int64(h.number))) //nolint:gosec // the stream's numbers are far below
	b.sent = b.protocol.Sent()
	if b.o.timeout > 0 {
		b.late = time.After(b.o.timeout)
	}
}

// hear takes what the listener has written.
func (b *bridge) hear(ctx context.Context, data []byte) {
	for _, outcome := range b.protocol.Feed(data) {
		switch outcome.Kind {
		case eventlistener.Processed:
			b.failures = 0
			b.counts.taken++
			b.settle(b.next().message.Ack())
		case eventlistener.Rejected:
			b.failures = 0
			b.counts.rejected++
			h := b.next()
			b.again(ctx, &h, "the listener has rejected it")
		case eventlistener.Violated:
			b.died(ctx, "broke the protocol with what it wrote to its standard output")
			return
		}
	}
}

// next takes the event that was with the listener off the held ones.
func (b *bridge) next() heldEvent {
	h := b.held[0]
	b.held = append(b.held[:0], b.held[1:]...)
	b.sent, b.late = false, nil
	return h
}

// died ends the listener, which is no longer usable, and returns its event.
func (b *bridge) died(ctx context.Context, how string) {
	b.s.logf("the listener %s", how)
	b.child.end(killAfter)
	b.child = nil
	if b.sent {
		b.counts.unanswered++
		h := b.next()
		b.again(ctx, &h, "the listener "+how)
	}
	if !b.stopping {
		b.startLater()
	}
}

// again returns an event to the stream, which sends it again later, or gives it up.
func (b *bridge) again(ctx context.Context, h *heldEvent, why string) {
	if b.o.maxDeliveries > 0 && h.delivery >= b.o.maxDeliveries {
		b.giveUp(ctx, h, why)
		return
	}
	if b.stopping {
		b.settle(h.message.Nak())
		return
	}
	wait := backoff.After(h.delivery, b.o.retryDelay, longestPause)
	b.s.logf("%s of %s: %s (delivery %d); it comes again in %v", h.event.Type, h.event.Identifier, why, h.delivery, wait)
	if wait == 0 {
		b.settle(h.message.Nak())
	} else {
		b.settle(h.message.NakWithDelay(wait))
	}
}

// The headers of an event that is given up, in addition to its own.
const (
	deadReason     = "Hark-Dead-Reason"
	deadDeliveries = "Hark-Dead-Deliveries"
	deadSubject    = "Hark-Dead-Subject"
	deadDurable    = "Hark-Dead-Durable"
)

// giveUp puts an event to the dead letters, where there is a place for them, and takes it out of the stream.
func (b *bridge) giveUp(ctx context.Context, h *heldEvent, why string) {
	m := h.message
	if b.o.deadLetter != "" {
		dead := &nats.Msg{Subject: b.o.deadLetter, Header: nats.Header{}, Data: m.Data()}
		for name, values := range m.Headers() {
			dead.Header[name] = values
		}
		dead.Header.Del(stream.HeaderExpected)
		dead.Header.Set(stream.HeaderID, b.o.durable+"/"+strconv.FormatUint(h.number, 10)+"/"+m.Headers().Get(stream.HeaderID))
		dead.Header.Set(deadReason, why)
		dead.Header.Set(deadDeliveries, strconv.Itoa(h.delivery))
		dead.Header.Set(deadSubject, m.Subject())
		dead.Header.Set(deadDurable, b.o.durable)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), natsTimeout)
		defer cancel()
		if _, err := b.js.PublishMsg(ctx, dead); err != nil {
			b.s.logf("cannot put %s to the dead letters at %s, so it comes again: %v", m.Subject(), b.o.deadLetter, err)
			b.settle(m.NakWithDelay(longestPause))
			return
		}
	}
	b.counts.givenUp++
	b.s.logf("message %d of the stream (%s) is given up after %d deliveries: %s", h.number, m.Subject(), h.delivery, why)
	b.settle(m.TermWithReason(why))
}

// settle logs an answer that could not be sent to the stream. The event comes again then.
func (b *bridge) settle(err error) {
	if err != nil {
		b.s.logf("cannot answer the stream, so an event comes again: %v", err)
	}
}

// close ends everything, and returns what is not settled.
func (b *bridge) close() {
	for i := range b.held {
		b.settle(b.held[i].message.Nak())
	}
	b.held = nil
	if b.feed != nil {
		b.feed.stop()
	}
	if b.child != nil {
		b.child.end(b.o.stopWait)
	}
	if b.conn != nil {
		_ = b.conn.FlushTimeout(natsTimeout) // the answers
		b.conn.Close()
	}
	c := b.counts
	b.s.logf("accepted %d, rejected %d, unanswered %d, given up %d, omitted %d", c.taken, c.rejected, c.unanswered, c.givenUp, c.leftOut)
}
