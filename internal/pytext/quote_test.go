package pytext

import (
	"math/rand/v2"
	"testing"
)

func TestStringsAreQuotedAsPythonQuotesThem(t *testing.T) {
	strs := corpus(5000, 8,
		"a", "b c", "'", `"`, `\`, "\n", "\r", "\t", "\x00", "\x1f", "\x7f", "\u0080", "\u0085", "\u00a0", "\u00ad", "é", "ß", "€", "\u2028",
		"\u200b", "\ufeff", "\ufffd", "😀", "\U000e0001", "\U0010ffff", "日本")
	var want [][3]string
	python(t, "a = [[repr(s), ascii(s), repr([s, s])] for s in q]", strs, &want)
	for i, s := range strs {
		if got := [3]string{Quote(s), QuoteASCII(s), QuoteList([]string{s, s})}; got != want[i] {
			t.Fatalf("%q is quoted as %q; Python: %q", s, got, want[i])
		}
	}
}

func TestBytesThatAreNotUTF8AreQuotedAsSurrogates(t *testing.T) {
	if got := Quote("a\xff'b"); got != `"a\udcff'b"` {
		t.Errorf("got %s", got)
	}
}

func TestBytesAreShownAsPythonShowsThem(t *testing.T) {
	cases := [][]byte{{}, []byte("'"), []byte(`"`), []byte(`'"`)}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
		cases = append(cases, all[i:i+1])
	}
	cases = append(cases, all)
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = `'"\abc`[r.IntN(6)]
		}
		cases = append(cases, b)
	}
	var want []string
	python(t, "import base64\na = [repr(base64.b64decode(s)) for s in q]", cases, &want)
	for i, c := range cases {
		if got := string(AppendBytes(nil, c)); got != want[i] {
			t.Errorf("%q is shown as %s, by Python as %s", c, got, want[i])
		}
	}
}
