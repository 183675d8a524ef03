package notify

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
)

// That a plugin is starting is no trouble, and the log says nothing of it.
func TestAStartIsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.failing(delivery.Coming(wire.ErrUnavailable))
		n, bus := newNotifier(t, r, Options{})
		publish(bus, exited, "web")
		time.Sleep(10 * time.Minute)
		r.failing(nil)
		time.Sleep(10 * time.Minute)
		closeNotifier(t, n)
		if log := r.log.String(); log != "" || len(r.processes()) != 1 {
			t.Errorf("got %v, the log:\n%s", r.processes(), log)
		}
	})
}
