package remotetest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Garbage is the address (host:port) of a server that answers whatever it is asked, and even before, with the same text, once.
func Garbage(t testing.TB, text string) string { return garbage(t, text, 1) }

// WithoutEnd is Garbage that never stops, until the test ends.
func WithoutEnd(t testing.TB, text string) string { return garbage(t, text, -1) }

func garbage(t testing.TB, text string, times int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	ended := make(chan struct{})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close() //nolint:errcheck // a test's
				all.Go(func() {
					<-ended
					_ = c.Close()
				})
				for i := 0; i != times; i++ {
					if _, err := io.WriteString(c, text); err != nil {
						return
					}
				}
				_, _ = io.Copy(io.Discard, c)
			})
		}
	})
	t.Cleanup(func() {
		close(ended)
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}
