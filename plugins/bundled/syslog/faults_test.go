package syslog

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// nowhere is where nothing can be delivered, by what is wrong there.
func nowhere(t *testing.T) map[string]string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return map[string]string{
		"nobody listens":            "tcp://" + l.Addr().String(),
		"nobody listens, by udp":    "udp://" + deadPort(t),
		"nobody listens, with TLS":  "tls://" + l.Addr().String(),
		"no such name":              "tcp://syslog.invalid",
		"no such name, by udp":      "udp://syslog.invalid",
		"no such name, with TLS":    "tls://syslog.invalid",
		"no such socket":            "unix:///nonexistent/log",
		"a handshake without end":   "tls://" + sdktest.Hanging(t),
		"something else than TLS":   "tls://" + chatty(t, "220 mail.example ESMTP\r\n").address,
		"a socket of the other end": "unixgram://" + listen(t, "unix", socketPath(t), "newline", nil).address,
	}
}

// deadPort is a port of UDP at which nobody listens.
func deadPort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // it was only asked for a port
	return c.LocalAddr().String()
}

// A datagram that nobody takes seems to be sent, and it is the next one that fails. What is written fails all the same, every time, and is sent when
// somebody listens.
func TestADeadPortOfUDPTakesNothing(t *testing.T) {
	address := deadPort(t)
	s := openSink(t, "udp://"+address, nil)
	b := (&output{}).batch("one\n", "two\nthree\n")
	for range 5 {
		if err := s.Write(testkit.Soon(t), b); !errors.Is(err, syscall.ECONNREFUSED) || s.Health() == nil {
			t.Fatalf("it is written: %v", err)
		}
	}
	r := listen(t, "udp", address, "", nil)
	write(t, s, b)
	got := r.parsedOnes(t, 3)
	if got[0].text != "one" || got[1].text != "two" || got[2].text != "three" || s.Health() != nil {
		t.Errorf("%+v, health %v", got, s.Health())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s = openSink(t, "udp://"+address, nil)
	if err := s.Write(ctx, b); !errors.Is(err, context.Canceled) {
		t.Errorf("given up, it says %v", err)
	}
}

func TestDestinationsThatAreNone(t *testing.T) {
	for what, address := range nowhere(t) {
		s := openSink(t, address, func(c *sinkConfig) { c.Timeout = 200 * time.Millisecond })
		b := (&output{}).batch("x\n")
		for range 2 {
			if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) || s.Health() == nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		n := openNotifier(t, address)
		n.o.timeout = 200 * time.Millisecond
		if err := n.Notify(testkit.Soon(t), sdktest.Sample(1)); err == nil || sdk.IsFinal(err) || n.Health() == nil {
			t.Errorf("%s: a notification: %v", what, err)
		} else {
			t.Logf("%s: %v", what, err)
		}
	}
}

// chatter is a receiver that talks, which syslog's never do.
type chatter struct {
	address string
	mu      sync.Mutex
	got     strings.Builder
}

func chatty(t *testing.T, says string) *chatter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &chatter{address: l.Addr().String()}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close() //nolint:errcheck // a test
				_, _ = io.WriteString(conn, says)
				buf := make([]byte, 4096)
				for {
					n, err := conn.Read(buf)
					c.mu.Lock()
					c.got.Write(buf[:n])
					c.mu.Unlock()
					if err != nil {
						return
					}
					_, _ = io.WriteString(conn, says)
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return c
}

func (c *chatter) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got.String()
}

// What a receiver says is read and dropped: it neither stops nor changes what is sent.
func TestAReceiverThatTalks(t *testing.T) {
	r := chatty(t, strings.Repeat("\x00\xff what do you want?\r\n", 1000))
	s := openSink(t, "tcp://"+r.address, func(c *sinkConfig) { c.Framing = "newline" })
	var o output
	for range 50 {
		write(t, s, o.batch("a line\n"))
	}
	testkit.Await(t, func() bool { return strings.Count(r.text(), "a line\n") == 50 }, func() string { return r.text() })
	if err := s.Close(testkit.Soon(t)); err != nil {
		t.Error(err)
	}
}

func TestAReceiverThatWantsToKnowWhoWeAre(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	_, cert, key := authority.Issue("client")
	r := listen(t, "tls", "127.0.0.1:0", "octet", authority.Server("log.example", true))
	known := func(c *sinkConfig) { c.CA, c.ServerName, c.Cert, c.Key = authority.File, "log.example", cert, key }
	write(t, openSink(t, "tls://"+r.address, known), (&output{}).batch("known\n"))
	if p := r.parsedOnes(t, 1)[0]; p.text != "known" {
		t.Errorf("%+v", p)
	}
	// by TLS 1.3 the receiver says no after the handshake, when something could have been sent already
	other := remotetest.NewAuthority(t)
	_, otherCert, otherKey := other.Issue("client")
	for what, change := range map[string]func(*sinkConfig){
		"no certificate":                func(c *sinkConfig) { c.Cert, c.Key = "", "" },
		"one of an authority of others": func(c *sinkConfig) { c.Cert, c.Key = otherCert, otherKey },
	} {
		s := openSink(t, "tls://"+r.address, func(c *sinkConfig) { known(c); change(c) })
		b := (&output{}).batch("unknown\n")
		for range 3 {
			if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if got := r.all(t); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// One that takes connections only to drop them has nothing: after the first is lost, nothing more is.
func TestAReceiverThatHangsUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	})
	stop := sync.OnceFunc(func() { _ = l.Close(); open.Wait() })
	t.Cleanup(stop)
	s := openSink(t, "tcp://"+l.Addr().String(), func(c *sinkConfig) { c.Format = "rfc5424" })
	var o output
	b := o.batch("one\n")
	testkit.Await(t, func() bool {
		err := s.Write(testkit.Soon(t), b)
		if err == nil {
			b = o.batch("another\n")
		}
		return err != nil && strings.Contains(err.Error(), "closes them")
	}, func() string { return "what is dropped counts as written" })
	for range 5 {
		if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) || s.Health() == nil {
			t.Fatalf("it counts as written: %v", err)
		}
	}
	stop()
	r := listen(t, "tcp", l.Addr().String(), "octet", nil)
	write(t, s, b)
	r.wait(t, 1)
}

func TestAReceiverThatTakesNothingInTime(t *testing.T) {
	s := openSink(t, "tcp://"+sdktest.Hanging(t), func(c *sinkConfig) { c.Timeout = 20 * time.Millisecond })
	var o output
	var err error
	for err == nil { // until the system's buffers are full
		err = s.Write(testkit.Soon(t), o.batch(strings.Repeat(strings.Repeat("x", 1000)+"\n", 200)))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || sdk.IsFinal(err) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Write(ctx, o.batch("x\n")); err == nil || sdk.IsFinal(err) {
		t.Error(err)
	}
}
