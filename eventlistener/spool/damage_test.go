package spool

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// layout says where each record of a spool is.
type layout struct {
	file string
	end  map[uint64]int64 // where each record ends
	size int64
	last uint64
}

func layouts(t testing.TB, dir string) (all []layout) {
	t.Helper()
	for _, path := range segmentFiles(t, dir) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		l := layout{file: filepath.Base(path), end: map[uint64]int64{}, size: int64(len(b))}
		for off := int64(segmentHeader); off < int64(len(b)); {
			r, n, err := decodeFrame(b[off:])
			if err != nil {
				t.Fatal(err)
			}
			off += n
			l.end[r.Pos], l.last = off, r.Pos
		}
		all = append(all, l)
	}
	return all
}

// without is what is left of a spool with n records, the first acked of which are
// acked, after damage at off of segment l: all but the rest of that segment.
func (l layout) without(off int64, acked, n uint64) (left []uint64) {
	for i := acked + 1; i <= n; i++ {
		if end, here := l.end[i]; !here || end <= off {
			left = append(left, i)
		}
	}
	return left
}

// atRest builds a spool of several small segments, some records acked.
func atRest(t testing.TB) (dir string, acked, n uint64) {
	t.Helper()
	dir = t.TempDir()
	o := options(dir)
	o.SegmentBytes = 1024
	s := mustOpen(t, o)
	acked, n = 3, 25
	fill(t, s, n)
	committed(t, s)
	for range acked {
		r, _ := s.Cursor().Next()
		s.Cursor().Ack(r.Pos)
	}
	closed(t, s)
	return dir, acked, n
}

// examine opens a damaged spool and takes everything. Then it must be whole: it
// takes and gives records, and opens again without a report.
func examine(t testing.TB, dir string, n uint64) (got []uint64, l *log) {
	t.Helper()
	l = &log{}
	o := options(dir)
	o.SegmentBytes, o.Report = 1024, l.add
	s := mustOpen(t, o)
	last, _ := s.Last()
	if last.Pos > n {
		t.Fatalf("last is %d", last.Pos)
	}
	got = drain(t, s)
	fill(t, s, last.Pos+3)
	equal(t, "new ones", drain(t, s), count(last.Pos+1, last.Pos+3))
	closed(t, s)
	var again log
	o.Report = again.add
	s = mustOpen(t, o)
	equal(t, "again", drain(t, s), []uint64(nil))
	closed(t, s)
	if again.String() != "" {
		t.Fatalf("reported again: %s\nfirst: %s", &again, l)
	}
	return got, l
}

// justOpen opens a damaged spool and looks at what it would hand out.
func justOpen(t testing.TB, dir string, _ uint64) (got []uint64, l *log) {
	t.Helper()
	l = &log{}
	o := options(dir)
	o.Report = l.add
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for r, ok := s.Cursor().Next(); ok; r, ok = s.Cursor().Next() {
		if err := wrong(r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Pos)
	}
	closed(t, s)
	return got, l
}

func TestASegmentCutAnywhereLosesOnlyItsRest(t *testing.T) {
	dir, acked, n := atRest(t)
	for _, seg := range layouts(t, dir) {
		for at := range seg.size {
			c := copyOf(t, dir)
			if err := os.Truncate(filepath.Join(inside(c), seg.file), at); err != nil {
				t.Fatal(err)
			}
			look := justOpen
			if at%8 == 0 {
				look = examine
			}
			got, l := look(t, c, n)
			want := seg.without(at, acked, n)
			equal(t, fmt.Sprintf("%s cut at %d", seg.file, at), got, want)
			_, damaged := l.of(Damaged)
			_, missing := l.of(Missing)
			if damaged+missing != n-acked-uint64(len(want)) {
				t.Fatalf("%s cut at %d: reported\n%s", seg.file, at, l)
			}
		}
	}
}

func TestAFlippedBitLosesOnlyTheRestOfItsSegment(t *testing.T) {
	dir, acked, n := atRest(t)
	rng := rand.New(rand.NewPCG(5, 6))
	all := layouts(t, dir)
	for range soak(200) {
		seg := all[rng.IntN(len(all))]
		at, bit := rng.Int64N(seg.size), byte(1)<<rng.IntN(8)
		c := copyOf(t, dir)
		flip(t, filepath.Join(inside(c), seg.file), at, bit)
		got, l := examine(t, c, n)
		// Everything of that segment before the record with the flipped bit.
		from := at
		if at < segmentHeader {
			from = 0
		}
		want := seg.without(from, acked, n)
		equal(t, fmt.Sprintf("%s flipped at %d", seg.file, at), got, want)
		if k, _ := l.of(Damaged); k != 1 {
			t.Fatalf("%s flipped at %d: reported\n%s", seg.file, at, l)
		}
		aside, err := filepath.Glob(filepath.Join(inside(c), "*"+asideSuffix))
		if err != nil || len(aside) != 1 {
			t.Fatalf("set aside: %v %v", aside, err)
		}
	}
}

