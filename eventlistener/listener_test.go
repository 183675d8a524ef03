package eventlistener

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestListener(t *testing.T) {
	const mute = "l: has entered the UNKNOWN state and will no longer receive events, " +
		"this usually indicates the process violated the eventlistener protocol"
	long := strings.Repeat("x", maxResultLine)
	for name, c := range map[string]struct {
		in   []string // "send" makes a READY listener BUSY
		want ListenerState
		log  []string
	}{
		"says nothing":                    {nil, Acknowledged, nil},
		"says part of READY":              {[]string{"READY"}, Acknowledged, nil},
		"says five wrong bytes":           {[]string{"XXXXX"}, Acknowledged, nil},
		"says six wrong bytes":            {[]string{"XXXXXX"}, Unknown, []string{"l: ACKNOWLEDGED -> UNKNOWN", mute}},
		"says READY with a CR":            {[]string{"READY\r\n"}, Unknown, []string{"l: ACKNOWLEDGED -> UNKNOWN", mute}},
		"says READY":                      {[]string{"REA", "DY\n"}, Ready, []string{"l: ACKNOWLEDGED -> READY"}},
		"says READY twice":                {[]string{"READY\nR"}, Unknown, []string{"l: ACKNOWLEDGED -> READY", "l: READY -> UNKNOWN", mute}},
		"answers OK":                      {[]string{"READY\n", "send", "RESULT 2\nO", "K"}, Acknowledged, []string{"l: ACKNOWLEDGED -> READY", "l: event was processed", "l: BUSY -> ACKNOWLEDGED"}},
		"answers OK and READY at once":    {[]string{"READY\n", "send", "RESULT 2\nOKREADY\n"}, Ready, []string{"l: ACKNOWLEDGED -> READY", "l: event was processed", "l: BUSY -> ACKNOWLEDGED", "l: ACKNOWLEDGED -> READY"}},
		"answers FAIL":                    {[]string{"READY\n", "send", "RESULT 4\nFAIL"}, Acknowledged, []string{"l: ACKNOWLEDGED -> READY", "l: event was rejected", "l: BUSY -> ACKNOWLEDGED"}},
		"answers nothing, as yet":         {[]string{"READY\n", "send", "RESULT 0\n"}, Busy, []string{"l: ACKNOWLEDGED -> READY"}},
		"answers nothing and goes on":     {[]string{"READY\n", "send", "RESULT 0\n", "R"}, Acknowledged, []string{"l: ACKNOWLEDGED -> READY", "l: event was rejected", "l: BUSY -> ACKNOWLEDGED"}},
		"answers with a bad line":         {[]string{"READY\n", "send", "OK\n"}, Unknown, []string{"l: ACKNOWLEDGED -> READY", "l: bad result line: 'OK'", "l: BUSY -> UNKNOWN", mute}},
		"answers with an undecodable":     {[]string{"READY\n", "send", "OK\xff\n"}, Unknown, []string{"l: ACKNOWLEDGED -> READY", `l: bad result line: 'Undecodable: b'OK\xff''`, "l: BUSY -> UNKNOWN", mute}},
		"answers with a negative":         {[]string{"READY\n", "send", "RESULT -5\n"}, Unknown, []string{"l: ACKNOWLEDGED -> READY", "l: bad result line: 'RESULT -5'", "l: BUSY -> UNKNOWN", mute}},
		"answers more than announced":     {[]string{"READY\n", "send", "RESULT 2\nOK\nREADY\n"}, Unknown, []string{"l: ACKNOWLEDGED -> READY", "l: event was processed", "l: BUSY -> ACKNOWLEDGED", "l: ACKNOWLEDGED -> UNKNOWN", mute}},
		"answers without being asked":     {[]string{"READY\n", "RESULT 2\nOK"}, Unknown, []string{"l: ACKNOWLEDGED -> READY", "l: READY -> UNKNOWN", mute}},
		"writes a line just not too long": {[]string{"READY\n", "send", long}, Busy, []string{"l: ACKNOWLEDGED -> READY"}},
		"writes a line too long":          {[]string{"READY\n", "send", long, "x"}, Unknown, []string{"l: ACKNOWLEDGED -> READY", "l: bad result line: '" + long + "'", "l: BUSY -> UNKNOWN", mute}},
		"writes on when UNKNOWN":          {[]string{"XXXXXX", "READY\n", "RESULT 2\nOK"}, Unknown, []string{"l: ACKNOWLEDGED -> UNKNOWN", mute}},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewListener("l")
			var log []string
			for _, in := range c.in {
				if in == "send" {
					if !l.Sent() {
						t.Fatal("not READY")
					}
					continue
				}
				for _, o := range l.Feed([]byte(in)) {
					o.Log(0, func(_ Level, s string) { log = append(log, s) })
				}
			}
			if l.State() != c.want || !slices.Equal(log, c.log) {
				t.Errorf("state %v, want %v; log %.300q\nwant %.300q", l.State(), c.want, log, c.log)
			}
		})
	}
}

