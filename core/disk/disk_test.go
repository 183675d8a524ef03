package disk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func logFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestErrorsAreThoseThatFaultsAreMadeOf: core/rpc knows the kinds of core.Error only.
func TestErrorsAreThoseThatFaultsAreMadeOf(t *testing.T) {
	there, missing := logFile(t, "0123456789"), filepath.Join(t.TempDir(), "none")
	for name, c := range map[string]struct {
		path           string
		offset, length int64
		want           string
		kind           core.ErrorKind // with an error
		fails          bool
		detail         string
	}{
		"a part":                 {there, 2, 3, "234", 0, false, ""},
		"all from there":         {there, 7, 0, "789", 0, false, ""},
		"the end":                {there, -4, 0, "6789", 0, false, ""},
		"an end with a length":   {there, -4, 2, "", core.BadArguments, true, ""},
		"a negative length":      {there, 0, -1, "", core.BadArguments, true, ""},
		"a file that is missing": {missing, 0, 0, "", core.NoFile, true, missing},
		"a directory":            {filepath.Dir(there), 0, 0, "", core.Failed, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewTurns().Logs().Read(c.path, c.offset, c.length)
			var e *core.Error
			if c.fails {
				if !errors.As(err, &e) || e.Kind != c.kind || e.Detail != c.detail {
					t.Fatalf("the error is %#v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			got, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
			if err != nil || string(got) != c.want {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

// TestTheEndAndTheRest: Tail and Follow reach the file too.
func TestTheEndAndTheRest(t *testing.T) {
	path := logFile(t, "0123456789")
	reader := NewTurns().Logs()
	s, end, overflow, err := reader.Tail(path, 0, 4)
	if err != nil || end != 10 || !overflow {
		t.Fatalf("end %d, overflow %v, %v", end, overflow, err)
	}
	defer func() { _ = s.Close() }()
	b := make([]byte, s.Size())
	if _, err := s.ReadAt(b, 0); err != nil || string(b) != "6789" {
		t.Errorf("read %q, %v", b, err)
	}
	f, err := reader.Follow(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if b, err := f.Next(testkit.Soon(t)); err != nil || !bytes.Equal(b, []byte("789")) {
		t.Errorf("followed %q, %v", b, err)
	}
}

// TestFewReadAtATime: however many want to, and a piece of a log waits for its turn as the opening does.
func TestFewReadAtATime(t *testing.T) {
	turns := NewTurns()
	var now, most atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			defer turns.Take()()
			n := now.Add(1)
			for {
				was := most.Load()
				if n <= was || most.CompareAndSwap(was, n) {
					break
				}
			}
			testkit.Pause()
			now.Add(-1)
		})
	}
	all.Wait()
	if most.Load() > Readers {
		t.Errorf("%d had a turn at a time", most.Load())
	}
	path := logFile(t, "0123456789")
	s, err := turns.Logs().Read(path, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for name, read := range map[string]func() error{
		"a piece": func() error { _, err := s.ReadAt(make([]byte, 4), 0); return err },
		"opening": func() error {
			more, err := turns.Logs().Read(path, 0, 0)
			if err == nil {
				err = more.Close()
			}
			return err
		},
		"the end": func() error {
			more, _, _, err := turns.Logs().Tail(path, 0, 4)
			if err == nil {
				err = more.Close()
			}
			return err
		},
	} {
		var given []func()
		for range Readers {
			given = append(given, turns.Take())
		}
		var free atomic.Bool
		begun, done := make(chan struct{}), make(chan error, 1)
		go func() {
			close(begun)
			err := read()
			if !free.Load() {
				err = errors.Join(err, errors.New("it did not wait for a turn"))
			}
			done <- err
		}()
		<-begun
		for range 5 {
			testkit.Pause()
		}
		free.Store(true)
		for _, end := range given {
			end()
		}
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case <-testkit.Soon(t).Done():
			t.Fatalf("%s never had its turn", name)
		}
	}
}
