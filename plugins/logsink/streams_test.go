package logsink

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// wildStream fails at every place that a stream can fail at, at random.
type wildStream struct {
	ctx  context.Context
	acks chan pluginrpc.LogAck
	rng  *lockedRand
}

type lockedRand struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (r *lockedRand) n(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n)
}

func (s *wildStream) Send(b *sdk.LogBatch) error {
	switch s.rng.n(8) {
	case 0:
		return errors.New("send")
	case 1: // answers what was not asked
		s.acks <- pluginrpc.LogAck{Seq: b.Seq + 7}
	case 2: // says nothing
		return nil
	}
	s.acks <- pluginrpc.LogAck{Seq: b.Seq}
	return nil
}

func (s *wildStream) Recv() (pluginrpc.LogAck, error) {
	if s.rng.n(10) == 0 {
		return pluginrpc.LogAck{}, errors.New("recv")
	}
	select {
	case a := <-s.acks:
		return a, nil
	case <-time.After(time.Millisecond):
		return pluginrpc.LogAck{}, errors.New("silence")
	case <-s.ctx.Done():
		return pluginrpc.LogAck{}, s.ctx.Err()
	}
}

// Whatever streams do when, there is one at a time, and everything is written in the end.
func TestSinkHasOneStreamWhateverStreamsDo(t *testing.T) {
	rng := &lockedRand{rng: rand.New(rand.NewPCG(21, 4))}
	p := &sinkPlugin{}
	around := p.surroundings()
	around.Open = func(ctx context.Context) (delivery.LogStream, error) {
		if rng.n(5) == 0 {
			return nil, errors.New("open")
		}
		return &wildStream{ctx: ctx, acks: make(chan pluginrpc.LogAck, 2*maxInFlight), rng: rng}, nil
	}
	k, err := New(Options{Name: "wild", Stdout: true, Overflow: BlockProgram}, around)
	if err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	k.firstDelay = 10 * time.Microsecond
	k.mu.Unlock()
	say := k.Source("web", "a", "stdout", func() {})
	const n = 60
	for range n {
		say(7, time.Now(), make([]byte, 100<<10))
		time.Sleep(time.Duration(rng.n(1000)) * time.Microsecond)
	}
	testkit.Until(t, "all of it is written", func() bool { return k.Status().Written == n*100<<10 })
	closeSink(t, k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if log := p.log.String(); len(log) == 0 || strings.Contains(log, "internal error") {
		t.Errorf("log: %s", log)
	}
	if s := k.Status(); s.Streams < 10 || s.Dropped > 0 {
		t.Errorf("%+v", s)
	}
}
