package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// libraryWindow is the library's own bound on what is unacknowledged: beyond ours, so that it never stalls.
	libraryWindow = 2 * maxWindow
	// codeTooLarge is the server's code for a message that exceeds the stream's own limit.
	codeTooLarge = jetstream.ErrorCode(10054)
	// codeOtherStream is its code for a message that another stream than the expected one would take.
	codeOtherStream = jetstream.ErrorCode(10060)
)

// publisher holds the connection and publishes with acknowledgements. It is used by one goroutine at a time. The connection is made when there
// is something to publish, and closed after the first failure: the host tries again, and then any of the servers can be used.
type publisher struct {
	c       connection
	servers stream.Servers

	conn   *nats.Conn
	js     jetstream.JetStream
	lost   chan error // of conn: why it ended, or what the server does not permit
	ready  bool       // the stream has been checked
	flight []flying
}

// flying is a message whose acknowledgement is awaited.
type flying struct {
	at  int
	ack jetstream.PubAckFuture
}

// verdict is the error for messages that will never be accepted, although others are.
type verdict struct {
	refused int
	first   error
}

func (v *verdict) add(err error) {
	if v.refused++; v.first == nil {
		v.first = err
	}
}

// publish publishes the messages that are not done, in order, with at most c.Window of them unacknowledged, and marks as done what the stream
// has taken and what it will never take. The error is final where only the latter is left.
func (p *publisher) publish(ctx context.Context, done []bool, message func(i int) *nats.Msg) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	var refused verdict
	err := p.rounds(ctx, done, message, &refused)
	if err != nil {
		p.close() // what is under way on it is asked for no more
		return err
	}
	if refused.refused > 0 {
		return sdk.Final(fmt.Errorf("%d of %d messages were refused: %w", refused.refused, len(done), refused.first))
	}
	return nil
}

func (p *publisher) rounds(ctx context.Context, done []bool, message func(i int) *nats.Msg, refused *verdict) error {
	timer := time.NewTimer(p.c.Timeout)
	defer timer.Stop()
	p.flight = nil
	next := 0
	for {
		for ; next < len(done) && len(p.flight) < p.c.Window; next++ {
			if done[next] {
				continue
			}
			m := message(next)
			ack, err := p.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
			switch {
			case errors.Is(err, nats.ErrMaxPayload):
				done[next] = true
				refused.add(fmt.Errorf("%s has %d bytes, and the server accepts %d: see its max_payload", m.Subject, m.Size(), p.conn.MaxPayload()))
			case err != nil:
				return p.trouble(err, m.Subject)
			default:
				p.flight = append(p.flight, flying{next, ack})
			}
		}
		if len(p.flight) == 0 {
			return nil
		}
		// the oldest, and then all that have come with it
		first := p.flight[0]
		timer.Reset(p.c.Timeout)
		var err error
		select {
		case <-first.ack.Ok():
		case err = <-first.ack.Err():
		case err = <-p.lost:
			return p.gather(done, p.trouble(err, first.ack.Msg().Subject))
		case <-timer.C:
			return p.gather(done, fmt.Errorf("the stream %s has not acknowledged within %v", p.c.Stream, p.c.Timeout))
		case <-ctx.Done():
			return p.gather(done, fmt.Errorf("the stream %s has not acknowledged: %w", p.c.Stream, ctx.Err()))
		}
		if err != nil {
			if !tooLarge(err) {
				return p.gather(done, p.trouble(err, first.ack.Msg().Subject))
			}
			refused.add(fmt.Errorf("%s has %d bytes, which the stream does not accept: %w", first.ack.Msg().Subject, first.ack.Msg().Size(), err))
		}
		done[first.at] = true
		p.flight = p.flight[1:]
	}
}

func tooLarge(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeTooLarge
}

// gather marks the messages that were acknowledged although another one failed, so that they are not sent again.
func (p *publisher) gather(done []bool, err error) error {
	for _, f := range p.flight {
		select {
		case <-f.ack.Ok():
			done[f.at] = true
		default:
		}
	}
	return err
}

// trouble is an error with what it means for us.
func (p *publisher) trouble(err error, subject string) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		p.ready = false
		return fmt.Errorf("no stream accepts %s: create the stream %s with the subjects %s.>, or set create_stream", subject, p.c.Stream, p.c.Prefix)
	case errors.As(err, &api) && api.ErrorCode == codeOtherStream:
		return fmt.Errorf("the stream %s does not accept %s, another one does: see the key stream", p.c.Stream, subject)
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("the server refuses: %s", strings.TrimPrefix(err.Error(), nats.ErrPermissionViolation.Error()+": "))
	case api != nil:
		return fmt.Errorf("the stream %s refuses: %s (%d)", p.c.Stream, api.Description, api.ErrorCode)
	}
	return fmt.Errorf("cannot publish to %s: %w", p.servers.Hosts(), err)
}

// open connects and looks for the stream, where that is not done.
func (p *publisher) open(ctx context.Context) error {
	if p.conn != nil && !p.conn.IsConnected() {
		p.close()
	}
	if p.conn == nil {
		if err := p.connect(ctx); err != nil {
			return err
		}
	}
	if p.ready || !p.c.Create {
		return nil
	}
	if err := p.create(ctx); err != nil {
		p.close()
		return err
	}
	p.ready = true
	return nil
}

func (p *publisher) connect(ctx context.Context) error {
	lost := make(chan error, 1)
	tell := func(err error) {
		select {
		case lost <- err:
		default:
		}
	}
	conn, err := p.servers.Connect(ctx, nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { tell(err) }),
		nats.ClosedHandler(func(c *nats.Conn) {
			err := c.LastError()
			if err == nil {
				err = nats.ErrDisconnected
			}
			tell(err)
		}))
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(libraryWindow))
	if err != nil {
		conn.Close()
		return fmt.Errorf("cannot use JetStream: %w", err)
	}
	p.conn, p.js, p.lost, p.ready = conn, js, lost, false
	return nil
}

// create makes the stream if it is not there. Several machines may do so at the same time.
func (p *publisher) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.c.Timeout)
	defer cancel()
	_, err := p.js.Stream(ctx, p.c.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = p.js.CreateStream(ctx, p.c.made())
	}
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
		select {
		case why := <-p.lost: // a request that is not permitted gets no answer
			err = p.trouble(why, "")
		default:
		}
	}
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		err = errors.New("the server runs without JetStream, or it is not ready")
	}
	return fmt.Errorf("cannot make the stream %s: %w", p.c.Stream, err)
}

func (p *publisher) close() {
	if p.conn == nil {
		return
	}
	p.conn.Close() // which ends the library's publisher too
	p.conn, p.js, p.lost = nil, nil, nil
}
