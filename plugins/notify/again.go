package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// ErrSilenced is why events are not taken again: a silence would hold them back now.
var ErrSilenced = errors.New("a silence keeps it back")

// Again takes the events of a notification that was given up into the queue again, all of them or none. They pass dedupe and min_severity, but nothing
// else is discarded for them. Errors: ErrSilenced where a silence of now is about one of them, eventlistener.ErrNoRoom, of the spool, or that the notifier ends.
func (n *Notifier) Again(events []*eventlistener.Event) error {
	defer n.ring()
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if n.closing {
		return fmt.Errorf("the notifier %s ends", n.policy.o.Name)
	}
	for _, e := range events {
		if n.policy.silences.covers(now, n.policy.o.Name, subjectOf(e)) {
			return ErrSilenced
		}
	}
	if n.spool != nil {
		records := make([]spool.Record, len(events))
		for i, e := range events {
			records[i] = e.Record()
		}
		if err := n.spool.Offer(records...); err != nil {
			return err
		}
		n.policy.counters.Accepted += uint64(len(events))
		n.policy.counters.SentAgain += uint64(len(events))
		return nil
	}
	if len(events) > n.policy.room() {
		return eventlistener.ErrNoRoom
	}
	for _, e := range events {
		n.policy.counters.Accepted++
		n.policy.counters.SentAgain++
		n.policy.admit(now, entry{Event: e, severity: severityOf(e, n.policy.o.Severities)})
	}
	return nil
}

// Settle waits until the spool has committed what was taken, or ctx is done, whose error it then returns. Without a spool there is nothing to wait for.
func (n *Notifier) Settle(ctx context.Context) error {
	if n.spool == nil {
		return nil
	}
	return n.spool.Settle(ctx)
}
