package notify

import (
	"context"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// TestOutcome is the result of a sample notification.
type TestOutcome struct {
	Outcome    string // delivered, retry, final or unavailable
	Error      string // "" when it was delivered
	RetryAfter time.Duration
	Title      string
	Body       string
	Took       time.Duration
}

// Test sends a sample notification past queue and policy, in the notifier's templates, and reports the result. It
// waits for a delivery in progress, and no longer than the notifier's timeout or ctx for its own. The error is ctx's.
// A sample that fails shows in Status until a delivery or another sample succeeds.
func (n *Notifier) Test(ctx context.Context) (TestOutcome, error) {
	now := time.Now()
	bus := eventlistener.NewBus() // sets its time
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
	if err = n.call(ctx, notification); err != nil && ctx.Err() != nil {
		return out, ctx.Err() // the caller went away: nothing is known of the receiver
	}
	n.sampled(err)
	out.Took = time.Since(now)
	out.Error, out.RetryAfter = delivery.ErrorText(err), sdk.RetryDelay(err)
	switch {
	case err == nil:
		out.Outcome = "delivered"
	case delivery.Unreached(err):
		out.Outcome = "unavailable"
	case sdk.IsFinal(err):
		out.Outcome = "final"
	default:
		out.Outcome = "retry"
	}
	return out, nil
}

// sampledText begins the error of a sample in Status.
const sampledText = "notifier test: "

// sampled records the result of a sample: an alert would have had the same. An instance that is only starting is not a failure.
func (n *Notifier) sampled(err error) {
	n.locked(func() {
		switch {
		case err == nil:
			n.lastError, n.givenUp = "", ""
		case !delivery.IsComing(err):
			n.lastError = sampledText + delivery.ErrorText(err)
			if sdk.IsFinal(err) && !delivery.Unreached(err) {
				n.givenUp = n.lastError
			}
		}
	})
}
