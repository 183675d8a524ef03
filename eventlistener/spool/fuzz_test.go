package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// What decodes encodes to the same bytes, and what is short says so.
func FuzzFrame(f *testing.F) {
	for i := range uint64(5) {
		r := sample(i)
		f.Add(appendFrame(nil, &r))
	}
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n, err := decodeFrame(b)
		switch {
		case errors.Is(err, errShort):
			if n <= int64(len(b)) {
				t.Fatalf("%d bytes are too short, %d would do", len(b), n)
			}
		case err == nil:
			if again := appendFrame(nil, &r); !bytes.Equal(again, b[:n]) {
				t.Fatalf("%x became %x", b[:n], again)
			}
		}
	})
}

// Any bytes as a segment: no crash, and only records whose frames are there.
func FuzzSegment(f *testing.F) {
	good := appendSegmentHeader(nil, 1, none(), 0)
	for i := uint64(1); i < 6; i++ {
		r := sample(i)
		r.Pos = i
		good = appendFrame(good, &r)
	}
	f.Add(good)
	f.Add(good[:100])
	f.Add(append(bytes.Clone(good), good[48:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := parseSegmentHeader(b, 1); err != nil {
			return
		}
		in := frames{file: bytes.NewReader(b), pos: 1, off: segmentHeader, end: int64(len(b))}
		out := bytes.Clone(b[:segmentHeader])
		for {
			r, err := in.next()
			if err != nil {
				if !bytes.Equal(out, b[:in.off]) || errors.Is(err, io.EOF) != (len(out) == len(b)) {
					t.Fatalf("%d of %d bytes, %v", len(out), len(b), err)
				}
				break
			}
			out = appendFrame(out, &r)
		}
	})
}

// A spool opens whatever its cursor file holds.
func FuzzCursor(f *testing.F) {
	m := bookmark{acks: acks{low: 3, spans: []span{{5, 6}}}, newest: Numbers{Pos: 9}}
	f.Add(appendSlot(nil, m, 4))
	f.Add(make([]byte, 2*slotSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, g, ok, _ := newest(b, parseSlot)
		if ok {
			if again, _, whole := parseSlot(appendSlot(nil, m, g)); !whole || again.acks.low != m.acks.low || again.newest != m.newest {
				t.Fatalf("%+v became %+v", m, again)
			}
		}
		dir := t.TempDir()
		if err := os.Mkdir(inside(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(inside(dir), cursorName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, options(dir))
		pos, err := s.Append(Record{Kind: "x"})
		if err != nil || ok && pos <= m.newest.Pos {
			t.Fatal(pos, err)
		}
		closed(t, s)
	})
}
