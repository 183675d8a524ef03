package notify

import (
	"context"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// TestOutcome is what came of a sample notification.
type TestOutcome struct {
	Outcome    string // delivered, retry, final or unavailable
	Error      string // "" when it was delivered
	RetryAfter time.Duration
	Title      string
	Body       string
	Took       time.Duration
}

// Test sends a sample notification past queue and policy, in the notifier's templates, and reports what came of it. It
// waits for a delivery that is under way, and no longer than the notifier's timeout or ctx for its own. The error is ctx's.
func (n *Notifier) Test(ctx context.Context) (TestOutcome, error) {
	now := time.Now()
	bus := eventlistener.NewBus() // gives it its time
	sample := eventlistener.NewProcessState(eventlistener.ProcessStateExited, eventlistener.Process{Name: "example", Group: "example", Pid: 4711},
		"RUNNING", 0, false, eventlistener.Exit{Ended: true, Status: 1, Uptime: time.Minute})
	bus.Publish(sample)
	a := &alert{severity: sdk.Error, entries: []entry{{Event: sample, severity: sdk.Error}}, events: 1}
	a.id = "test-" + n.policy.alertID(a.entries)
	notification := n.notification(a)
	notification.Title = oneLine("[TEST] " + notification.Title)
	out := TestOutcome{Title: notification.Title, Body: notification.Body}
	done, err := n.turn(ctx)
	if err != nil {
		return out, err
	}
	defer done()
	err = n.call(ctx, notification)
	out.Took = time.Since(now)
	out.Error, out.RetryAfter = delivery.ErrorText(err), sdk.RetryDelay(err)
	switch {
	case err == nil:
		out.Outcome = "delivered"
		n.locked(func() { n.givenUp = "" })
	case delivery.Unreached(err):
		out.Outcome = "unavailable"
	case sdk.IsFinal(err):
		out.Outcome = "final"
	default:
		out.Outcome = "retry"
	}
	return out, nil
}
