package extensions

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/sdk"
)

// ownCPU is what this process has used.
func ownCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLogSink is output of a real program on its way to a null plugin: poller, batches, stream. One turn is a GiB.
//
//	go test -tags grpcnotrace -run '^$' -bench LogSink -benchtime 3x ./cmd/supervisord
func BenchmarkLogSink(b *testing.B) {
	bin := plugintest.Build(b)
	for _, o := range []logsink.Options{
		{Overflow: logsink.BlockProgram},
		{Overflow: logsink.SpoolOverflow},
	} {
		b.Run(o.Overflow.String(), func(b *testing.B) {
			const size = 1 << 30
			r := newRig(b, map[string]string{"loud": `sh -c "head -c ` + strconv.Itoa(size) + ` /dev/zero; exec sleep 1000"`})
			p := startPlugin(b, r.system, filepath.Join(bin, "null"), nil, wire.LogSink)
			r.run(p)
			o.Spool = delivery.Spool{Dir: r.dir, MaxBytes: 8 << 30}
			k := r.setSink(o)
			r.until("the plugin", func() bool { _, err := p.reach(); return err == nil })
			b.SetBytes(size)
			before := ownCPU(b)
			for i := range b.N {
				r.program("loud")
				r.until("all of it", func() bool { return k.Status().Written == uint64(size)*uint64(i+1) })
				b.StopTimer()
				_ = r.sup.StopProcess(context.Background(), "loud", "loud", true)
				b.StartTimer()
			}
			b.ReportMetric((ownCPU(b)-before).Seconds()/float64(b.N), "host-CPU-s/GiB")
			if s := k.Status(); s.Dropped > 0 {
				b.Errorf("status: %+v", s)
			}
		})
	}
}

// BenchmarkNotifierPlugin is events on their way to a null plugin's process.
func BenchmarkNotifierPlugin(b *testing.B) {
	bin := plugintest.Build(b)
	for _, groupMax := range []int{1, 100} {
		b.Run(fmt.Sprintf("group_max=%d", groupMax), func(b *testing.B) {
			r := newRig(b, map[string]string{})
			p := startPlugin(b, r.system, filepath.Join(bin, "null"), nil, wire.Notifier)
			r.run(p)
			r.until("the plugin", func() bool { _, err := p.reach(); return err == nil })
			n, err := notify.New(notify.Options{Name: instanceName, BufferSize: 10000, GroupMax: groupMax}, notify.Surroundings{
				Notify: func(ctx context.Context, n *sdk.Notification) error { return p.Notify(ctx, instanceName, n) },
				Lost:   func(int64) {}, DeadLetter: func([]byte) {}, Log: nil,
			})
			if err != nil {
				b.Fatal(err)
			}
			bus := eventlistener.NewBus()
			bus.Subscribe(n, []eventlistener.Type{eventlistener.AnyEvent})
			process := eventlistener.Process{Name: "web", Group: "web", Pid: 7}
			for b.Loop() {
				for n.Status().Queued > 5000 {
					time.Sleep(time.Millisecond)
				}
				bus.Publish(eventlistener.NewProcessState(eventlistener.ProcessStateExited, process, "RUNNING", 0, false, eventlistener.Exit{Ended: true, Status: 1}))
			}
			if err := n.Close(context.Background()); err != nil {
				b.Error(err)
			}
			if s := n.Status(); s.Counters.Delivered != uint64(b.N) {
				b.Errorf("status: %+v", s)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
