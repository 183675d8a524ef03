package deadletters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/eventlistener"
)

// deadLetterSettle is how long a spool may take to commit what is sent again.
const deadLetterSettle = 2 * time.Second

// ErrSilenced is returned when a notifier does not take events again because a silence holds them back now.
var ErrSilenced = errors.New("a silence keeps it back")

var errUnreadable = errors.New("another version of Hark wrote it")

// Sent is the result of SendDeadLetters for one pool or notifier.
type Sent struct {
	Name   string `rpc:"name" doc:"of the pool or notifier"`
	Kind   string `rpc:"kind" doc:"pool or notifier"`
	Sent   int    `rpc:"sent" doc:"letters that its queue has again"`
	Kept   int    `rpc:"kept" doc:"letters that its queue had no room for"`
	Reason string `rpc:"reason" doc:"why some were kept; otherwise empty"`
}

// SendDeadLetters adds dead letters to the queues of their pools and notifiers again, oldest first: those of the pools and notifiers
// named, as for DeadLetters, or of all. A letter is removed from its file after the queue has it and the spool, if there is one, has
// committed it; a crash before that leaves letters that were sent in the file. If a queue has no room for more letters, the rest are
// kept. If to is not "", the letters go to that pool or notifier instead, which is the only way for letters whose section no longer
// exists. Errors: BadName as for DeadLetters, and if to names no pool or notifier, or more than one; ShutdownState.
func (o *Office) SendDeadLetters(ctx context.Context, names []string, to string) ([]Sent, error) {
	if o.host.Mood() < core.MoodRunning {
		return nil, &core.Error{Kind: core.ShutdownState}
	}
	var target letterBox
	if to != "" {
		var err error
		if target, err = o.boxNamed(ctx, to); err != nil {
			return nil, err
		}
	}
	var all []Sent
	err := o.withLetters(ctx, names, false, func(box letterBox, files [2]letterFile) error {
		if to != "" {
			box.take, box.settle = target.take, target.settle
		}
		sent := sendLetters(ctx, box, files)
		if sent.Sent > 0 || sent.Kept > 0 {
			all = append(all, sent)
		}
		return nil
	})
	return all, err
}

// boxNamed is that of the one pool or notifier that there is now of a name.
func (o *Office) boxNamed(ctx context.Context, name string) (letterBox, error) {
	boxes, err := o.boxes(ctx)
	if err != nil {
		return letterBox{}, err
	}
	_, fits := ownerNamed(name)
	boxes = slices.DeleteFunc(boxes, func(b letterBox) bool { return !fits(b.letterOwner) })
	if len(boxes) != 1 {
		return letterBox{}, &core.Error{Kind: core.BadName, Detail: name}
	}
	return boxes[0], nil
}

func sendLetters(ctx context.Context, box letterBox, files [2]letterFile) Sent {
	sent := Sent{Kind: box.kind, Name: box.name}
	taken := [len(files)]map[int]bool{{}, {}}
	full := false
	for i := range files {
		for n, l := range files[i].letters() {
			if l.owner() != box.letterOwner {
				continue
			}
			err := box.offer(ctx, l, full)
			if err == nil {
				taken[i][n] = true
				sent.Sent++
				continue
			}
			full = full || !errors.Is(err, ErrSilenced) && !errors.Is(err, errUnreadable)
			if sent.Kept++; sent.Reason == "" {
				sent.Reason = err.Error()
			}
		}
	}
	if sent.Sent == 0 {
		return sent
	}
	if err := takeOut(ctx, box, files, taken); err != nil {
		sent.Reason = fmt.Sprintf("they were sent, but cannot be removed from the dead letters: %v", err)
	}
	return sent
}

// offer adds a letter to the queue, unless that has refused an older one.
func (b *letterBox) offer(ctx context.Context, l *foundLetter, full bool) error {
	switch {
	case b.take == nil:
		return core.ErrNoTaker
	case l.bad != nil:
		return fmt.Errorf("%w: %w", errUnreadable, l.bad)
	case full:
		return eventlistener.ErrNoRoom
	}
	return b.take(ctx, l.events)
}

// takeOut removes letters that were sent from their files, also when the client has gone meanwhile.
func takeOut(ctx context.Context, box letterBox, files [2]letterFile, taken [2]map[int]bool) error {
	if box.settle != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadLetterSettle)
		defer cancel()
		if err := box.settle(ctx); err != nil {
			return fmt.Errorf("the spool has not committed them: %w", err)
		}
	}
	for i := range files {
		if err := files[i].without(taken[i]); err != nil {
			return err
		}
	}
	return nil
}