func flip(t testing.TB, path string, at int64, bit byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= bit
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b[at:at+1], at); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedCursorFileLosesNothing(t *testing.T) {
	dir, acked, n := atRest(t)
	rng := rand.New(rand.NewPCG(7, 8))
	path := func(c string) string { return filepath.Join(inside(c), cursorName) }
	cases := map[string]func(string) error{
		"removed": func(c string) error { return os.Remove(path(c)) },
		"zeroed":  func(c string) error { return os.WriteFile(path(c), make([]byte, 2*slotSize), 0o600) },
		"a directory": func(c string) error {
			if err := os.Remove(path(c)); err != nil {
				return err
			}
			return os.Mkdir(path(c), 0o700)
		},
	}
	for at := 0; at < 2*slotSize; at += 61 {
		cases[fmt.Sprintf("cut at %d", at)] = func(c string) error { return os.Truncate(path(c), int64(at)) }
	}
	for i := range soak(100) {
		at, bit := rng.Int64N(2*slotSize), byte(1)<<rng.IntN(8)
		if i%2 == 0 {
			at = at/slotSize*slotSize + at%slotHeader
		}
		cases[fmt.Sprintf("bit %d flipped at %d", bit, at)] = func(c string) error { flip(t, path(c), at, bit); return nil }
	}
	for name, damage := range cases {
		c := copyOf(t, dir)
		if err := damage(c); err != nil {
			t.Fatal(name, err)
		}
		got, l := examine(t, c, n)
		if len(got) < int(n-acked) || len(got) > int(n) {
			t.Fatalf("%s: got %v", name, got)
		}
		equal(t, name, got, count(n-uint64(len(got))+1, n))
		if k, _ := l.of(Missing); k > 0 {
			t.Fatalf("%s: %s", name, l)
		}
	}
}

func TestASpoolWithoutAFileOfNumbersGoesOn(t *testing.T) {
	dir, acked, n := atRest(t)
	ok(t, os.Remove(filepath.Join(inside(dir), numbersName)))
	got, l := examine(t, dir, n)
	equal(t, "positions", got, count(acked+1, n))
	if l.String() != "" {
		t.Error(l)
	}
}

func TestRemovedSegmentsAreReported(t *testing.T) {
	dir, acked, n := atRest(t)
	for _, seg := range layouts(t, dir) {
		c := copyOf(t, dir)
		if err := os.Remove(filepath.Join(inside(c), seg.file)); err != nil {
			t.Fatal(err)
		}
		got, l := examine(t, c, n)
		want := seg.without(0, acked, n)
		equal(t, seg.file, got, want)
		if _, missing := l.of(Missing); missing != n-acked-uint64(len(want)) {
			t.Fatalf("%s: %s", seg.file, l)
		}
	}
}

func TestStrangersInTheDirectory(t *testing.T) {
	dir, acked, n := atRest(t)
	in := inside(dir)
	first := segmentFiles(t, dir)[0]
	b, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		segmentName(5):             b, // a copy under a wrong name
		segmentName(9000):          []byte("garbage"),
		segmentName(9001):          nil,
		"x.seg":                    b,
		"00000000000000000000.seg": b,
		"99999999999999999999.seg": b,
		"README":                   []byte("hello"),
	} {
		if err := os.WriteFile(filepath.Join(in, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(in, segmentName(7)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(in, segmentName(8))); err != nil {
		t.Fatal(err)
	}
	got, l := examine(t, dir, n)
	equal(t, "positions", got, count(acked+1, n))
	if k, _ := l.of(Damaged); k != 4 {
		t.Fatal(l)
	}
}

func TestOnlySoMuchIsSetAside(t *testing.T) {
	dir := t.TempDir()
	for i := range uint64(3 * maxAside) {
		s := mustOpen(t, options(dir))
		fill(t, s, 2*i+2)
		closed(t, s)
		files := segmentFiles(t, dir)
		flip(t, files[len(files)-1], segmentHeader+20, 1)
	}
	aside, err := filepath.Glob(filepath.Join(inside(dir), "*"+asideSuffix))
	if err != nil || len(aside) != maxAside {
		t.Fatal(aside, err)
	}
}

// Damage while the spool is open, with most of it on disk only.
func TestDamageWhileInUse(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var lost uint64
	for round := range soak(10) {
		var l log
		dir := t.TempDir()
		o := options(dir)
		o.SegmentBytes, o.Report = 128<<10, l.add
		s := mustOpen(t, o)
		const n = 20000
		for i := uint64(2000); i <= n; i += 2000 {
			fill(t, s, i)
			committed(t, s)
		}
		files := segmentFiles(t, dir)
		path := files[rng.IntN(len(files))]
		if round%4 == 0 {
			path = files[len(files)-1]
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		at := rng.Int64N(info.Size())
		kind := []string{"cut", "flipped", "removed", "all removed"}[rng.IntN(4)]
		switch kind {
		case "cut":
			err = os.Truncate(path, at)
		case "flipped":
			flip(t, path, at, 4)
		case "removed":
			err = os.Remove(path)
		case "all removed":
			for _, path := range append(files, filepath.Join(inside(dir), cursorName)) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		fill(t, s, n+1000)
		committed(t, s)
		got := drain(t, s)
		st := s.Stats()
		lost += st.Lost
		testkit.Until(t, "the loss reported", func() bool { return st.Lost == 0 || l.String() != "" })
		if uint64(len(got))+st.Lost != n+1000 {
			t.Fatalf("%s at %d of %s: %d handed out, %d lost\n%s", kind, at, path, len(got), st.Lost, &l)
		}
		equal(t, "the newest", got[len(got)-1000:], count(n+1, n+1000))
		fill(t, s, n+1500)
		closed(t, s)
		o.Report = func(r Report) {
			if r.Kind == Missing || strings.Contains(r.File, segmentSuffix) {
				t.Errorf("%s: after reopening: %s\nbefore: %s", kind, r, &l)
			}
		}
		s = mustOpen(t, o)
		equal(t, "after reopening", drain(t, s), count(n+1001, n+1500))
		closed(t, s)
	}
	if lost == 0 {
		t.Fatal("the damage did no harm: the test shows nothing")
	}
}
