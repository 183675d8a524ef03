package lines

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

func start() time.Time { return time.Date(2024, 1, 5, 13, 5, 6, 0, time.UTC) }

// collect is a take that keeps lines.
func collect(to *[]Line) func(*Line) {
	return func(l *Line) {
		kept := *l
		kept.Data = bytes.Clone(l.Data)
		*to = append(*to, kept)
	}
}

func texts(lines []Line) []string {
	var all []string
	for _, l := range lines {
		text := string(l.Data)
		if l.Continued {
			text = "+" + text
		}
		all = append(all, text)
	}
	return all
}

func record(process string, pid int, offset uint64, text string) *sdk.LogRecord {
	return &sdk.LogRecord{Group: "g", Process: process, Pid: pid, Channel: "stdout", Time: start(), Offset: offset, Data: []byte(text)}
}

func TestLines(t *testing.T) {
	for name, c := range map[string]struct {
		records []*sdk.LogRecord
		want    []string
		held    int
	}{
		"whole":                   {[]*sdk.LogRecord{record("a", 1, 0, "one\ntwo\n")}, []string{"one", "two"}, 0},
		"cut":                     {[]*sdk.LogRecord{record("a", 1, 0, "on"), record("a", 1, 2, "e\ntw"), record("a", 1, 6, "o")}, []string{"one"}, 3},
		"empty":                   {[]*sdk.LogRecord{record("a", 1, 0, "\n\n")}, []string{"", ""}, 0},
		"with a carriage return":  {[]*sdk.LogRecord{record("a", 1, 0, "one\r"), record("a", 1, 4, "\n")}, []string{"one"}, 0},
		"of two":                  {[]*sdk.LogRecord{record("a", 1, 0, "on"), record("b", 2, 0, "tw"), record("a", 1, 2, "e\n"), record("b", 2, 2, "o\n")}, []string{"one", "two"}, 0},
		"of the next process":     {[]*sdk.LogRecord{record("a", 1, 0, "old"), record("a", 2, 3, "new\n")}, []string{"old", "new"}, 0},
		"with something missing":  {[]*sdk.LogRecord{record("a", 1, 0, "be"), record("a", 1, 7, "gone\n")}, []string{"be", "gone"}, 0},
		"too long, at once":       {[]*sdk.LogRecord{record("a", 1, 0, "0123456789abcdefgh\n")}, []string{"01234567", "+89abcdef", "+gh"}, 0},
		"too long, bit by bit":    {[]*sdk.LogRecord{record("a", 1, 0, "0123456"), record("a", 1, 7, "789abcdef"), record("a", 1, 16, "gh\n")}, []string{"01234567", "+89abcdef", "+gh"}, 0},
		"as long as may be":       {[]*sdk.LogRecord{record("a", 1, 0, "01234567"), record("a", 1, 8, "\n")}, []string{"01234567"}, 0},
		"parted between letters":  {[]*sdk.LogRecord{record("a", 1, 0, "0123456ž89\n")}, []string{"0123456", "+ž89"}, 0},
		"nothing":                 {[]*sdk.LogRecord{record("a", 1, 0, "")}, nil, 0},
		"nothing behind a begin":  {[]*sdk.LogRecord{record("a", 1, 0, "x"), record("a", 1, 1, "")}, nil, 1},
		"the tail of a long line": {[]*sdk.LogRecord{record("a", 1, 0, "0123456789"), record("a", 1, 10, "x")}, []string{"01234567"}, 3},
	} {
		a := New(8)
		var got []Line
		for _, r := range c.records {
			a.Add(r, start(), collect(&got))
		}
		if !slices.Equal(texts(got), c.want) || a.Held() != c.held {
			t.Errorf("%s: got %q, %d held", name, texts(got), a.Held())
		}
	}
}

func TestALineTellsWhereItBegan(t *testing.T) {
	a := New(8)
	var got []Line
	a.Add(record("a", 1, 100, "x\n0123"), start(), collect(&got))
	later := record("a", 1, 106, "456789\nz")
	later.Time = start().Add(time.Hour)
	a.Add(later, start(), collect(&got))
	a.Flush(start(), 0, collect(&got))
	offsets := []uint64{100, 102, 110, 113}
	for i, l := range got {
		if l.Offset != offsets[i] || l.Time.Equal(start()) != (i < 3) || l.Namespec() != "g:a" || l.Pid != 1 {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	if !slices.Equal(texts(got), []string{"x", "01234567", "+89", "z"}) || a.Held() != 0 {
		t.Errorf("got %q", texts(got))
	}
}

func TestWhatWaitsLongIsFlushed(t *testing.T) {
	a := New(0)
	var got []Line
	a.Add(record("a", 1, 0, "old"), start(), collect(&got))
	a.Add(record("b", 1, 0, "new"), start().Add(time.Second), collect(&got))
	a.Flush(start().Add(1500*time.Millisecond), time.Second, collect(&got))
	if !slices.Equal(texts(got), []string{"old"}) || a.Held() != 3 {
		t.Errorf("got %q, %d held", texts(got), a.Held())
	}
}

func TestWhatIsHeldIsBounded(t *testing.T) {
	a := New(maxHeld)
	var got []Line
	for i := range 5 {
		a.Add(record(fmt.Sprint("p", i), 1, 0, strings.Repeat("x", maxHeld/4)), start().Add(time.Duration(i)), collect(&got))
	}
	if len(got) != 1 || got[0].Process != "p0" || a.Held() != maxHeld {
		t.Errorf("%d lines, %d held", len(got), a.Held())
	}
	a, got = New(0), nil
	for i := range maxChannels + 2 {
		a.Add(record(fmt.Sprint("p", i), 1, 0, "x"), start().Add(time.Duration(i)), collect(&got))
	}
	if len(got) != 2 || got[1].Process != "p1" || a.Held() != maxChannels {
		t.Errorf("%d lines, %d held", len(got), a.Held())
	}
}

// However the bytes are cut, the same come out, in pieces that are not too long and begin where they say.
func FuzzAdd(f *testing.F) {
	f.Add([]byte("one\ntwo three\r\n\nžluť"), []byte{3, 1, 7}, 8)
	f.Fuzz(func(t *testing.T, data, cuts []byte, size int) {
		limit := 1 + (size%64+64)%64
		a := New(limit)
		var got []Line
		offset, at := 0, 0
		for offset < len(data) {
			n := len(data) - offset
			if at < len(cuts) {
				n = min(n, int(cuts[at]))
				at++
			}
			a.Add(record("a", 1, uint64(offset), string(data[offset:offset+n])), start(), collect(&got))
			offset += n
		}
		a.Flush(start(), 0, collect(&got))
		if a.Held() != 0 || len(a.held) != 0 {
			t.Fatalf("%d are held", a.Held())
		}
		var whole []byte
		for _, l := range got {
			if len(l.Data) > limit {
				t.Fatalf("a piece of %d bytes", len(l.Data))
			}
			if from := int(l.Offset); !bytes.Equal(l.Data, data[from:from+len(l.Data)]) {
				t.Fatalf("%q is not at %d", l.Data, from)
			}
			if !l.Continued && len(whole) > 0 {
				whole = append(whole, '\n')
			}
			whole = append(whole, l.Data...)
		}
		strip := func(b []byte) string { return strings.NewReplacer("\r", "", "\n", "").Replace(string(b)) }
		if strip(whole) != strip(data) {
			t.Fatalf("got %q of %q", whole, data)
		}
	})
}
