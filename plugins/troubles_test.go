package plugins

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// A plugin is not there yet at every start of the daemon; the log says so once, and what is then refused, once as well.
func TestTheLogIsToldOfARefusalBehindAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.failing(sdk.ErrUnavailable)
		n, bus := newNotifier(t, r, NotifierOptions{})
		p := &sinkPlugin{refuse: true}
		k := newSink(t, p, LogSinkOptions{})
		for range 2 {
			something := func() {
				publish(bus, exited, "web")
				k.Source("web", "a", "stdout", nil)(7, time.Now(), []byte("x"))
				time.Sleep(10 * time.Minute)
			}
			something()
			r.failing(errors.New("the port is dead"))
			p.set(func(b *sdk.LogBatch) (sdk.LogAck, bool, error) {
				return sdk.LogAck{Seq: b.Seq, Err: errors.New("the port is dead")}, true, nil
			})
			p.mu.Lock()
			p.refuse = false
			p.mu.Unlock()
			something()
			r.failing(nil)
			p.set(nil)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
		}
		closeSink(t, k)
		closeNotifier(t, n)
		for what, log := range map[string]string{"notifier": r.log.String(), "sink": p.log.String()} {
			away, dead := strings.Count(log, sdk.ErrUnavailable.Error()), strings.Count(log, "the port is dead")
			if away != 1 || dead != 2 || strings.Count(log, "again") < 2 {
				t.Errorf("the %s's log tells %d times that it is away and %d times that it is refused:\n%s", what, away, dead, log)
			}
		}
	})
}
