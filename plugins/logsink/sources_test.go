package logsink

import (
	"fmt"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk"
)

// kept is how many sources a sink has.
func (k *Sink) kept() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.sources)
}

func TestSinkForgetsProcessesThatAreGone(t *testing.T) {
	for _, overflow := range []Overflow{DropOldest, BlockProgram, SpoolOverflow} {
		t.Run(overflow.String(), func(t *testing.T) {
			p := &sinkPlugin{}
			o := Options{Overflow: overflow}
			if overflow == SpoolOverflow {
				o.Spool.Dir = t.TempDir()
			}
			k := newSink(t, p, o)
			const n = 1000
			var last func(int, time.Time, []byte) bool
			for i := range n {
				name := fmt.Sprintf("job-%d", i)
				last = k.Source(name, name, "stdout", nil)
				last(i+1, time.Now(), []byte(name))
				k.Source(name, name, "stderr", nil) // says nothing
				k.Gone(name, name)
			}
			testkit.Until(t, "all are forgotten", func() bool { return k.kept() == 0 })
			// What a descendant of one says comes all the same, and keeps nothing.
			last(n, time.Now(), []byte(" and more"))
			want := fmt.Sprintf("job-%d and more", n-1)
			testkit.Until(t, "the last words", func() bool { return p.text(fmt.Sprintf("job-%d", n-1)) == want })
			testkit.Until(t, "it is forgotten again", func() bool { return k.kept() == 0 })
			// One that is added again counts from its beginning, and is kept while it is there.
			say := k.Source("web", "web", "stdout", nil)
			say(1, time.Now(), []byte("one"))
			testkit.Until(t, "it was written", func() bool { return p.text("web") == "one" })
			if k.kept() != 1 {
				t.Errorf("%d sources for one process that is there", k.kept())
			}
			k.Keep(func(group, _ string) bool { return group == "web" })
			say(1, time.Now(), []byte("two"))
			testkit.Until(t, "its output goes on", func() bool { return p.text("web") == "onetwo" })
			p.mu.Lock()
			end := p.batches[len(p.batches)-1].Records[0].Offset
			p.mu.Unlock()
			if end != 3 {
				t.Errorf("its output goes on at %d", end)
			}
			k.Keep(func(string, string) bool { return false })
			testkit.Until(t, "it is gone as well", func() bool { return k.kept() == 0 })
			closeSink(t, k)
		})
	}
}

// What waits of a process that is gone is told when it is lost, and holds nothing else up.
func TestSinkTellsOfLossesOfProcessesThatAreGone(t *testing.T) {
	p := &sinkPlugin{}
	p.set(never)
	k := newSink(t, p, Options{BufferBytes: 1 << 20})
	say := k.Source("web", "gone", "stdout", nil)
	for range 100 {
		say(7, time.Now(), make([]byte, 32<<10))
	}
	k.Gone("web", "gone")
	say(7, time.Now(), make([]byte, 32<<10))
	testkit.Until(t, "word of the loss", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.lostSum > 0 })
	p.set(func(b *sdk.LogBatch) (pluginrpc.LogAck, bool, error) { return pluginrpc.LogAck{Seq: b.Seq}, true, nil })
	_ = cutSink(k)
	if k.kept() != 0 {
		t.Errorf("%d sources are kept", k.kept())
	}
}
