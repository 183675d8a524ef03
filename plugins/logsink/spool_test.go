package logsink

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// soak is how many times more the large tests do (HARK_SOAK).
func soak() int {
	n, err := strconv.Atoi(os.Getenv("HARK_SOAK"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// checker takes batches as a careful sink does: by number, whatever comes twice once.
type checker struct {
	t     testing.TB
	sum   hash.Hash
	last  uint64
	bytes uint64
	acked map[uint64]bool
	twice int
}

func newChecker(t testing.TB) *checker {
	return &checker{t: t, sum: sha256.New(), acked: map[uint64]bool{}}
}

func (c *checker) write(b *sdk.LogBatch) {
	if c.acked[b.Seq] {
		c.t.Errorf("batch %d comes again though it was acknowledged", b.Seq)
	}
	if b.Seq <= c.last {
		if c.twice++; !b.Redelivered {
			c.t.Errorf("batch %d comes twice unmarked", b.Seq)
		}
		return
	}
	if b.Seq != c.last+1 {
		c.t.Errorf("batch %d comes after %d", b.Seq, c.last)
	}
	c.last = b.Seq
	for _, r := range b.Records {
		if r.Offset != c.bytes {
			c.t.Errorf("batch %d goes on at %d, not at %d", b.Seq, r.Offset, c.bytes)
			c.bytes = r.Offset
		}
		c.bytes += uint64(len(r.Data))
		c.sum.Write(r.Data)
	}
}

func TestSinkKilledTimeAndAgainLosesNothingWithASpool(t *testing.T) {
	total := 16 << 20 * soak() // 1 GiB: HARK_SOAK=64
	const kills = 100
	c := newChecker(t)
	p := &sinkPlugin{}
	batches, killed := 0, 0
	every := max(total/maxBatch/kills, 1)
	p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
		p.batches = nil // not kept
		batches++
		if killed < kills && batches%(every+1) == 0 || killed < kills && every == 1 && batches%2 == 0 {
			killed++
			if killed%2 == 0 {
				c.write(b)
			}
			return pluginrpc.LogAck{}, false, io.ErrUnexpectedEOF
		}
		c.write(b)
		c.acked[b.Seq] = true
		return pluginrpc.LogAck{Seq: b.Seq}, true, nil
	})
	// It is restarted at once: the wait between streams is what the test would spend its time on.
	k := newSink(t, p, Options{Overflow: SpoolOverflow, Spool: delivery.Spool{Dir: t.TempDir(), MaxBytes: 4 << 30}})
	k.mu.Lock()
	k.firstDelay = time.Millisecond
	k.mu.Unlock()
	resumed := make(chan struct{}, 1)
	say := k.Source("web", "a", "stdout", func() { resumed <- struct{}{} })
	want := sha256.New()
	chunk := make([]byte, 64<<10)
	for n := 0; n < total; n += len(chunk) {
		copy(chunk, fmt.Sprintf("%d", n))
		want.Write(chunk)
		if say(7, time.Now(), chunk) {
			<-resumed
		}
	}
	testkit.Until(t, "the end of the output", func() bool { return k.Status().Written == uint64(total) })
	testkit.Until(t, "that nothing is said to wait", func() bool { s := k.Status(); return s.Queued == 0 && s.Oldest.IsZero() })
	closeSink(t, k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !bytes.Equal(c.sum.Sum(nil), want.Sum(nil)) {
		t.Errorf("%d bytes arrived, of %d", c.bytes, total)
	}
	if min := min(kills, int(c.last)/4); killed < min {
		t.Errorf("the sink was killed %d times", killed)
	}
	s := k.Status()
	t.Logf("%d MiB in %d batches, killed %d times, %d batches twice; %+v", total>>20, c.last, killed, c.twice, s)
	if s.Dropped != 0 || c.twice > int(s.Redelivered) || len(p.lost) > 0 {
		t.Errorf("status: %+v, announced %v", s, p.lost)
	}
}

func TestSinkSpoolSurvivesTheDaemon(t *testing.T) {
	o := Options{Overflow: SpoolOverflow, Spool: delivery.Spool{Dir: t.TempDir()}, MaxInFlight: 2}
	p := &sinkPlugin{}
	p.set(never)
	k := newSink(t, p, o)
	say := k.Source("web", "a", "stdout", nil)
	text := bytes.Repeat([]byte("0123456789abcdef"), 5*maxBatch/16)
	say(7, time.Now(), text)
	testkit.Until(t, "two batches under way", func() bool { return k.Status().InFlight == 2 })
	testkit.Until(t, "that all of it is said to wait", func() bool { n := k.Status().Queued; return n >= int64(len(text)) && n < int64(len(text))+10_000 })
	if err := cutSink(k); err != nil {
		t.Error(err)
	}
	if s := k.Status(); s.Dropped != 0 {
		t.Errorf("status: %+v", s)
	}
	second := &sinkPlugin{}
	k = newSink(t, second, o)
	say = k.Source("web", "a", "stdout", nil)
	say(8, time.Now(), []byte("new"))
	testkit.Until(t, "what was spooled and more", func() bool { return len(second.text("a")) == len(text)+3 })
	testkit.Until(t, "that nothing is said to wait", func() bool { return k.Status().Queued == 0 })
	closeSink(t, k)
	if second.text("a") != string(text)+"new" {
		t.Error("it came otherwise than it was said")
	}
	for i, b := range second.batches {
		if b.Seq != uint64(i+1) || b.Redelivered != (i < len(second.batches)-1) {
			t.Errorf("batch %d: number %d, redelivered %t", i, b.Seq, b.Redelivered)
		}
	}
}

func TestSinkSpoolThatIsFullDropsTheOldest(t *testing.T) {
	p := &sinkPlugin{}
	p.set(never)
	k := newSink(t, p, Options{Overflow: SpoolOverflow, Spool: delivery.Spool{Dir: t.TempDir(), MaxBytes: 4 << 20}, BufferBytes: 1 << 20})
	resumed := make(chan struct{}, 1)
	say := k.Source("web", "a", "stdout", func() { resumed <- struct{}{} })
	for range 200 {
		if say(7, time.Now(), make([]byte, 64<<10)) {
			<-resumed // the disk is only slow
		}
	}
	testkit.Until(t, "word of what is lost", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.lostSum > 0 })
	if s := k.Status(); s.Dropped == 0 || s.Queued > 8<<20 {
		t.Errorf("status: %+v", s)
	}
	if err := cutSink(k); err != nil {
		t.Error(err)
	}
}

// A disk that is only slow loses nothing: what comes faster than it writes waits before the spool, as far as the buffer goes.
func TestSinkSpoolsNoFasterThanTheDiskWrites(t *testing.T) {
	p := &sinkPlugin{}
	k := newSink(t, p, Options{Overflow: SpoolOverflow, BufferBytes: 1 << 20, Spool: delivery.Spool{Dir: t.TempDir(), MaxBytes: 4 << 30}})
	say := k.Source("web", "a", "stdout", func() {})
	chunk := make([]byte, 64<<10)
	for range 20 {
		for range 2 * (1 << 20) / len(chunk) * 15 / 16 { // less than twice the buffer, which is taken of a program that does not wait
			say(7, time.Now(), chunk)
		}
		testkit.Until(t, "all that was taken is written", func() bool { s := k.Status(); return s.Written+s.Dropped >= s.Accepted })
	}
	if s := k.Status(); s.Dropped != 0 || s.Spool.Stats.Discarded != 0 {
		t.Errorf("%d bytes dropped, %d batches discarded", s.Dropped, s.Spool.Stats.Discarded)
	}
	closeSink(t, k)
}

// A batch that was sent out of the spool before Append had returned took its room twice, so that output was dropped for which there was room.
func TestSinkCountsABatchOnItsWayThroughTheSpoolOnce(t *testing.T) {
	p := &sinkPlugin{}
	k := newSink(t, p, Options{Overflow: SpoolOverflow, Spool: delivery.Spool{Dir: t.TempDir()}})
	closeSink(t, k) // its goroutines; what they do is done here step by step
	o := delivery.Spool{Dir: t.TempDir()}
	s, err := o.Open(k.part, "logsink", "x", k.spoolReport, k.ring, k.o.spoolMemory())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(t.Context()) }()
	k.spool, k.cursor, k.closing = s, s.Cursor(), false
	say := k.Source("web", "a", "stdout", func() {})
	say(7, time.Now(), make([]byte, 1000))
	size := k.open.size()
	expect := func(when string, bytes, onDisk int64) {
		t.Helper()
		if k.bytes != bytes || k.onDisk != onDisk {
			t.Errorf("%s %d bytes are counted and %d for the disk, want %d and %d", when, k.bytes, k.onDisk, bytes, onDisk)
		}
	}
	expect("at first", size, 0)
	k.locked(k.seal)
	b, _ := k.nextToSpool()
	expect("on the way into the spool", 0, size)
	if queued := k.Status().Queued; queued != size {
		t.Errorf("%d bytes are said to be queued, not %d", queued, size)
	}
	if _, err := s.Append(spool.Record{Seq: b.seq, Time: b.since, Kind: "output", Data: b.encode()}); err != nil {
		t.Fatal(err)
	}
	var out *logBatch
	testkit.Until(t, "that it can be sent", func() bool {
		k.locked(func() { out = k.fromSpool() })
		return out != nil
	})
	expect("out of the spool, on the way into it still", size, size)
	k.locked(func() {
		k.free(b)
		k.spooling = nil
	})
	expect("behind the spool", size, size)
	k.diskRoom()
	testkit.Until(t, "that the disk has it", func() bool { k.diskRoom(); return k.onDisk == 0 })
	k.locked(func() { k.finish(out) })
	expect("at last", 0, 0)
}
