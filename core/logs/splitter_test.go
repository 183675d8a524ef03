package logs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// split is all that came of feeding chunks.
type split struct {
	Plain  []byte   // what went to the log
	Blocks [][]byte // what was captured
	Inside []byte   // what passed within blocks
	Calls  int      // of plain
}

func feed(s *Splitter, chunks [][]byte) split {
	var r split
	plain := func(b []byte) {
		r.Plain = append(r.Plain, b...)
		r.Calls++
	}
	captured := func(b []byte) { r.Blocks = append(r.Blocks, bytes.Clone(b)) }
	if s != nil {
		s.Inside = func(b []byte) { r.Inside = append(r.Inside, b...) }
	}
	for _, c := range chunks {
		s.Feed(c, plain, captured)
	}
	s.Flush(plain, captured)
	return r
}

func TestSplitterPartsOutputAndBlocks(t *testing.T) {
	const b, e = BeginToken, EndToken
	for _, c := range []struct {
		name   string
		max    int64
		strip  bool
		chunks []string
		plain  string
		blocks []string
	}{
		{"without capture the tags are output", 0, false, []string{"x" + b + "y" + e}, "x" + b + "y" + e, nil},
		{"a block within a chunk", 100, false, []string{"x" + b + "y" + e + "z"}, "xz", []string{"y"}},
		{"an empty block is a block", 100, false, []string{b + e}, "", []string{""}},
		{"tags cut anywhere", 100, false, strings.Split("x"+b+"y"+e+"z", ""), "xz", []string{"y"}},
		{"an end alone is output", 100, false, []string{"x" + e + "y"}, "x" + e + "y", nil},
		{"a begin within a block is captured", 100, false, []string{b + "1" + b + "2" + e}, "", []string{"1" + b + "2"}},
		{"what only begins like a tag is output", 100, false, []string{"<!--XSUP", "<!--XSUPERVISOR:END"}, "<!--XSUP<!--XSUPERVISOR:END", nil},
		{"a tag after its own begin", 100, false, []string{"<!--<", "!--XSUPERVISOR:BEGIN-->x" + e}, "<!--", []string{"x"}},
		{"a block without an end is forgotten", 100, false, []string{"x" + b + "lost"}, "x", nil},
		{"a piece larger than the bound stays whole", 3, false, []string{b + "123456" + e}, "", []string{"123456"}},
		{"an overflow drops as much as comes", 30, false, []string{b + strings.Repeat("1", 28), "2222" + e}, "", []string{strings.Repeat("1", 24) + "2222"}},
		{"escapes are stripped outside and within", 100, true, []string{"a\x1b[1mb" + b + "c\x1b[0md" + e + "\x1b[Ke"}, "abe", []string{"cd"}},
		{"an escape cut by reads", 0, true, []string{"a\x1b", "[", "3", "1mb\x1b"}, "ab\x1b", nil},
		{"an ESC alone is output", 0, true, []string{"a\x1bb\x1b\x1b[mc"}, "a\x1bb\x1bc", nil},
		{"an unfinished escape ends at a tag", 100, true, []string{"\x1b[3" + b + "m" + e + "m"}, "m", []string{"m"}},
		{"an ESC before a tag is output", 100, true, []string{"a\x1b" + b + "[1m\x1b" + e}, "a\x1b", []string{"[1m\x1b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var chunks [][]byte
			for _, s := range c.chunks {
				chunks = append(chunks, []byte(s))
			}
			got := feed(NewSplitter(c.max, c.strip), chunks)
			if string(got.Plain) != c.plain || fmt.Sprintf("%q", got.Blocks) != fmt.Sprintf("%q", c.blocks) {
				t.Errorf("plain %q, blocks %q; want %q, %q", got.Plain, got.Blocks, c.plain, c.blocks)
			}
		})
	}
}

func TestPlainIsCalledOnceForEachRun(t *testing.T) {
	chunk := []byte("ab" + BeginToken + "x" + EndToken + "\x1b[1mcd\x1b[0mef\n")
	for _, strip := range []bool{false, true} {
		if got := feed(NewSplitter(100, strip), [][]byte{[]byte("one\ntwo\n"), []byte("a<"), chunk}); got.Calls != 4 {
			t.Errorf("strip %v: %d calls: %q", strip, got.Calls, got.Plain)
		}
	}
}

