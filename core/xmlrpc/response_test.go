package xmlrpc

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// A Text is encoded as the same string would be, wherever its pieces end.
func TestATextIsEncodedAsAString(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", "é", "€", "😀", "&", "<", ">", "]]>", "\r\n", "\x00", "\xff", "\xf0\x9f", "\xe2\x82", "\xed\xa0\x80", "\uFFFE", strings.Repeat("x", 100)}
	for _, size := range []int{0, 1, 3, 100, textPiece - 1, textPiece, textPiece + 1, 3*textPiece + 5} {
		for range 50 {
			var b strings.Builder
			for b.Len() < size {
				b.WriteString(parts[rnd.IntN(len(parts))])
			}
			s := b.String()[:size]
			for _, tt := range []struct{ lazy, plain any }{
				{strings.NewReader(s), s},
				{[]any{strings.NewReader(s), 7, strings.NewReader(s[:size/2]), false}, []any{s, 7, s[:size/2], false}},
			} {
				want, err := AppendResponse(nil, tt.plain)
				if err != nil {
					t.Fatal(err)
				}
				r, err := NewResponse([]byte("before"), tt.lazy)
				if err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				n, err := r.WriteTo(&got)
				if err != nil || n != int64(len(want)) || r.Len() != n || !bytes.Equal(got.Bytes(), want) {
					t.Fatalf("%d bytes, %d promised, %v; want %d bytes\n%.100q\n%.100q", n, r.Len(), err, len(want), got.Bytes(), want)
				}
			}
		}
	}
}

// changing is a text that is another one when it is read for the second time.
type changing struct {
	size  int64
	texts [2]string
	reads int
}

func (c *changing) Size() int64 { return c.size }

func (c *changing) ReadAt(b []byte, at int64) (int, error) {
	if at == 0 {
		c.reads++
	}
	return strings.NewReader(c.texts[c.reads-1]).ReadAt(b, at)
}

// What does not have the length that it had is never passed off as a whole answer.
func TestATextThatChangesEndsItsAnswer(t *testing.T) {
	long := strings.Repeat("x", 2*textPiece)
	for name, texts := range map[string][2]string{
		"shorter":        {long, long[1:]},
		"gone":           {long, ""},
		"longer, by &":   {long, "&" + long[1:]},
		"of other bytes": {strings.Repeat("&", len(long)), long},
	} {
		r, err := NewResponse(nil, &changing{size: int64(len(long)), texts: texts})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.WriteTo(io.Discard); !errors.Is(err, ErrTextChanged) || n >= r.Len() {
			t.Errorf("%s: %d of %d bytes, %v", name, n, r.Len(), err)
		}
	}
}

// A text takes no more memory than is said, whatever it is made of.
func TestATextTakesLittleMemory(t *testing.T) {
	r, err := NewResponse(nil, strings.NewReader(strings.Repeat("&", 10*textPiece)))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.WriteTo(io.Discard); n != r.Len() || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if got := cap(r.piece) + cap(r.coded); got > TextMemory+TextMemory/4 {
		t.Errorf("%d bytes", got)
	}
}
