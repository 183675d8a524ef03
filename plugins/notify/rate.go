package notify

import (
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// Rate is how many notifications there may be in a period. The zero Rate is no limit.
type Rate struct {
	Count  int
	Period time.Duration
}

// bucket holds the tokens of a Rate: as many as Count at once, and Count more in each Period.
type bucket struct {
	tokens float64
	at     time.Time // zero: full
}

// take takes a token, or reports when there will be one.
func (b *bucket) take(r Rate, now time.Time) (next time.Time, ok bool) {
	if r.Count <= 0 || r.Period <= 0 {
		return now, true
	}
	full := float64(r.Count)
	each := float64(r.Period) / full
	switch {
	case b.at.IsZero():
		b.tokens = full
	case now.After(b.at):
		b.tokens = min(full, b.tokens+float64(now.Sub(b.at))/each)
	}
	b.at = now
	const whole = 1 - 1e-9 // what was waited for has come, however it was rounded
	if b.tokens >= whole {
		b.tokens = max(b.tokens-1, 0)
		return now, true
	}
	return now.Add(time.Duration((1-b.tokens)*each) + 1), false
}

// give puts a token back that was not used.
func (b *bucket) give() { b.tokens++ }

// QuietHours is a part of every day in which only what is bad enough is told. From and To are times since
// midnight by the wall clock; where To is not after From it is on the next day. The zero QuietHours is never.
type QuietHours struct {
	From, To time.Duration
	Passing  sdk.Severity // the least that is told all the same
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