func TestWithoutCaptureAndStripBytesPassUncopied(t *testing.T) {
	s := NewSplitter(0, false)
	in := []byte("<!--XSUPERVISOR:BEG\x1b")
	s.Feed(in, func(b []byte) {
		if &b[0] != &in[0] || len(b) != len(in) {
			t.Error("copied or cut")
		}
	}, nil)
	if n := testing.AllocsPerRun(100, func() { s.Feed(in, func([]byte) {}, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestManySmallBlocksInOneChunkAreAllCaptured(t *testing.T) {
	got := feed(NewSplitter(1<<20, false), [][]byte{bytes.Repeat([]byte(BeginToken+"x"+EndToken), 20000)})
	if len(got.Blocks) != 20000 {
		t.Errorf("%d blocks", len(got.Blocks))
	}
}

func TestStateCarriesOverToAnotherSplitter(t *testing.T) {
	whole := []byte("one \x1b[31mred\x1b[0m" + BeginToken + "in \x1b[1mside" + EndToken + " end <!--X \x1b")
	want := feed(NewSplitter(100, true), [][]byte{whole})
	for cut := range len(whole) {
		first, second := NewSplitter(100, true), NewSplitter(100, true)
		var got split
		plain := func(b []byte) { got.Plain = append(got.Plain, b...) }
		captured := func(b []byte) { got.Blocks = append(got.Blocks, bytes.Clone(b)) }
		first.Feed(whole[:cut], plain, captured)
		second.Restore(first.State())
		second.Feed(whole[cut:], plain, captured)
		second.Flush(plain, captured)
		if string(got.Plain) != string(want.Plain) || fmt.Sprintf("%q", got.Blocks) != fmt.Sprintf("%q", want.Blocks) {
			t.Fatalf("cut at %d: %q %q", cut, got.Plain, got.Blocks)
		}
	}
}

type captureCase struct {
	Max    int64
	Strip  bool
	Chunks [][]byte
	Log    string // path
}

const captureScript = `
from supervisor import dispatchers, events, loggers
class Options:
    loglevel = loggers.LevelsByName.CRIT
    logger = loggers.getLogger()
    def getLogger(self): return loggers.getLogger()
    def readfd(self, fd): return self.chunk
class Config: pass
class Process: pid = 1
blocks, logged = [], []
def event(e):
    (blocks if isinstance(e, events.ProcessCommunicationEvent) else logged).append(e.data)
events.subscribe(events.Event, event)
text = lambda b: base64.b64encode(b).decode()
answer = []
for case in json.load(sys.stdin):
    blocks, logged = [], []
    process = Process()
    process.config = config = Config()
    config.name, config.options = 'x', Options()
    config.options.strip_ansi = case['Strip']
    config.stdout_logfile, config.stdout_logfile_maxbytes, config.stdout_logfile_backups = case['Log'], 0, 0
    config.stdout_syslog = False
    config.stdout_capture_maxbytes = case['Max']
    config.stdout_events_enabled, config.stderr_events_enabled = True, False
    d = dispatchers.POutputDispatcher(process, events.ProcessCommunicationStdoutEvent, 0)
    for chunk in case['Chunks'] or []:
        config.options.chunk = base64.b64decode(chunk)
        if config.options.chunk:
            d.handle_read_event()
    held = d.output_buffer # what is lost there at the end
    if case['Strip']: held = dispatchers.stripEscapes(held)
    answer.append({'Plain': text(open(case['Log'], 'rb').read() + (b'' if d.capturemode else held)),
        'Blocks': [text(b) for b in blocks], 'Inside': text(b''.join(logged) + held)})
json.dump(answer, sys.stdout)
`

// sampleOutput makes output with tags, pieces of tags and escapes.
func sampleOutput(rnd *rand.Rand, strip bool) []byte {
	var b []byte
	for range rnd.IntN(20) {
		switch rnd.IntN(10) {
		case 0, 1, 2:
			b = append(b, BeginToken...)
		case 3, 4, 5:
			b = append(b, EndToken...)
		case 6:
			b = append(b, BeginToken[:rnd.IntN(len(BeginToken))]...)
		case 7:
			if strip {
				b = append(b, []string{"\x1b[1m", "\x1b[", "\x1b", "\x1b[5G", "\x1b[?25h", "\x1b[1;2H"}[rnd.IntN(6)]...)
			}
		default:
			b = append(b, strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(60))...)
		}
	}
	return b
}

func TestCaptureGivesTheEventsAndTheLogThatSupervisorGives(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	var cases []captureCase
	for i := range 600 {
		c := captureCase{
			Max:   []int64{0, 1, 10, 30, 50, 100, 1 << 20}[rnd.IntN(7)],
			Strip: i%3 == 0,
			Log:   filepath.Join(dir, fmt.Sprint(i)),
		}
		b := sampleOutput(rnd, c.Strip)
		if c.Strip {
			// Supervisor's result depends on where reads cut an escape; ours does not.
			c.Chunks = [][]byte{append(b, "the end, long enough not to be held back"...)}
		}
		for len(b) > 0 && !c.Strip {
			n := 1 + rnd.IntN(min(len(b), 80))
			c.Chunks = append(c.Chunks, b[:n])
			b = b[n:]
		}
		// Supervisor acts on a tag that is all it holds only when more comes.
		c.Chunks = append(c.Chunks, []byte("the end, long enough not to be held back"))
		cases = append(cases, c)
	}
	var answer []split
	supervisorPython(t, captureScript, cases, &answer)
	blocks := 0
	for i, c := range cases {
		got, want := feed(NewSplitter(c.Max, c.Strip), c.Chunks), answer[i]
		if !bytes.Equal(got.Plain, want.Plain) || fmt.Sprintf("%q", got.Blocks) != fmt.Sprintf("%q", want.Blocks) {
			t.Errorf("max %d, strip %v, chunks %q:\nplain  %q\nwant   %q\nblocks %q\nwant   %q",
				c.Max, c.Strip, c.Chunks, got.Plain, want.Plain, got.Blocks, want.Blocks)
		}
		if len(want.Inside) != len(got.Inside)+len(got.Plain) {
			t.Errorf("chunks %q: Supervisor's PROCESS_LOG events have %d bytes, ours %d of output and %d within blocks",
				c.Chunks, len(want.Inside), len(got.Plain), len(got.Inside))
		}
		blocks += len(got.Blocks)
	}
	if blocks < 100 {
		t.Errorf("only %d blocks were compared", blocks)
	}
}

func TestStripperGivesWhatSupervisorGivesForTheWhole(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var cases [][]byte
	for range 2000 {
		b := make([]byte, rnd.IntN(40))
		for i := range b {
			b[i] = "\x1b\x1b[[[[0123;?mKHGxyz\n <"[rnd.IntN(22)]
		}
		cases = append(cases, b)
	}
	var answer [][]byte
	supervisorPython(t, `
from supervisor.dispatchers import stripEscapes
json.dump([base64.b64encode(stripEscapes(base64.b64decode(b))).decode() for b in json.load(sys.stdin)], sys.stdout)
`, cases, &answer)
	for i, b := range cases {
		var s Stripper
		var got []byte
		for rest := b; len(rest) > 0; {
			n := 1 + rnd.IntN(len(rest))
			got = append(got, s.Strip(rest[:n])...)
			rest = rest[n:]
		}
		got = append(got, s.Flush()...)
		if !bytes.Equal(got, answer[i]) {
			t.Errorf("%q: %q, want %q", b, got, answer[i])
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("x"+BeginToken+"y"+EndToken+"z"), uint64(1), false)
	f.Add([]byte("a\x1b[1mb<!--XSUP"+BeginToken+"\x1b"+EndToken), uint64(2), true)
	rnd := rand.New(rand.NewPCG(7, 8))
	for i := range 30 {
		f.Add(sampleOutput(rnd, true), uint64(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64, strip bool) {
		const enough = 1 << 30
		want := feed(NewSplitter(enough, strip), [][]byte{b})
		rnd := rand.New(rand.NewPCG(seed, 0))
		var chunks [][]byte
		for rest := b; len(rest) > 0; {
			n := 1 + rnd.IntN(min(len(rest), 1+rnd.IntN(40)))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		got := feed(NewSplitter(enough, strip), chunks)
		if !bytes.Equal(got.Plain, want.Plain) || !bytes.Equal(got.Inside, want.Inside) || fmt.Sprintf("%q", got.Blocks) != fmt.Sprintf("%q", want.Blocks) {
			t.Errorf("cut as %q:\n%+v\nat once:\n%+v", chunks, got, want)
		}
		// A small bound never grows beyond the greater of it and one chunk.
		small := feed(NewSplitter(50, strip), chunks)
		for _, block := range small.Blocks {
			if len(block) > 50+len(EndToken) {
				t.Errorf("a block of %d bytes", len(block))
			}
		}
		if !strip && !bytes.Equal(feed(NewSplitter(0, false), chunks).Plain, b) {
			t.Error("bytes were lost without capture")
		}
	})
}

func BenchmarkSplitter(b *testing.B) {
	block := []byte(BeginToken + strings.Repeat("x", 100) + EndToken)
	const blocks = 20000
	b.Run("capture blocks", func(b *testing.B) {
		in := bytes.Repeat(block, blocks)
		s := NewSplitter(1<<20, false)
		n := 0
		for b.Loop() {
			for rest := in; len(rest) > 0; {
				chunk := rest[:min(len(rest), 128<<10)]
				s.Feed(chunk, func([]byte) {}, func([]byte) { n++ })
				rest = rest[len(chunk):]
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "blocks/s")
	})
	lines := bytes.Repeat([]byte("2024-01-31 <info> the quick brown fox jumps over the lazy dog\n"), 2000)
	for name, s := range map[string]*Splitter{"pass": NewSplitter(0, false), "capture, plain": NewSplitter(1<<20, false), "strip, plain": NewSplitter(0, true)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(lines)))
			for b.Loop() {
				s.Feed(lines, func([]byte) {}, func([]byte) {})
			}
		})
	}
}
