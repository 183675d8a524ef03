package lines

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk"
)

// slowBackend takes lines, and takes its time to send them.
type slowBackend struct {
	takes time.Duration

	mu   sync.Mutex
	got  []string
	held int
}

func (o *slowBackend) Take(l *Line, _ bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, string(l.Data))
	o.held++
}

func (o *slowBackend) Send(context.Context) error {
	o.mu.Lock()
	held := o.held
	o.held = 0
	o.mu.Unlock()
	if held > 0 {
		time.Sleep(o.takes)
	}
	return nil
}

func (o *slowBackend) Held() (batch, own int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.held, 0
}

func (o *slowBackend) Forget() {}
func (o *slowBackend) End()    {}

func (o *slowBackend) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.got)
}

// A line in the middle of which a batch ends is whole when the next batch follows at once, however long the first took to send.
func TestASlowSendPartsNoLine(t *testing.T) {
	const idle = time.Second
	o := &slowBackend{takes: idle + idle/2}
	f := NewFeed(o, 100, idle, time.Minute)
	ctx := context.Background()
	for seq, text := range []string{"one\ntw", "o\nthr", "ee\n"} {
		offsets := []uint64{0, 6, 11}
		if err := f.Write(ctx, &sdk.LogBatch{Seq: uint64(seq + 1), Records: []sdk.LogRecord{{Group: "a", Process: "a", Channel: "stdout", Offset: offsets[seq], Data: []byte(text)}}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.lines(); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("%q", got)
	}
	// what nothing follows is sent all the same
	if err := f.Write(ctx, &sdk.LogBatch{Seq: 4, Records: []sdk.LogRecord{{Group: "a", Process: "a", Channel: "stdout", Offset: 14, Data: []byte("rest")}}}); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "the rest is sent", func() bool { return slices.Contains(o.lines(), "rest") })
	if err := f.Close(ctx); err != nil {
		t.Error(err)
	}
}
