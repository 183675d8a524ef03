package pcomm

import (
	"bytes"
	"errors"
	"testing"
)

type countingWriter struct {
	bytes.Buffer
	writes int
	err    error
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	if w.err != nil {
		return 0, w.err
	}
	return w.Buffer.Write(p)
}

func TestABlockIsOneWrite(t *testing.T) {
	for _, data := range []string{"", "x", "<!--XSUPERVISOR:BEGIN-->", "ž\x00\n"} {
		var w countingWriter
		if err := Send(&w, []byte(data)); err != nil || w.writes != 1 || w.String() != Begin+data+End {
			t.Errorf("%q: %q in %d writes, %v", data, w.String(), w.writes, err)
		}
	}
}

func TestABlockThatCannotBeSent(t *testing.T) {
	var w countingWriter
	if err := Send(&w, []byte("a"+End+"b")); !errors.Is(err, ErrEndTag) || w.writes != 0 {
		t.Errorf("got %v", err)
	}
	w.err = errors.New("disk full")
	if err := Send(&w, nil); !errors.Is(err, w.err) {
		t.Errorf("got %v", err)
	}
}
