package notify

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/hark-supervisor/hark/sdk"
)

// Rate is how many notifications there may be in a period. The zero Rate is unlimited.
type Rate struct {
	Count  int
	Period time.Duration
}

// bucket holds the tokens of a Rate: as many as Count at once, and Count more in each Period.
type bucket struct {
	limiter *rate.Limiter     // nil: no limit
	taken   *rate.Reservation // the token that was taken last
}

func newBucket(r Rate) bucket {
	if r.Count <= 0 || r.Period <= 0 {
		return bucket{}
	}
	return bucket{limiter: rate.NewLimiter(rate.Limit(float64(r.Count)/r.Period.Seconds()), r.Count)}
}

// take takes a token, or reports when there will be one.
func (b *bucket) take(now time.Time) (next time.Time, ok bool) {
	if b.limiter == nil {
		return now, true
	}
	token := b.limiter.ReserveN(now, 1)
	if wait := token.DelayFrom(now); wait > 0 {
		token.CancelAt(now)
		return now.Add(wait + 1), false // not before, however it was rounded
	}
	b.taken = token
	return now, true
}

// give puts a token back that was taken just now and not used.
func (b *bucket) give(now time.Time) {
	if b.taken != nil {
		b.taken.CancelAt(now)
		b.taken = nil
	}
}

// QuietHours is a part of every day in which only severe events are sent. From and To are times since
// midnight by the wall clock; if To is not after From it is on the next day. The zero QuietHours is never.
type QuietHours struct {
	From, To time.Duration
	Passing  sdk.Severity // the lowest severity that is sent nevertheless
}

// end reports whether it is quiet at t, and when that ends.
func (q QuietHours) end(t time.Time) (time.Time, bool) {
	if q.From == q.To {
		return time.Time{}, false
	}
	at := func(days int, clock time.Duration) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d+days, int(clock/time.Hour), int(clock%time.Hour/time.Minute), 0, 0, t.Location())
	}
	length := 0
	if q.To <= q.From {
		length = 1
	}
	for day := -length; day <= 0; day++ { // that which began yesterday may still last
		if end := at(day+length, q.To); !t.Before(at(day, q.From)) && t.Before(end) {
			return end, true
		}
	}
	return time.Time{}, false
}
