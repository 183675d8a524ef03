package logsink

import (
	"time"

	"github.com/hark-supervisor/hark/plugins/delivery"
)

// runWatch reports losses, and a sink that does not answer, in time. The goroutine that sends cannot: a plugin that does not read blocks
// it.
func (k *Sink) runWatch() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		lost, slow, next := k.watched(now)
		k.announce(lost)
		if slow {
			k.around.Log.Warn("the sink has not answered for a minute; output waits, and more of it is treated as overflow says")
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(next.Sub(now), 0))
		}
		select {
		case <-k.look:
		case <-timer.C:
		case <-k.sent:
			return
		}
	}
}

// watched returns the losses and the slowness that are due to be announced, and when to look again; zero: not before something happens.
func (k *Sink) watched(now time.Time) (lost []sourceLoss, slow bool, next time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	lost, slow = k.dueLosses(now), k.slow(now)
	next = k.tellAt
	if len(k.flight) > 0 && !k.toldSlow {
		next = delivery.Earlier(next, k.flight[0].out.Add(slowAck))
	}
	k.looking = !next.IsZero()
	return lost, slow, next
}

// lookOut has runWatch look when it must; it does by itself while there is anything to look for. Under the lock.
func (k *Sink) lookOut() {
	if !k.looking {
		k.looking = true
		ring(k.look)
	}
}

// slow logs, once, that an answer takes long.
func (k *Sink) slow(now time.Time) bool {
	if k.toldSlow || len(k.flight) == 0 || now.Sub(k.flight[0].out) < slowAck {
		return false
	}
	k.toldSlow = true
	return true
}
