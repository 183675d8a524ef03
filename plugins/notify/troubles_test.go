package notify

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/wire"
)

// A plugin is not there yet at every start of the daemon; the log says so once, and what is then refused, once as well.
func TestTheLogIsToldOfARefusalBehindAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.failing(wire.ErrUnavailable)
		n, bus := newNotifier(t, r, Options{})
		for range 2 {
			publish(bus, exited, "web")
			time.Sleep(10 * time.Minute)
			r.failing(errors.New("the port is dead"))
			publish(bus, exited, "web")
			time.Sleep(10 * time.Minute)
			r.failing(nil)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
		}
		closeNotifier(t, n)
		log := r.log.String()
		away, dead := strings.Count(log, wire.ErrUnavailable.Error()), strings.Count(log, "the port is dead")
		if away != 1 || dead != 2 || strings.Count(log, "again") < 2 {
			t.Errorf("the log tells %d times that it is away and %d times that it is refused:\n%s", away, dead, log)
		}
	})
}
