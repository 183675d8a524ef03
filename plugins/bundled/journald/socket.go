package journald

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
)

// outbox holds the socket to the journal and sends entries over it, a datagram each. It is used by one goroutine at a time.
type outbox struct {
	path    string
	timeout time.Duration
	conn    *net.UnixConn
}

// send sends entries in order and removes them from q. If the other end has gone, since journald was restarted, the socket is
// connected again once: entries that were refused were not accepted.
func (o *outbox) send(ctx context.Context, q *lines.Queue) error {
	if q.Len() == 0 {
		return nil
	}
	sent, fresh := 0, false
	defer func() { q.Drop(sent) }()
	for sent < q.Len() {
		if o.conn == nil {
			if err := o.dial(ctx); err != nil {
				return fmt.Errorf("cannot connect to %s: %w", o.path, short(err))
			}
			fresh = true
		}
		n, err := o.some(ctx, q, sent)
		sent += n
		if err == nil {
			return nil
		}
		o.close()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("cannot send to %s: the journal accepts no more: %w", o.path, os.ErrDeadlineExceeded)
		case fresh || ctx.Err() != nil:
			return fmt.Errorf("cannot send to %s: %w", o.path, short(err))
		}
	}
	return nil
}

// some sends entries from the first-th on until one fails, and reports how many went out.
func (o *outbox) some(ctx context.Context, q *lines.Queue, first int) (n int, err error) {
	conn := o.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	for ; first+n < q.Len(); n++ {
		_ = conn.SetWriteDeadline(time.Now().Add(o.timeout))
		if err := ctx.Err(); err != nil { // looked at behind the deadline: one that comes later sets its own
			return n, err
		}
		entry := q.Record(first + n)
		_, err := conn.Write(entry)
		if errors.Is(err, syscall.EMSGSIZE) || errors.Is(err, syscall.ENOBUFS) {
			err = sendFile(conn, entry)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (o *outbox) dial(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: o.timeout}).DialContext(ctx, "unixgram", o.path)
	if err == nil {
		o.conn = conn.(*net.UnixConn)
	}
	return err
}

// short is an error of the net package without the address, which the caller adds.
func short(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (o *outbox) close() {
	if o.conn != nil {
		_ = o.conn.Close()
		o.conn = nil
	}
}
