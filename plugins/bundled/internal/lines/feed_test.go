package lines

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk"
)

// sent is a Backend that sends to itself.
type sent struct {
	mu          sync.Mutex
	fails       error
	batch, ours []string
	got         []string
	ended       bool
}

func (s *sent) Take(l *Line, own bool) {
	if own {
		s.ours = append(s.ours, string(l.Data))
		return
	}
	s.batch = append(s.batch, string(l.Data))
}

func (s *sent) Send(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	s.got = append(append(s.got, s.ours...), s.batch...)
	s.ours, s.batch = nil, nil
	return nil
}

func (s *sent) Held() (batch, own int) { return len(s.batch), len(s.ours) }
func (s *sent) Forget()                { s.batch = nil }
func (s *sent) End()                   { s.ended = true }

func (s *sent) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

func (s *sent) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func chunk(seq, offset uint64, text string) *sdk.LogBatch {
	return &sdk.LogBatch{Seq: seq, Records: []sdk.LogRecord{*record("p", 1, offset, text)}}
}

// An unfinished line of a batch that is refused permanently is sent when nothing follows, as any other: it waits for no further batch.
func TestAnUnfinishedLineOfABatchThatIsLost(t *testing.T) {
	out := &sent{fails: sdk.Final(errors.New("never"))}
	f := NewFeed(out, 0, 5*time.Millisecond, time.Minute)
	if err := f.Write(context.Background(), chunk(1, 0, "lost\nprompt> ")); !sdk.IsFinal(err) || f.Health() == nil {
		t.Fatal(err)
	}
	out.set(nil)
	testkit.Until(t, "the prompt alone is sent", func() bool { return slices.Equal(out.all(), []string{"prompt> "}) })
	if err := f.Close(context.Background()); err != nil || !out.ended {
		t.Error(err)
	}
}

// A batch that may be tried again goes on where it stopped, and is not taken apart twice.
func TestABatchThatComesAgain(t *testing.T) {
	out := &sent{fails: errors.New("not now")}
	f := NewFeed(out, 0, time.Hour, time.Minute)
	b := chunk(1, 0, "one\ntw")
	for range 3 {
		if err := f.Write(context.Background(), b); err == nil {
			t.Fatal("it is written")
		}
	}
	out.set(nil)
	for _, b := range []*sdk.LogBatch{b, chunk(2, 6, "o\n")} {
		if err := f.Write(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(context.Background()); err != nil || !slices.Equal(out.all(), []string{"one", "two"}) {
		t.Errorf("%q (%v)", out.all(), err)
	}
}
