package host

import (
	"context"
	"os"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/testplugins/flooder"
)

// newFlooded is a host whose plugin faulty is the flooder, with an instance of each kind that works.
func newFlooded(t *testing.T) *hosted {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := newHosted(t, brisk(), "none")
	h.SetPlugin(Settings{Name: "faulty", Command: []string{self, flooder.Verb}, Permissions: ReadCalls})
	h.SetInstance(namespace("a"))
	h.SetInstance(Instance{Kind: wire.LogSink, Name: "s", Section: "logsink:s", Plugin: "faulty"})
	h.waitState(Running)
	h.repeats()
	return h
}

// repeats waits until a call is answered.
func (h *hosted) repeats() {
	h.t.Helper()
	testkit.Until(h.t, "it answers", func() bool {
		got, err := h.echo("a", "x")
		return err == nil && got == "x"
	})
}

// processor is the processor time that this process has used.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A plugin that floods its connection, or the socket on which it calls back, with frames is killed for it, which counts like every other failure, and the
// host is at rest again. The next process serves as before.
func TestAPluginThatFloodsItsConnectionIsKilled(t *testing.T) {
	told := regexp.MustCompile(`failed; it is started again.*killed: \d+ HTTP/2 frames (without|of) data in 1 s`)
	for _, how := range flooder.Floods() {
		t.Run(how, func(t *testing.T) {
			h := newFlooded(t)
			pid := h.status().PID
			if _, err := h.call("a", "flood", 0, how); err != nil && !wire.IsUnavailable(err) {
				t.Fatal(err)
			}
			testkit.Until(t, "it is killed", func() bool { return syscall.Kill(pid, 0) != nil })
			h.repeats()
			if log := h.logged(); len(told.FindAllString(log, -1)) != 1 {
				t.Errorf("the log: %s", log)
			}
			if got := h.status(); got.Restarts != 1 || got.Failures != 1 || got.PID == pid {
				t.Errorf("%+v", got)
			}
			testkit.Until(t, "the host is at rest", func() bool {
				before := processor(t)
				time.Sleep(100 * time.Millisecond)
				return processor(t)-before < 20*time.Millisecond
			})
		})
	}
}

// What calls and log sinks need is no flood, however fast they are: calls one after another on many goroutines, batches as fast as they are
// acknowledged, and answers of many frames.
func TestCallsAndBatchesAreNoFlood(t *testing.T) {
	h := newFlooded(t)
	pid := h.status().PID
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 300 {
				if _, err := h.echo("a", "x"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Go(func() {
		large := make([]byte, 4<<20)
		for i := range large {
			large[i] = 'x'
		}
		for range 8 {
			if _, err := h.echo("a", string(large)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	all.Go(func() { sendBatches(t, h, 600) })
	all.Wait()
	if got := h.status(); got.PID != pid || got.Failures != 0 {
		t.Errorf("%+v", got)
	}
}

// sendBatches sends batches of 256 KiB, eight of them under way.
func sendBatches(t *testing.T, h *hosted, n int) {
	stream, err := h.OpenLogStream(context.Background(), "s")
	if err != nil {
		t.Error(err)
		return
	}
	turns := make(chan struct{}, 8)
	var answers sync.WaitGroup
	answers.Go(func() {
		for range n {
			if _, err := stream.Recv(); err != nil {
				t.Error(err)
				return
			}
			<-turns
		}
	})
	data := make([]byte, 256<<10)
	for seq := range n {
		turns <- struct{}{}
		if err := stream.Send(&sdk.LogBatch{Seq: uint64(seq + 1), Records: []sdk.LogRecord{{Group: "g", Process: "p", Channel: "stdout", Data: data}}}); err != nil {
			t.Error(err)
			break
		}
	}
	answers.Wait()
}
