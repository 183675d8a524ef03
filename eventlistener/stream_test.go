package eventlistener

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

func seqsOf(events []*Event) (all []uint64) {
	for _, e := range events {
		all = append(all, e.Seq())
	}
	return all
}

func TestAStreamCountsWhatItKeepsAndWhatIsTaken(t *testing.T) {
	b := NewBus()
	s := NewStream(StreamConfig{MaxEvents: 3, MaxBytes: 1 << 20})
	b.Subscribe(s, []Type{AnyEvent})
	for range 3 {
		b.Publish(NewTick(Tick5, 0))
	}
	if c, queued, oldest := s.Status(); queued != 3 || c.Accepted != 3 || c.Discarded != 0 || oldest.IsZero() {
		t.Errorf("%+v, %d queued", c, queued)
	}
	<-s.Ready()
	got, err := s.Take()
	if err != nil || !slices.Equal(seqsOf(got), []uint64{1, 2, 3}) {
		t.Errorf("%v, %v", seqsOf(got), err)
	}
	b.Publish(NewTick(Tick5, 0))
	s.Close()
	b.Publish(NewTick(Tick5, 0))
	if got, err := s.Take(); !errors.Is(err, ErrStreamClosed) || !slices.Equal(seqsOf(got), []uint64{4}) {
		t.Errorf("after Close %v, %v", seqsOf(got), err)
	}
	if c, queued, _ := s.Status(); c.Accepted != c.Delivered+c.Discarded+uint64(queued) {
		t.Errorf("%+v, %d queued", c, queued)
	}
}

func TestAStreamIsBoundedInBytesButTakesALargeEvent(t *testing.T) {
	b := NewBus()
	s := NewStream(StreamConfig{MaxEvents: 100, MaxBytes: 4000})
	b.Subscribe(s, []Type{AnyEvent})
	large := func(bytes int) {
		b.Publish(NewProcessLog(ProcessLogStdout, Process{"a", "a", 1}, make([]byte, bytes)))
	}
	large(1 << 20)
	if got, err := s.Take(); err != nil || !slices.Equal(seqsOf(got), []uint64{1}) {
		t.Errorf("%v, %v", seqsOf(got), err)
	}
	for range 5 {
		large(1000)
	}
	if got, err := s.Take(); len(got) != 0 || !errors.Is(err, ErrStreamSlow) {
		t.Errorf("%v, %v", seqsOf(got), err)
	}
}

func TestAStreamThatIsCutEnds(t *testing.T) {
	b := NewBus()
	s := NewStream(StreamConfig{MaxEvents: 2, MaxBytes: 1 << 20})
	b.Subscribe(s, []Type{AnyEvent})
	for range 4 {
		b.Publish(NewTick(Tick5, 0))
	}
	if got, err := s.Take(); len(got) != 0 || !errors.Is(err, ErrStreamSlow) {
		t.Errorf("%v, %v", seqsOf(got), err)
	}
	if c, _, _ := s.Status(); c.Discarded != 3 {
		t.Errorf("%+v", c)
	}
}

func TestAStreamIsReadWhileItIsFed(t *testing.T) {
	b := NewBus()
	s := NewStream(StreamConfig{MaxEvents: 1 << 20, MaxBytes: 1 << 30})
	b.Subscribe(s, []Type{AnyEvent})
	const n = 2000
	var got []*Event
	var reader sync.WaitGroup
	reader.Go(func() {
		for range s.Ready() {
			events, err := s.Take()
			for _, e := range events {
				e.PayloadIn(JSONForm)
				e.Payload()
			}
			got = append(got, events...)
			if err != nil {
				return
			}
		}
	})
	for range n {
		e := NewProcessLog(ProcessLogStdout, Process{"a", "a", 1}, []byte("x"))
		b.Publish(e)
		e.Payload()
	}
	s.Close()
	reader.Wait()
	if len(got) != n || !slices.IsSorted(seqsOf(got)) {
		t.Errorf("%d of %d", len(got), n)
	}
}

func TestHistoryKnowsWhatItLacks(t *testing.T) {
	b := NewBus()
	b.Publish(NewTick(Tick5, 0))
	h := NewHistory(b, 3, 1<<20)
	b.Subscribe(h, []Type{TickEvent})
	for range 5 { // 2 to 6, of which 4 to 6 stay
		b.Publish(NewTick(Tick5, 0))
	}
	for after, want := range map[uint64]struct {
		seqs  []uint64
		whole bool
	}{0: {[]uint64{4, 5, 6}, false}, 2: {[]uint64{4, 5, 6}, false}, 3: {[]uint64{4, 5, 6}, true}, 5: {[]uint64{6}, true}, 6: {nil, true}} {
		got, whole := h.After(after)
		if !slices.Equal(seqsOf(got), want.seqs) || whole != want.whole {
			t.Errorf("after %d: %v, %v", after, seqsOf(got), whole)
		}
	}
	fresh := NewHistory(b, 3, 600)
	b.Subscribe(fresh, []Type{TickEvent})
	if got, whole := fresh.After(6); len(got) != 0 || !whole {
		t.Errorf("a new one lacks something after the last: %v", whole)
	}
	if _, whole := fresh.After(5); whole {
		t.Error("a new one has what was before it")
	}
	b.Publish(NewTick(Tick5, 0))
	b.Publish(NewTick(Tick5, 0))
	if got, whole := fresh.After(0); !slices.Equal(seqsOf(got), []uint64{8}) || whole {
		t.Errorf("within its bytes it keeps %v", seqsOf(got))
	}
}

func TestDistinctTypes(t *testing.T) {
	for _, c := range []struct{ in, want []Type }{
		{[]Type{AnyEvent, Tick5, HarkEvent}, []Type{AnyEvent, HarkEvent}},
		{[]Type{Tick5, Tick5, TickEvent}, []Type{TickEvent}},
		{[]Type{Tick5, Tick60}, []Type{Tick5, Tick60}},
	} {
		if got := Distinct(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%v became %v", c.in, got)
		}
	}
}

// account is a Budget of so many bytes.
type account struct{ left int }

func (a *account) Take(bytes int) bool {
	if bytes > a.left {
		return false
	}
	a.left -= bytes
	return true
}

func (a *account) Give(bytes int) { a.left += bytes }

// What waits for a stream, and what was taken last, is of its budget; without one it is slow.
func TestAStreamTakesOfItsBudget(t *testing.T) {
	const all = 100_000
	a := &account{left: all}
	s := NewStream(StreamConfig{MaxEvents: 1 << 20, MaxBytes: 1 << 30, Budget: a})
	b := NewBus()
	b.Subscribe(s, []Type{AnyEvent})
	publish := func(n int) {
		for range n {
			b.Publish(NewRemoteCommunication("x", strings.Repeat("y", 1000)))
		}
	}
	publish(10)
	used := all - a.left
	if used < 10_000 {
		t.Fatalf("%d bytes are used", used)
	}
	if events, err := s.Take(); len(events) != 10 || err != nil || a.left != all-used {
		t.Errorf("%d events, %v, %d bytes are left", len(events), err, a.left)
	}
	publish(5)
	if _, err := s.Take(); err != nil || a.left != all-used/2 {
		t.Errorf("%v, %d bytes are left", err, a.left)
	}
	publish(200)
	if events, err := s.Take(); len(events) != 0 || !errors.Is(err, ErrStreamSlow) || a.left != all {
		t.Errorf("%d events, %v, %d bytes are left", len(events), err, a.left)
	}
}
