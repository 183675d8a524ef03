package logsink

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/sdk"
)

// A refused batch comes again at ever longer intervals, up to the section's retry_max_delay.
func TestSinkTriesARefusedBatchAgain(t *testing.T) {
	for _, longest := range []time.Duration{0, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p := &sinkPlugin{}
			var tried []time.Time
			p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
				tried = append(tried, time.Now())
				return pluginrpc.LogAck{Seq: b.Seq, Err: errors.New("service is away")}, true, nil
			})
			k := newSink(t, p, Options{RetryMax: longest})
			k.Source("web", "a", "stdout", nil)(7, time.Now(), []byte("x"))
			time.Sleep(10 * time.Minute)
			p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) { return pluginrpc.LogAck{Seq: b.Seq}, true, nil })
			want := longest
			if want == 0 {
				want = time.Minute
			}
			var most time.Duration
			for i := 1; i < len(tried); i++ {
				most = max(most, tried[i].Sub(tried[i-1]))
			}
			if len(tried) < 5 || most < want || most > want+time.Second {
				t.Errorf("%d tries, at most %v apart, want %v", len(tried), most, want)
			}
			closeSink(t, k)
			if s := k.Status(); s.Written != 1 {
				t.Errorf("status: %+v", s)
			}
		})
	}
}

func TestSinkTriesAtOnceWhatItsPluginWasMendedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
			return pluginrpc.LogAck{Seq: b.Seq, Err: errors.New("no such stream")}, true, nil
		})
		k := newSink(t, p, Options{RetryMax: time.Hour})
		k.Source("web", "a", "stdout", nil)(7, time.Now(), []byte("x"))
		time.Sleep(3 * time.Hour)
		p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) { return pluginrpc.LogAck{Seq: b.Seq}, true, nil })
		mended := time.Now()
		k.Retry()
		synctest.Wait()
		if s := k.Status(); s.Written != 1 || s.LastError != "" || !s.Acked.Equal(mended) {
			t.Errorf("after %v: %+v", time.Since(mended), s)
		}
		closeSink(t, k)
	})
}
