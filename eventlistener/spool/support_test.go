package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SPOOL_TEST_WRITER"); dir != "" {
		writeForever(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// soak is how often to do something: n times, or twenty times that in make soak.
func soak(n int) int {
	if os.Getenv("HARK_SOAK") != "" {
		return 20 * n
	}
	return n
}

// log gathers reports.
type log struct {
	mu  sync.Mutex
	all []Report
}

func (l *log) add(r Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r)
}

func (l *log) of(k ReportKind) (n int, records uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.all {
		if r.Kind == k {
			n++
			records += r.Records
		}
	}
	return n, records
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, r := range l.all {
		lines = append(lines, r.String())
	}
	return strings.Join(lines, "\n")
}

func options(dir string) Options { return Options{Dir: dir, Name: "pool"} }

func mustOpen(t testing.TB, o Options) *Spool {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	return s
}

func closed(t testing.TB, s *Spool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// sample is the record that belongs at position i: everything in it follows
// from i.
func sample(i uint64) Record {
	return Record{
		Seq: 10 * i, Serial: int64(i) - 1, PoolSerial: int64(i) + 5,
		Time: time.Unix(1700000000+int64(i), int64(i)), Kind: "TICK_" + strconv.FormatUint(i%7, 10),
		Data: []byte(strings.Repeat(fmt.Sprintf("payload %d\x00ä\n", i), int(i%9))),
	}
}

func wrong(r Record) error {
	w := sample(r.Pos)
	w.Pos = r.Pos
	if r.Seq != w.Seq || r.Serial != w.Serial || r.PoolSerial != w.PoolSerial || !r.Time.Equal(w.Time) ||
		r.Kind != w.Kind || string(r.Data) != string(w.Data) {
		return fmt.Errorf("at %d: got %+v, want %+v", r.Pos, r, w)
	}
	return nil
}

// fill appends samples up to position last.
func fill(t testing.TB, s *Spool, last uint64) {
	t.Helper()
	for {
		n, _ := s.Last()
		if n.Pos >= last {
			return
		}
		if _, err := s.Append(sample(n.Pos + 1)); err != nil {
			t.Fatal(err)
		}
	}
}

func committed(t testing.TB, s *Spool) {
	t.Helper()
	testkit.Until(t, "everything committed", func() bool {
		n, _ := s.Last()
		return s.Committed() >= n.Pos
	})
}

// drain takes and acks everything that is queued.
func drain(t testing.TB, s *Spool) (got []uint64) {
	t.Helper()
	c := s.Cursor()
	testkit.Until(t, "the queue empty", func() bool {
		for {
			r, ok := c.Next()
			if !ok {
				return s.Stats().Queued == 0
			}
			if err := wrong(r); err != nil {
				t.Fatal(err)
			}
			if len(got) > 0 && r.Pos <= got[len(got)-1] {
				t.Fatalf("%d after %d", r.Pos, got[len(got)-1])
			}
			got = append(got, r.Pos)
			if !c.Ack(r.Pos) {
				t.Fatalf("cannot ack %d", r.Pos)
			}
		}
	})
	balanced(t, s)
	return got
}

func balanced(t testing.TB, s *Spool) {
	t.Helper()
	st := s.Stats()
	if st.Recovered+st.Appended != st.Acked+st.Discarded+st.Lost+st.Queued+st.InFlight {
		t.Fatalf("figures do not add up: %+v", st)
	}
}

func count(from, to uint64) (all []uint64) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		if len(g) > 400 {
			g = g[:400] + "…"
		}
		if len(w) > 400 {
			w = w[:400] + "…"
		}
		t.Fatalf("%s: got %s, want %s", what, g, w)
	}
}

func inside(dir string) string { return filepath.Join(dir, "pool.spool") }

// copyOf is a copy of the spool in dir, without the lock.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	var to string
	testkit.Until(t, "a copy", func() bool { // segments of a spool in use come and go
		to = scratch(t)
		err := os.CopyFS(inside(to), os.DirFS(inside(dir)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	})
	if err := os.Chmod(inside(to), 0o700); err != nil {
		t.Fatal(err)
	}
	return to
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(inside(dir), "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}
