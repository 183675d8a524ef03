package pluginrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

func batch(seq uint64, redelivered bool) *sdk.LogBatch {
	return &sdk.LogBatch{Seq: seq, Redelivered: redelivered, Records: []sdk.LogRecord{
		{Group: "web", Process: "web_00", Pid: 5, Channel: "stderr", Time: time.Unix(3, 4).UTC(), Data: []byte(fmt.Sprint("line ", seq)), Offset: 10 * seq},
	}}
}

func TestBatchesAreWrittenAndAcknowledgedInOrder(t *testing.T) {
	l := serveHere(t)
	x := l.configure(t, wire.LogSink, "central", "")
	s, err := l.OpenLogStream(testkit.Soon(t), "central")
	if err != nil {
		t.Fatal(err)
	}
	const n = 100
	go func() {
		for seq := uint64(1); seq <= n; seq++ {
			if s.Send(batch(seq, false)) != nil {
				return
			}
		}
		_ = s.CloseSend()
	}()
	for seq := uint64(1); seq <= n; seq++ {
		if ack, err := s.Recv(); err != nil || ack != (LogAck{Seq: seq}) {
			t.Fatalf("answer %d is %+v (%v)", seq, ack, err)
		}
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}
	seen, most, _ := x.state()
	if len(seen) != n || seen[0] != "1 line 1" || seen[n-1] != "100 line 100" || most != 1 {
		t.Errorf("the sink saw %d batches, %d at once: %v", len(seen), most, seen)
	}
}

func TestWhatComesBehindARefusedBatchWaits(t *testing.T) {
	l := serveHere(t)
	x := l.configure(t, wire.LogSink, "central", "third")
	s, err := l.OpenLogStream(testkit.Soon(t), "central")
	if err != nil {
		t.Fatal(err)
	}
	send := func(seqs ...uint64) {
		for _, seq := range seqs {
			if err := s.Send(batch(seq, false)); err != nil {
				t.Fatal(err)
			}
		}
	}
	answer := func(seq uint64, want string, after time.Duration) {
		t.Helper()
		ack, err := s.Recv()
		got := ""
		if ack.Err != nil {
			got = ack.Err.Error()
		}
		if err != nil || ack.Seq != seq || got != want || sdk.RetryDelay(ack.Err) != after {
			t.Errorf("answer %+v (%v), want %d %q", ack, err, seq, want)
		}
	}
	send(1, 2, 3, 4, 5)
	answer(1, "", 0)
	answer(2, "", 0)
	answer(3, "not yet", time.Second)
	answer(4, "batch 3 comes first", 0)
	answer(5, "batch 3 comes first", 0)
	for seq := uint64(3); seq <= 5; seq++ {
		if err := s.Send(batch(seq, true)); err != nil {
			t.Fatal(err)
		}
		answer(seq, "", 0)
	}
	send(6)
	answer(6, "", 0)
	if seen, _, _ := x.state(); !reflect.DeepEqual(seen, []string{"1 line 1", "2 line 2", "3 line 3", "4 line 4", "5 line 5", "6 line 6"}) {
		t.Errorf("the sink saw %v", seen)
	}
}

func TestAFinalRefusalHoldsNothingUp(t *testing.T) {
	l := serveHere(t)
	l.configure(t, wire.LogSink, "central", "final")
	s, err := l.OpenLogStream(testkit.Soon(t), "central")
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 2; seq++ {
		if err := s.Send(batch(seq, false)); err != nil {
			t.Fatal(err)
		}
		if ack, err := s.Recv(); err != nil || !sdk.IsFinal(ack.Err) || ack.Err.Error() != "never" {
			t.Errorf("answer %+v (%v)", ack, err)
		}
	}
}

func TestAStreamToNobody(t *testing.T) {
	l := serveHere(t)
	s, err := l.OpenLogStream(testkit.Soon(t), "nobody")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(batch(1, false)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); !errors.Is(err, wire.ErrNoInstance) {
		t.Errorf("it ends with %v", err)
	}
	if err := s.Send(batch(2, false)); err == nil {
		t.Error("a batch is sent on a stream that has ended")
	}
}

func TestAStreamEndsWithItsPlugin(t *testing.T) {
	p := start(t)
	ctx := testkit.Soon(t)
	if _, err := p.Configure(ctx, wire.LogSink, "central", nil, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	s, err := p.OpenLogStream(ctx, "central")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(batch(1, false)); err != nil {
		t.Fatal(err)
	}
	if ack, err := s.Recv(); err != nil || ack.Seq != 1 {
		t.Fatalf("answer %+v (%v)", ack, err)
	}
	_ = p.cmd.Process.Kill()
	if _, err := s.Recv(); !wire.IsUnavailable(err) {
		t.Errorf("it ends with %v", err)
	}
}

func TestARecordArrivesWhole(t *testing.T) {
	got := make(chan *sdk.LogBatch, 1)
	p := testPlugin()
	p.Kinds = []sdk.Kind{sdk.LogSinkOf(struct{}{}, func(context.Context, struct{}, sdk.Instance) (sdk.LogSink, error) { return sinkFunc(got), nil })}
	c := serveOne(t, p)
	if _, err := c.Configure(testkit.Soon(t), wire.LogSink, "s", nil, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	s, err := c.OpenLogStream(testkit.Soon(t), "s")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 500, 1} { // the cells of a stream are used again
		want := &sdk.LogBatch{Seq: uint64(n), Redelivered: n == 500}
		for i := range n {
			want.Records = append(want.Records, sdk.LogRecord{
				Group: "g", Process: fmt.Sprint(i), Pid: i, Channel: []string{"stdout", "stderr"}[i%2],
				Time: time.Unix(int64(i), 7).UTC(), Data: []byte{byte(i), 0xff}, Offset: uint64(i),
			})
		}
		if err := s.Send(want); err != nil {
			t.Fatal(err)
		}
		if b := <-got; !reflect.DeepEqual(b, want) {
			t.Errorf("a batch of %d arrives as\n%+v, want\n%+v", n, b, want)
		}
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
	}
}

type sinkFunc chan *sdk.LogBatch

func (s sinkFunc) Write(_ context.Context, b *sdk.LogBatch) error { s <- b; return nil }
