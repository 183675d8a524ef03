package pyrepr

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// python runs a program that reads JSON and writes JSON, on Debian's Python.
func python(t *testing.T, program string, in, out any) {
	t.Helper()
	doc, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "-c", program)
	cmd.Stdin = bytes.NewReader(doc)
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v; make test installs what the tests need", err)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatal(err)
	}
}

func TestStringsAreQuotedAsPythonQuotesThem(t *testing.T) {
	pieces := []string{
		"a", "b c", "'", `"`, `\`, "\n", "\r", "\t", "\x00", "\x1f", "\x7f", "\u0080", "\u0085", "\u00a0", "\u00ad", "é", "ß", "€", "\u2028",
		"\u200b", "\ufeff", "\ufffd", "😀", "\U000e0001", "\U0010ffff", "日本",
	}
	random := rand.New(rand.NewPCG(1, 2))
	var strs []string
	for range 5000 {
		var b strings.Builder
		for range random.IntN(8) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		strs = append(strs, b.String())
	}
	var want [][2]string
	python(t, "import json, sys\njson.dump([[repr(s), ascii(s)] for s in json.load(sys.stdin)], sys.stdout)", strs, &want)
	for i, s := range strs {
		if got := String(s); got != want[i][0] {
			t.Fatalf("String(%q) = %s; Python: %s", s, got, want[i][0])
		}
		if got := ASCII(s); got != want[i][1] {
			t.Fatalf("ASCII(%q) = %s; Python: %s", s, got, want[i][1])
		}
	}
}

func TestBytesThatAreNoUTF8AreShownAsSurrogates(t *testing.T) {
	if got := String("a\xff'b"); got != `"a\udcff'b"` {
		t.Errorf("got %s", got)
	}
}
