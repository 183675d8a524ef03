package logsink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/sdk"
)

func TestSinkBatchesByTimeAndSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		k := newSink(t, p, Options{})
		say := k.Source("web", "web_00", "stdout", nil)
		cry := k.Source("web", "web_00", "stderr", nil)
		start := time.Now()
		say(7, start, []byte("one "))
		say(7, start, []byte("two "))
		cry(7, start, []byte("oh"))
		say(7, start.Add(time.Second), []byte("three"))
		time.Sleep(batchWait - 1)
		synctest.Wait()
		if p.count() != 0 {
			t.Error("a batch goes before its time")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if p.count() != 1 {
			t.Fatalf("%d batches", p.count())
		}
		b := p.batches[0]
		got := fmt.Sprint(b.Seq, b.Redelivered)
		for _, r := range b.Records {
			got += fmt.Sprintf(" %s:%s %d %s %s@%d %s", r.Group, r.Process, r.Pid, r.Channel, r.Data, r.Offset, r.Time.Sub(start))
		}
		const want = "1 false web:web_00 7 stdout one two @0 0s web:web_00 7 stderr oh@0 0s web:web_00 7 stdout three@8 1s"
		if got != want {
			t.Errorf("the batch is\n%s\nnot\n%s", got, want)
		}
		big := bytes.Repeat([]byte("0123456789abcdef"), 3*maxBatch/16)
		say(7, time.Now(), big)
		synctest.Wait()
		if p.count() != 4 {
			t.Errorf("%d batches though three are full", p.count())
		}
		closeSink(t, k)
		if p.text("web_00") != "one two three"+string(big) {
			t.Error("what was said did not come as it was said")
		}
		for i, b := range p.batches {
			size := 0
			for _, r := range b.Records {
				size += len(r.Data) + recordCost
			}
			if b.Seq != uint64(i+1) || size > maxBatch {
				t.Errorf("batch %d has the number %d and %d bytes", i, b.Seq, size)
			}
		}
		if s := k.Status(); s.Written != s.Accepted || s.Queued != 0 || s.Dropped != 0 {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestSinkChooses(t *testing.T) {
	p := &sinkPlugin{}
	programs, err := eventlistener.ParsePrograms([]string{"web:*"})
	if err != nil {
		t.Fatal(err)
	}
	k := newSink(t, p, Options{Programs: programs, Stderr: true})
	defer closeSink(t, k)
	if k.Source("web", "web_00", "stderr", nil) == nil || k.Source("web", "web_00", "stdout", nil) != nil || k.Source("db", "db", "stderr", nil) != nil {
		t.Error("programs and channel are not heeded")
	}
}

func TestSinkThatNeverAnswersCostsNoMoreThanItsBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		p.set(never)
		k := newSink(t, p, Options{BufferBytes: 2 << 20, MaxInFlight: 3})
		say := k.Source("web", "a", "stdout", nil)
		cry := k.Source("web", "a", "stderr", nil)
		chunk := make([]byte, 64<<10)
		for range 16 * 10 {
			if say(7, time.Now(), chunk) || cry(7, time.Now(), chunk[:100]) {
				t.Fatal("drop_oldest holds a program back")
			}
			synctest.Wait()
			if s := k.Status(); s.Queued > 2<<20 || s.InFlight > 3 {
				t.Fatalf("status: %+v", s)
			}
		}
		time.Sleep(2 * slowAck)
		synctest.Wait()
		s := k.Status()
		if s.InFlight != 3 || s.Dropped < 7<<20 {
			t.Errorf("status: %+v", s)
		}
		if len(p.lost) != 2 {
			t.Errorf("losses were announced for %v", p.lost)
		}
		if n := strings.Count(p.log.String(), "has not answered"); n != 1 {
			t.Errorf("the log was told %d times:\n%s", n, &p.log)
		}
		p.set(nil)
		err := cutSink(k)
		if err == nil || !strings.Contains(err.Error(), "lost") {
			t.Errorf("Close: %v", err)
		}
		if s := k.Status(); s.Accepted != s.Written+s.Dropped {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestSinkEpisodesOfLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		k := newSink(t, p, Options{BufferBytes: 1 << 20})
		say := k.Source("web", "a", "stdout", nil)
		for episode := range 3 {
			p.set(func(*sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
				return pluginrpc.LogAck{}, false, io.ErrUnexpectedEOF
			})
			for range 40 {
				say(7, time.Now(), make([]byte, 100<<10))
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			p.set(nil)
			p.mu.Lock()
			n := len(p.lost)
			p.mu.Unlock()
			if n != episode+1 {
				t.Fatalf("%d losses were announced in episode %d", n, episode)
			}
			time.Sleep(10 * time.Second)
			say(7, time.Now(), []byte("x"))
			time.Sleep(time.Second)
			synctest.Wait()
			if s := k.Status(); s.Queued != 0 {
				t.Fatalf("status: %+v", s)
			}
		}
		closeSink(t, k)
	})
}

func TestSinkThatAnswersWronglyIsStartedOver(t *testing.T) {
	for name, wrong := range map[string]func(seq uint64) uint64{
		"a number never sent": func(uint64) uint64 { return 1 << 40 },
		"the next one":        func(seq uint64) uint64 { return seq + 1 },
		"none":                func(uint64) uint64 { return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &sinkPlugin{}
				n := 0
				p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
					if n++; n < 4 {
						return pluginrpc.LogAck{Seq: wrong(b.Seq)}, true, nil
					}
					return pluginrpc.LogAck{Seq: b.Seq}, true, nil
				})
				k := newSink(t, p, Options{})
				say := k.Source("web", "a", "stdout", nil)
				for i := range 10 {
					say(7, time.Now(), fmt.Appendf(nil, "line %d\n", i))
					time.Sleep(time.Second)
				}
				closeSink(t, k)
				s := k.Status()
				if s.Violations != 3 || s.Streams != 4 || s.Dropped != 0 || s.Redelivered < 3 {
					t.Errorf("status: %+v", s)
				}
				if got := p.text("a"); strings.Count(got, "\n") != 10 {
					t.Errorf("got %q", got)
				}
				for i, b := range p.batches[:4] {
					if b.Seq != 1 || b.Redelivered != (i > 0) {
						t.Errorf("try %d: batch %d, redelivered %t", i, b.Seq, b.Redelivered)
					}
				}
			})
		})
	}
}

func TestSinkThatAnswersTwiceIsStartedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		k := newSink(t, p, Options{})
		say := k.Source("web", "a", "stdout", nil)
		say(7, time.Now(), []byte("x"))
		time.Sleep(time.Second)
		if err := k.answered(pluginrpc.LogAck{Seq: 1}); !errors.Is(err, errViolation) {
			t.Errorf("a second answer is %v", err)
		}
		closeSink(t, k)
	})
}

func TestSinkKeepsOrderWhenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		refusals, first := 0, uint64(0)
		var written []uint64
		p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) { // as sdk.Serve does it
			switch {
			case b.Seq == 3 && refusals < 3:
				refusals++
				first = 3
				return pluginrpc.LogAck{Seq: b.Seq, Err: sdk.RetryAfter(errors.New("service is away"), 10*time.Second)}, true, nil
			case first != 0 && !b.Redelivered:
				return pluginrpc.LogAck{Seq: b.Seq, Err: errors.New("batch 3 comes first")}, true, nil
			}
			first = 0
			written = append(written, b.Seq)
			return pluginrpc.LogAck{Seq: b.Seq}, true, nil
		})
		k := newSink(t, p, Options{MaxInFlight: 4})
		say := k.Source("web", "a", "stdout", nil)
		start := time.Now()
		say(7, start, make([]byte, 8*maxBatch))
		closeSink(t, k)
		if time.Since(start) < 30*time.Second {
			t.Errorf("the sink was asked again too soon: all is over after %s", time.Since(start))
		}
		for i, seq := range written {
			if seq != uint64(i+1) {
				t.Fatalf("written in the order %v", written)
			}
		}
		if s := k.Status(); s.Written != 8*maxBatch || s.Dropped != 0 {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestSinkGivesUpWhatIsRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
			if b.Seq == 1 {
				return pluginrpc.LogAck{Seq: 1, Err: sdk.Final(errors.New("cannot be stored"))}, true, nil
			}
			return pluginrpc.LogAck{Seq: b.Seq}, true, nil
		})
		k := newSink(t, p, Options{})
		say := k.Source("web", "a", "stdout", nil)
		say(7, time.Now(), []byte("bad"))
		time.Sleep(time.Second)
		synctest.Wait()
		if s := k.Status(); s.GivenUp != "cannot be stored" {
			t.Errorf("status: %+v", s)
		}
		say(7, time.Now(), []byte("good"))
		time.Sleep(5 * time.Second)
		closeSink(t, k)
		if s := k.Status(); s.Dropped != 3 || s.Written != 4 || s.Refused != 1 || s.GivenUp != "" {
			t.Errorf("status: %+v", s)
		}
		if len(p.lost) != 1 || p.lost[0] != "web:a:stdout" || p.lostSum != 3 {
			t.Errorf("announced: %v, %d bytes", p.lost, p.lostSum)
		}
	})
}

func TestSinkBlocksTheProgramThatFloodsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		p.set(never)
		k := newSink(t, p, Options{BufferBytes: 4 << 20, Overflow: BlockProgram})
		resumed := make(chan string, 10)
		loud := k.Source("web", "loud", "stdout", func() { resumed <- "loud" })
		mild := k.Source("web", "mild", "stdout", func() { resumed <- "mild" })
		chunk := make([]byte, 64<<10)
		n := 0
		for !loud(7, time.Now(), chunk) {
			n++
		}
		if n > 16 {
			t.Errorf("the program is held back after %d chunks", n)
		}
		for range 10 {
			if mild(8, time.Now(), chunk[:100]) {
				t.Error("another program is held back too")
			}
		}
		if s := k.Status(); s.Paused != 1 {
			t.Errorf("status: %+v", s)
		}
		// What a process leaves in its pipe at its end is taken, time and again, but not without bound.
		for range 200 {
			loud(7, time.Now(), chunk)
		}
		if s := k.Status(); s.Queued > 8<<20 || s.Dropped == 0 {
			t.Errorf("status: %+v", s)
		}
		time.Sleep(time.Minute)
		if len(resumed) > 0 {
			t.Error("resumed though there is no room")
		}
		p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
			if !b.Redelivered {
				return pluginrpc.LogAck{}, true, io.ErrUnexpectedEOF // it is restarted
			}
			return pluginrpc.LogAck{Seq: b.Seq}, true, nil
		})
		k.mu.Lock()
		k.stream.end()
		k.mu.Unlock()
		p.set(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(resumed) != 1 || <-resumed != "loud" {
			t.Error("the program is not resumed, or more than once")
		}
		closeSink(t, k)
		if s := k.Status(); s.Accepted != s.Written+s.Dropped || s.Paused != 0 {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestSinkLetsGoOfProgramsAtItsEnd(t *testing.T) {
	p := &sinkPlugin{}
	p.set(never)
	k := newSink(t, p, Options{BufferBytes: 1 << 20, Overflow: BlockProgram})
	resumed := make(chan struct{}, 1)
	say := k.Source("web", "a", "stdout", func() { resumed <- struct{}{} })
	for !say(7, time.Now(), make([]byte, 64<<10)) {
		continue
	}
	if err := cutSink(k); err == nil {
		t.Error("no word of what is lost")
	}
	<-resumed
	if say(7, time.Now(), []byte("x")) {
		t.Error("a closed sink holds a program back")
	}
}

// Whatever the plugin does, what it acknowledged last is the output in order, and nothing else is missing or comes
// unmarked twice.
func TestSinkBringsEverythingInOrder(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			r, fate := rand.New(rand.NewPCG(seed, 7)), rand.New(rand.NewPCG(seed, 8))
			p := &sinkPlugin{}
			var written bytes.Buffer
			last, first := uint64(0), uint64(0)
			sent := map[uint64]bool{}
			p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) {
				if sent[b.Seq] && !b.Redelivered {
					t.Errorf("seed %d: batch %d comes twice unmarked", seed, b.Seq)
				}
				sent[b.Seq] = true
				if first != 0 && !b.Redelivered {
					return pluginrpc.LogAck{Seq: b.Seq, Err: errors.New("another one comes first")}, true, nil
				}
				first = 0
				done := func() {
					if b.Seq <= last {
						return // it was written before
					}
					if b.Seq != last+1 {
						t.Errorf("seed %d: batch %d after %d", seed, b.Seq, last)
					}
					last = b.Seq
					for _, rec := range b.Records {
						if rec.Offset != uint64(written.Len()) {
							t.Errorf("seed %d: offset %d at %d", seed, rec.Offset, written.Len())
						}
						written.Write(rec.Data)
					}
				}
				switch fate.IntN(12) {
				case 0: // dies before it writes
					return pluginrpc.LogAck{}, false, io.ErrUnexpectedEOF
				case 1: // dies after it has written
					done()
					return pluginrpc.LogAck{}, false, io.ErrUnexpectedEOF
				case 2:
					first = b.Seq
					return pluginrpc.LogAck{Seq: b.Seq, Err: errors.New("later")}, true, nil
				case 3:
					first = b.Seq
					return pluginrpc.LogAck{Seq: b.Seq + uint64(fate.IntN(3)) + 1}, true, nil
				}
				done()
				return pluginrpc.LogAck{Seq: b.Seq}, true, nil
			})
			k := newSink(t, p, Options{BufferBytes: 64 << 20, MaxInFlight: 1 + r.IntN(5)})
			say := k.Source("web", "a", "stdout", nil)
			var want bytes.Buffer
			for i := range 60 {
				chunk := bytes.Repeat(fmt.Appendf(nil, "%d,", i), 1+r.IntN(20000))
				want.Write(chunk)
				say(7, time.Now(), chunk)
				time.Sleep(time.Duration(r.IntN(80)) * time.Millisecond)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			if err := k.Close(ctx); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(written.Bytes(), want.Bytes()) {
				t.Errorf("seed %d: %d bytes are written, %d were said", seed, written.Len(), want.Len())
			}
		})
	}
}

func TestSinkWaitsForItsPlugin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{refuse: true}
		k := newSink(t, p, Options{})
		say := k.Source("web", "a", "stdout", nil)
		var want strings.Builder
		for i := range 120 {
			say(7, time.Now(), fmt.Appendf(nil, "%d\n", i))
			fmt.Fprintf(&want, "%d\n", i)
			time.Sleep(time.Second)
		}
		if s := k.Status(); s.LastError == "" || s.Oldest.IsZero() {
			t.Errorf("status: %+v", s)
		}
		p.mu.Lock()
		p.refuse = false
		p.mu.Unlock()
		closeSink(t, k)
		if p.text("a") != want.String() {
			t.Error("not all came")
		}
	})
}
