package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func follow(t *testing.T, path string, head int64) *Follower {
	t.Helper()
	l, err := NewFollower(path, head)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// expect reads until all of want has come.
func expect(t *testing.T, l *Follower, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	var got []byte
	for len(got) < len(want) {
		b, err := l.Next(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, b...)
	}
	if string(got) != want {
		t.Fatalf("followed %q, want %q", got, want)
	}
}

func TestFollowerGivesTheEndAndThenWhatIsAppended(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	f := open(t, name, Options{})
	write(t, f, strings.Repeat("-", 100)+"the end\n")
	l := follow(t, name, 8)
	expect(t, l, "the end\n")
	write(t, f, "more\n")
	expect(t, l, "more\n")
	whole := follow(t, name, 1024)
	expect(t, whole, strings.Repeat("-", 100)+"the end\nmore\n")
}

func TestFollowerWakesForABlockedNext(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	f := open(t, name, Options{MaxBytes: 20, Backups: 3})
	l := follow(t, name, 0)
	got := make(chan string)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	go func() {
		defer close(got)
		for {
			b, err := l.Next(ctx)
			if err != nil {
				return
			}
			got <- string(b)
		}
	}()
	for i := range 20 { // through rotations
		line := fmt.Sprintf("line %d\n", i)
		write(t, f, line)
		for have := ""; have != line; {
			have += <-got
			if !strings.HasPrefix(line, have) {
				t.Fatalf("followed %q, want %q", have, line)
			}
		}
	}
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "cleared\n")
	if s := <-got; s != "cleared\n" {
		t.Errorf("after a Clear %q", s)
	}
	cancel()
	for range got { //nolint:revive // until the goroutine ends
	}
}

func TestFollowerLosesNothingThroughManyRotations(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	f := open(t, name, Options{MaxBytes: 1000, Backups: 1000})
	write(t, f, "begin\n")
	l := follow(t, name, 1024)
	expect(t, l, "begin\n")
	var want bytes.Buffer
	for i := range 5000 { // several rotations before the follower looks again
		fmt.Fprintf(&want, "%05d\n", i)
		write(t, f, fmt.Sprintf("%05d\n", i))
	}
	if f.Rotations() < 20 {
		t.Fatalf("%d rotations", f.Rotations())
	}
	expect(t, l, want.String())
}

func TestFollowerKeepsUpWithAWriterThatRotates(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	f := open(t, name, Options{MaxBytes: 4096, Backups: 10000})
	l := follow(t, name, 0)
	var want bytes.Buffer
	for i := range 20000 {
		fmt.Fprintf(&want, "%06d\n", i)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for rest := want.Bytes(); len(rest) > 0; {
			n := min(len(rest), 70)
			_, _ = f.Write(rest[:n])
			rest = rest[n:]
		}
	}()
	expect(t, l, want.String())
	<-written
}

func TestFollowerSaysThatTheLogWasTruncated(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	f := open(t, name, Options{MaxBytes: 10, Backups: 0})
	write(t, f, "1234567")
	l := follow(t, name, 1024)
	expect(t, l, "1234567")
	write(t, f, "890") // the log is full and begins again
	write(t, f, "new")
	expect(t, l, "==> File truncated <==\nnew")
}

func TestFollowerWaitsForALogThatWasMovedAway(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.log")
	f := open(t, name, Options{})
	l := follow(t, name, 0)
	if err := os.Rename(name, name+".moved"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "still the old one\n")
	expect(t, l, "still the old one\n")
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	got := make(chan string, 1)
	go func() {
		b, err := l.Next(ctx)
		got <- fmt.Sprint(string(b), err)
	}()
	if err := os.WriteFile(filepath.Join(dir, "another"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "the new one\n")
	if s := <-got; s != "the new one\n<nil>" {
		t.Errorf("followed %q", s)
	}
}

func TestFollowerEndsWithItsContext(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	open(t, name, Options{})
	l := follow(t, name, 0)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := l.Next(ctx)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v", err)
	}
	if _, err := NewFollower(name+".missing", 0); !errors.Is(err, ErrNoFile) {
		t.Errorf("a missing log: %v", err)
	}
}
