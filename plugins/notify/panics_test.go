package notify

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk"
)

func TestAPanicOfANotifierIsTheEndOfADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		boom := testkit.Panics(2)
		r.fail = func(n *sdk.Notification) error {
			switch n.Events[0].Process {
			case "twice":
				boom()
			case "always":
				panic("made by the test")
			}
			return nil
		}
		n, bus := newNotifier(t, r, Options{GroupMax: 1})
		publish(bus, fatal, "twice")
		time.Sleep(time.Hour)
		publish(bus, fatal, "always") // is given up
		time.Sleep(time.Hour)
		publish(bus, fatal, "well")
		time.Sleep(time.Hour)
		if got := r.processes(); !slices.Equal(got, []string{"twice", "well"}) {
			t.Errorf("delivered: %v", got)
		}
		if s := n.Status(); s.Defects != 5 || s.Counters.DeadLetters != 1 || s.Queued+s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
		closeNotifier(t, n)
	})
}
