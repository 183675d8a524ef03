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

// A batch that is refused is given up after retry_for, counted and announced as what is lost; 0 gives up nothing.
func TestSinkGivesUpABatchThatIsRefusedForTooLong(t *testing.T) {
	for _, limit := range []time.Duration{24 * time.Hour, 0} {
		synctest.Test(t, func(t *testing.T) {
			p := &sinkPlugin{}
			var last time.Time
			p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
				last = time.Now()
				return pluginrpc.LogAck{Seq: b.Seq, Err: errors.New("service is away")}, true, nil
			})
			began := time.Now()
			k := newSink(t, p, Options{RetryFor: limit})
			k.Source("web", "a", "stdout", nil)(7, time.Now(), []byte("lost"))
			time.Sleep(48 * time.Hour)
			s, tried := k.Status(), last.Sub(began)
			switch {
			case limit == 0 && (s.Dropped != 0 || tried < 47*time.Hour):
				t.Errorf("without a limit it was tried for %v: %+v", tried, s)
			case limit > 0 && (s.Dropped != 4 || tried < limit || tried > limit+5*time.Minute):
				t.Errorf("it was tried for %v: %+v", tried, s)
			}
			p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) { return pluginrpc.LogAck{Seq: b.Seq}, true, nil })
			k.Source("web", "a", "stdout", nil)(7, time.Now(), []byte("kept"))
			closeSink(t, k)
			if s := k.Status(); s.Written+s.Dropped != 8 || s.Written < 4 {
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
