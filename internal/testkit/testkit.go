// Package testkit is what tests of every package need: how long they wait for what must come, a buffer that is written and
// read at once, short directories for sockets, free ports. It imports nothing of this module, so that every test may have
// it. A daemon for tests is in sdk/daemontest, a plugin's process in internal/plugintest.
package testkit

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Patience is how long a test waits for what must come. It decides how late a failure is found, never whether a test passes.
const Patience = 120 * time.Second

// pause is the time between two looks at a condition.
const pause = 2 * time.Millisecond

// Until waits until a condition holds, and ends the test if it does not within Patience.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	Await(t, holds, func() string { return what })
}

// Await is Until for a test that finds out at the end what to say of the failure.
func Await(t testing.TB, holds func() bool, what func() string) {
	t.Helper()
	if !Holds(holds) {
		t.Fatalf("waited in vain until %s", what())
	}
}

// Holds waits until a condition holds, and reports whether it did within Patience: for helpers that have more to say when
// it did not.
func Holds(condition func() bool) bool {
	for end := time.Now().Add(Patience); !condition(); time.Sleep(pause) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Soon is a context that ends after Patience, or with the test.
func Soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Dir is a directory with a short name, removed when the test ends: the path of a socket has at most 103 bytes (macOS), and
// t.TempDir has the test's name in it.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hark-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// FreePort is a port of 127.0.0.1 that nobody listened at a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// Buffer is a buffer that one goroutine writes while another reads what is there so far.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Has reports whether a text was written so far.
func (b *Buffer) Has(text string) bool { return strings.Contains(b.String(), text) }

// Pause waits for the time between two looks at a condition.
func Pause() { time.Sleep(pause) }

// Panics returns a function that panics the first n times that it is called.
func Panics(n int32) func() {
	var calls atomic.Int32
	return func() {
		if calls.Add(1) <= n {
			panic("made by the test")
		}
	}
}