func TestAResultOfAnyLengthCostsBoundedMemory(t *testing.T) {
	l := NewListener("l")
	l.Feed([]byte("READY\n"))
	l.Sent()
	l.Feed([]byte("RESULT 50000000\n"))
	chunk := make([]byte, 1<<20)
	for sent := 0; sent < 50_000_000; {
		n := min(len(chunk), 50_000_000-sent)
		sent += n
		got := l.Feed(chunk[:n])
		if done := sent == 50_000_000; done != (len(got) == 1) {
			t.Fatalf("%d outcomes after %d bytes", len(got), sent)
		} else if done && (got[0].Kind != Rejected || len(got[0].Result) != maxResultKept) {
			t.Errorf("kind %v, %d bytes of result", got[0].Kind, len(got[0].Result))
		}
	}
	if cap(l.result) > 2*maxResultKept || cap(l.partial) > maxResultKept {
		t.Errorf("keeps %d and %d bytes", cap(l.result), cap(l.partial))
	}
}

func TestAResetListenerIsNew(t *testing.T) {
	l := NewListener("l")
	l.Feed([]byte("READY\n"))
	l.Sent()
	l.Feed([]byte("RESULT 2\nO"))
	l.Reset()
	if l.Sent() {
		t.Error("READY after Reset")
	}
	if got := l.Feed([]byte("READY\n")); len(got) != 1 || got[0].Kind != BecameReady {
		t.Errorf("outcomes %v", got)
	}
}

func TestLogLeavesOutWhatIsBelowTheLevel(t *testing.T) {
	n := 0
	Outcome{Kind: Violated, Line: []byte("x"), From: Busy, To: Unknown}.Log(LevelWarn, func(l Level, s string) {
		if l < LevelWarn {
			t.Errorf("level %d: %s", l, s)
		}
		n++
	})
	if n != 2 {
		t.Errorf("%d lines", n)
	}
}

func TestListenerStateNames(t *testing.T) {
	got := fmt.Sprint(Ready, Busy, Acknowledged, Unknown, ListenerState(3))
	if got != "READY BUSY ACKNOWLEDGED UNKNOWN ListenerState(3)" {
		t.Error(got)
	}
}

// FuzzFeed: however the same input is cut, outcomes and final state are the same.
// Where READY\n ends, an event may be sent, so there every run cuts.
func FuzzFeed(f *testing.F) {
	f.Add([]byte("READY\nRESULT 2\nOKREADY\nRESULT 0\nREADY\nRESULT x\n"), ^uint64(0), uint64(7))
	f.Add([]byte("READY\nRESULT  4 \r\nFAIL\xffREADY\nREADY\n"), uint64(3), uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, sends, cuts uint64) {
		run := func(cuts uint64) (out []string, end ListenerState) {
			l := NewListener("l")
			start := 0
			for i := 1; i <= len(in); i++ {
				ready := strings.HasSuffix(string(in[:i]), ReadyToken)
				if i < len(in) && !ready && cuts>>(i%64)&1 == 0 {
					continue
				}
				for _, o := range l.Feed(in[start:i]) {
					out = append(out, fmt.Sprintf("%d %v->%v %q %q", o.Kind, o.From, o.To, o.Line, o.Result))
				}
				start = i
				if ready && sends>>(i%64)&1 == 1 {
					l.Sent()
				}
			}
			return out, l.State()
		}
		whole, state := run(0)
		for _, c := range []uint64{cuts, ^uint64(0)} {
			if out, got := run(c); !slices.Equal(out, whole) || got != state {
				t.Fatalf("%q\nwhole: %v %q\ncut: %v %q", in, state, whole, got, out)
			}
		}
	})
}
