package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// feed is a durable consumer of the stream at work: a goroutine takes messages and hands them over, until it is stopped or fails.
type feed struct {
	messages chan jetstream.Msg // closed at the end
	err      error              // why it ended; to be read when messages is closed
	iterator jetstream.MessagesContext
}

// openFeed creates the consumer, or continues with the existing one: where it begins is then settled, and its filter becomes this one.
func openFeed(ctx context.Context, js jetstream.JetStream, o *bridgeOptions) (*feed, error) {
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	c := jetstream.ConsumerConfig{Durable: o.durable, AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverNewPolicy}
	if o.from == "all" {
		c.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	switch found, err := js.Consumer(ctx, o.stream, o.durable); {
	case err == nil:
		c = found.CachedInfo().Config
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("there is no stream %s", o.stream)
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, fmt.Errorf("cannot use the consumer %s of the stream %s: %w", o.durable, o.stream, err)
	}
	c.AckWait, c.MaxDeliver, c.MaxAckPending = o.ackWait, -1, o.inFlight
	c.FilterSubject, c.FilterSubjects = "", o.filter.subjects(o.prefix)
	consumer, err := js.CreateOrUpdateConsumer(ctx, o.stream, c)
	if err != nil {
		return nil, fmt.Errorf("cannot use the consumer %s of the stream %s: %w", o.durable, o.stream, err)
	}
	iterator, err := consumer.Messages(jetstream.PullMaxMessages(o.inFlight))
	if err != nil {
		return nil, fmt.Errorf("cannot read the stream %s: %w", o.stream, err)
	}
	f := &feed{messages: make(chan jetstream.Msg), iterator: iterator}
	go f.run()
	return f, nil
}

func (f *feed) run() {
	defer close(f.messages)
	for {
		m, err := f.iterator.Next()
		if err != nil {
			f.err = err
			f.iterator.Stop()
			return
		}
		f.messages <- m
	}
}

// stop ends the goroutine and returns to the stream what it holds.
func (f *feed) stop() {
	f.iterator.Stop()
	for m := range f.messages {
		_ = m.Nak()
	}
}

// bridgeConnect connects permanently: the library connects again whenever the connection breaks.
func bridgeConnect(ctx context.Context, o *bridgeOptions, logf func(string, ...any)) (*nats.Conn, jetstream.JetStream, error) {
	conn, err := o.servers.Connect(ctx, nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				logf("the connection to the server broke: %v", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { logf("connected again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { logf("the server says: %v", err) }))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("cannot use JetStream: %w", err)
	}
	return conn, js, nil
}
