package rpc

import (
	"context"

	"github.com/hark-supervisor/hark/core/deadletters"
)

// DeadLetters is what pools and notifiers gave up; *deadletters.Office is one.
type DeadLetters interface {
	DeadLetters(ctx context.Context, names []string, limit int) (deadletters.List, error)
	SendDeadLetters(ctx context.Context, names []string, to string) ([]deadletters.Sent, error)
}

// deadLettersMost bounds the answer.
const deadLettersMost = 5000

type deadLetterMethods struct{ letters DeadLetters }

func (m deadLetterMethods) getDeadLetters(ctx context.Context, a struct {
	Names []string `rpc:"names,optional" doc:"x of [eventlistener:x] and [notifier:x], or eventlistener:x, notifier:x; empty or left out for all"`
	Limit int      `rpc:"limit,optional" default:"100" doc:"how many of the newest; left out for 100, and more than 5000 is taken as 5000"`
}) (deadletters.List, error) {
	all, err := m.letters.DeadLetters(ctx, a.Names, min(max(a.Limit, 0), deadLettersMost))
	if err != nil {
		return all, faultOf(err, detailOf(err))
	}
	return all, nil
}

func (m deadLetterMethods) sendDeadLetters(ctx context.Context, a struct {
	Names []string `rpc:"names,optional" doc:"x of [eventlistener:x] and [notifier:x], or eventlistener:x, notifier:x; empty or left out for all"`
	To    string   `rpc:"to,optional" doc:"the pool or notifier that gets them instead; empty or left out for their own"`
}) ([]deadletters.Sent, error) {
	all, err := m.letters.SendDeadLetters(ctx, a.Names, a.To)
	if err != nil {
		return nil, faultOf(err, detailOf(err))
	}
	return all, nil
}
