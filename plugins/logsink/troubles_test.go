package logsink

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// A plugin is not there yet at every start of the daemon; the log says so once, and what is then refused, once as well.
func TestTheLogIsToldOfARefusalBehindAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{refuse: true}
		k := newSink(t, p, Options{})
		for range 2 {
			something := func() {
				k.Source("web", "a", "stdout", nil)(7, time.Now(), []byte("x"))
				time.Sleep(10 * time.Minute)
			}
			something()
			p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
				return pluginrpc.LogAck{Seq: b.Seq, Err: errors.New("the port is dead")}, true, nil
			})
			p.mu.Lock()
			p.refuse = false
			p.mu.Unlock()
			something()
			p.set(nil)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
		}
		closeSink(t, k)
		log := p.log.String()
		away, dead := strings.Count(log, wire.ErrUnavailable.Error()), strings.Count(log, "the port is dead")
		if away != 1 || dead != 2 || strings.Count(log, "again") < 2 {
			t.Errorf("the log tells %d times that it is away and %d times that it is refused:\n%s", away, dead, log)
		}
	})
}
