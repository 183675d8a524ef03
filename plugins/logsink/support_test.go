package logsink

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// sinkPlugin is a plugin as a sink sees it.
type sinkPlugin struct {
	mu      sync.Mutex
	behave  func(b *sdk.LogBatch) (ack pluginrpc.LogAck, answer bool, err error) // nil: everything is written; err ends the stream
	refuse  bool                                                                 // no stream can be opened
	batches []*sdk.LogBatch
	lost    []string
	lostSum int64
	log     bytes.Buffer
}

func (p *sinkPlugin) set(behave func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behave = behave
}

// pipeStream is a stream to a sinkPlugin.
type pipeStream struct {
	ctx     context.Context
	batches chan *sdk.LogBatch
	acks    chan pluginrpc.LogAck
	failed  chan error
}

func (s *pipeStream) Send(b *sdk.LogBatch) error {
	c := *b
	c.Records = append([]sdk.LogRecord(nil), b.Records...)
	for i := range c.Records {
		c.Records[i].Data = bytes.Clone(c.Records[i].Data)
	}
	select {
	case s.batches <- &c:
		return nil
	case <-s.ctx.Done():
		return wire.ErrUnavailable
	}
}

func (s *pipeStream) Recv() (pluginrpc.LogAck, error) {
	select {
	case a := <-s.acks:
		return a, nil
	case err := <-s.failed:
		select {
		case a := <-s.acks: // said before
			s.failed <- err
			return a, nil
		default:
		}
		return pluginrpc.LogAck{}, err
	case <-s.ctx.Done():
		return pluginrpc.LogAck{}, s.ctx.Err()
	}
}

func (p *sinkPlugin) open(ctx context.Context) (delivery.LogStream, error) {
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		return nil, wire.ErrUnavailable
	}
	s := &pipeStream{ctx, make(chan *sdk.LogBatch), make(chan pluginrpc.LogAck, 100), make(chan error, 1)}
	go func() {
		for {
			select {
			case b := <-s.batches:
				p.mu.Lock()
				p.batches = append(p.batches, b)
				ack, answer, err := pluginrpc.LogAck{Seq: b.Seq}, true, error(nil)
				if p.behave != nil {
					ack, answer, err = p.behave(b)
				}
				p.mu.Unlock()
				if answer {
					s.acks <- ack
				}
				if err != nil {
					s.failed <- err
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return s, nil
}

func (p *sinkPlugin) surroundings() Surroundings {
	return Surroundings{
		Open: p.open,
		Lost: func(group, process, channel string, _ int, n int64) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.lost = append(p.lost, group+":"+process+":"+channel)
			p.lostSum += n
		},
		Log: hclog.New(&hclog.LoggerOptions{Output: &p.log, Mutex: &p.mu}),
	}
}

// text is what was said on a process's stdout, each batch once.
func (p *sinkPlugin) text(process string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	seen := map[uint64]bool{}
	for _, batch := range p.batches {
		if seen[batch.Seq] {
			continue
		}
		seen[batch.Seq] = true
		for _, r := range batch.Records {
			if r.Process == process && r.Channel == "stdout" {
				b.Write(r.Data)
			}
		}
	}
	return b.String()
}

func (p *sinkPlugin) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.batches)
}

func never(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) { return pluginrpc.LogAck{}, false, nil }

func newSink(t *testing.T, p *sinkPlugin, o Options) *Sink {
	t.Helper()
	if o.Name == "" {
		o.Name = "central"
	}
	if !o.Stdout && !o.Stderr {
		o.Stdout, o.Stderr = true, true
	}
	k, err := New(o, p.surroundings())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func closeSink(t *testing.T, k *Sink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := k.Close(ctx); err != nil {
		t.Error(err)
	}
}

func cutSink(k *Sink) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return k.Close(ctx)
}
