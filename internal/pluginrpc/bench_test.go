package pluginrpc

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// The plugin is a process of its own; the figures are those of DESIGN's table for the SDK's part: ≥ 10k notifications a second,
// ≤ 250 µs for a call, ≥ 400 MiB/s of output.

func BenchmarkNotify(b *testing.B) {
	p := start(b)
	ctx := testkit.Soon(b)
	if _, err := p.Configure(ctx, wire.Notifier, "ops", map[string]string{"mode": "null"}, sdk.Daemon{}, ""); err != nil {
		b.Fatal(err)
	}
	n := &sdk.Notification{ID: "1", Title: "web:web_00 exited", Body: "It exited.", Events: []sdk.Event{{Type: "PROCESS_STATE_EXITED", Process: "web_00", Group: "web", Exit: &sdk.Exit{Status: 3}}}}
	for b.Loop() {
		if err := p.Notifier("ops").Notify(ctx, n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	p := start(b)
	ctx := testkit.Soon(b)
	if _, err := p.Configure(ctx, wire.Namespace, "x", nil, sdk.Daemon{}, ""); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Call(ctx, "x", "echo", []any{"a text", 5}); err != nil {
			b.Fatal(err)
		}
	}
}

// cpu is the time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLogStream sends batches of 256 KiB in records of 4 KiB, eight of them under way.
func BenchmarkLogStream(b *testing.B) {
	const size, record, window = 256 << 10, 4 << 10, 8
	p := start(b)
	ctx := testkit.Soon(b)
	if _, err := p.Configure(ctx, wire.LogSink, "central", map[string]string{"mode": "null"}, sdk.Daemon{}, ""); err != nil {
		b.Fatal(err)
	}
	s, err := p.OpenLogStream(ctx, "central")
	if err != nil {
		b.Fatal(err)
	}
	batch := &sdk.LogBatch{}
	for range size / record {
		batch.Records = append(batch.Records, sdk.LogRecord{
			Group: "web", Process: "web_00", Pid: 1, Channel: "stdout", Time: time.Now(), Data: bytes.Repeat([]byte("x"), record),
		})
	}
	b.SetBytes(size)
	before := cpu(b)
	credits := make(chan struct{}, window)
	failed := make(chan error, 1)
	go func() {
		for {
			ack, err := s.Recv()
			if err == nil {
				err = ack.Err
			}
			if err != nil {
				failed <- err
				return
			}
			<-credits
		}
	}()
	for b.Loop() {
		select {
		case credits <- struct{}{}:
		case err := <-failed:
			b.Fatal(err)
		}
		batch.Seq++
		if err := s.Send(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/1e9/(float64(b.N)*size/(1<<30)), "host-s/GiB")
	for range window { // the last answers
		credits <- struct{}{}
	}
	if err := s.CloseSend(); err != nil {
		b.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, io.EOF) {
		b.Error(err)
	}
}
