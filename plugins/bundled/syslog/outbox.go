package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
)

const (
	// maxWrite is how many bytes of messages go into a stream by one write.
	maxWrite = 64 << 10
	// fullWait is how long to wait where a system says that the receiver's queue is full instead of waiting itself, as the BSDs do.
	fullWait = 10 * time.Millisecond
	// verdictWait bounds how long to wait whether a receiver hangs up on us, where there is reason to think so.
	verdictWait = time.Second
	// firstWait is how long to wait for an error at the first datagram, without a reason to expect one: a near system answers at once.
	firstWait = 100 * time.Millisecond
	// unreachableWait is how long a router takes to report that there is no such host: it asks three times, a second each (RFC 4861, 7.2.2).
	unreachableWait = 4 * time.Second
)

// outbox holds the connection to the receiver and sends messages over it. It is used by one goroutine at a time.
type outbox struct {
	to      target
	tls     *tls.Config
	framing string
	timeout time.Duration

	conn   net.Conn
	stream bool
	dead   chan struct{} // closed when the receiver has closed the stream
	why    error         // of dead, and
	died   time.Time     // when; to be read when that is closed
	opened time.Time
	doubt  bool          // whether a new connection lasts: the last one did not. By UDP: whether anybody listens
	wait   time.Duration // by UDP, in doubt: how long to wait for the error that there is no receiver
	frames []byte        // scratch
}

// send sends messages in order and removes them from b. A broken connection is made again once; the messages that were
// in flight on it are sent again, since it is not known whether they arrived.
func (o *outbox) send(ctx context.Context, b *lines.Queue) error {
	fresh := false
	for b.Len() > 0 {
		if o.conn != nil && o.stream {
			select {
			case <-o.dead:
				o.doubt = o.died.Sub(o.opened) < verdictWait
				o.close()
			default:
			}
		}
		if o.conn == nil {
			if err := o.dial(ctx); err != nil {
				return fmt.Errorf("cannot connect to %s: %w", o.to.address, short(err))
			}
			fresh = true
		}
		if err := o.some(ctx, b); err != nil {
			o.doubt = time.Since(o.opened) < verdictWait || o.to.network == "udp"
			o.wait = verdictWait
			if errors.Is(err, syscall.EHOSTUNREACH) {
				o.wait = unreachableWait
			}
			o.close()
			if fresh || ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || o.to.network == "udp" { // the error is about an earlier message, which had no receiver
				return fmt.Errorf("cannot send to %s: %w", o.to.address, short(err))
			}
			fresh = true
		}
	}
	return nil
}

// short is an error of the net package without the addresses, which the caller adds.
func short(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// some sends as many messages as go at once.
func (o *outbox) some(ctx context.Context, b *lines.Queue) error {
	conn := o.conn
	_ = conn.SetWriteDeadline(time.Now().Add(o.timeout))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if o.stream {
		o.frames = o.frames[:0]
		n := 0
		for n < b.Len() && (n == 0 || len(o.frames)+len(b.Record(n)) < maxWrite) {
			o.frames = o.frame(o.frames, b.Record(n))
			n++
		}
		if _, err := conn.Write(o.frames); err != nil {
			return err
		}
		b.Drop(n)
		return nil
	}
	sent := 0
	defer func() { b.Drop(sent) }()
	for ; sent < b.Len(); sent++ {
		if err := o.datagram(ctx, conn, b.Record(sent)); err != nil {
			return err
		}
		if o.doubt && o.to.network == "udp" {
			if err := o.heard(ctx, conn); err != nil {
				return err // that message was the one without a receiver: it is sent again
			}
		}
	}
	return nil
}

// heard waits for the error that a datagram had no receiver, which, if it comes at all, is returned by the next read. Without the wait, every
// other message would seem to reach a receiver that does not exist.
func (o *outbox) heard(ctx context.Context, conn net.Conn) error {
	_ = conn.SetReadDeadline(time.Now().Add(min(o.wait, o.timeout)))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := conn.Read(make([]byte, 1))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	}
	o.doubt = false
	return nil
}

// datagram sends one message; one that the system finds too large is cut.
func (o *outbox) datagram(ctx context.Context, conn net.Conn, m []byte) error {
	for {
		_, err := conn.Write(m)
		switch {
		case errors.Is(err, syscall.EMSGSIZE) && len(m) > minMessage:
			m = m[:max(minMessage, cut(string(m), len(m)/2))]
		case errors.Is(err, syscall.EMSGSIZE):
			return nil // what is so small and still too large is never taken
		case errors.Is(err, syscall.ENOBUFS):
			wait := time.NewTimer(fullWait)
			select {
			case <-wait.C:
			case <-ctx.Done():
				wait.Stop()
				return ctx.Err()
			}
		default:
			return err
		}
	}
}

// frame appends a message as streams have it: behind its length, or before an end mark (RFC 6587, 3.4).
func (o *outbox) frame(b, m []byte) []byte {
	switch o.framing {
	case "octet":
		b = strconv.AppendInt(b, int64(len(m)), 10)
		b = append(b, ' ')
		return append(b, m...)
	case "nul":
		return append(append(b, m...), 0)
	}
	return append(append(b, m...), '\n')
}

func (o *outbox) dial(ctx context.Context) error {
	d := &net.Dialer{Timeout: o.timeout}
	if o.to.network == "tls" {
		return o.dialTLS(ctx, d)
	}
	var errs []error
	for _, network := range networks(o.to.network) {
		conn, err := d.DialContext(ctx, network, o.to.address)
		if err != nil {
			errs = append(errs, short(err))
			continue
		}
		o.use(conn, network == "tcp" || network == "unix")
		if o.stream && o.doubt {
			return o.lasts(ctx, nil)
		}
		return nil
	}
	if len(errs) > 1 && errors.Is(errs[0], syscall.EPROTOTYPE) { // it is a socket of the other kind
		return errs[1]
	}
	return errs[0]
}

// networks are what Go calls the kinds of socket to try.
func networks(network string) []string {
	switch network {
	case "unix":
		return []string{"unixgram", "unix"}
	case "unixstream":
		return []string{"unix"}
	}
	return []string{network}
}

// use makes conn the connection.
func (o *outbox) use(conn net.Conn, stream bool) {
	o.conn, o.stream, o.opened = conn, stream, time.Now()
	if stream {
		o.dead = make(chan struct{})
		go o.watch(conn, o.dead)
	}
}

// lasts waits whether a new connection does: until the receiver shows that it is content, or has had time to hang up. What is sent to one that takes
// connections and drops them, as a proxy without a receiver behind it does, or one that does not know us, would seem to have arrived.
func (o *outbox) lasts(ctx context.Context, content <-chan struct{}) error {
	wait := time.NewTimer(verdictWait)
	defer wait.Stop()
	select {
	case <-content:
	case <-wait.C:
	case <-o.dead:
		o.close()
		return fmt.Errorf("it accepts connections and closes them: %w", short(o.why))
	case <-ctx.Done():
		o.close()
		return ctx.Err()
	}
	o.doubt = false
	return nil
}

// watch reads from the receiver, which never sends anything, to notice when it closes the connection: writing to a stream that the
// other side has closed seems to succeed. It ends with the connection.
func (o *outbox) watch(conn net.Conn, dead chan<- struct{}) {
	defer close(dead)
	if _, o.why = io.Copy(io.Discard, conn); o.why == nil {
		o.why = io.EOF
	}
	o.died = time.Now()
}

func (o *outbox) close() {
	if o.conn == nil {
		return
	}
	_ = o.conn.Close()
	if o.stream {
		<-o.dead
	}
	o.conn = nil
}
