package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// hanging has methods that last until they are let go, or their context ends.
type hanging struct {
	begun, ended, carried atomic.Int32
	letGo                 chan struct{}
}

func newHanging() *hanging { return &hanging{letGo: make(chan struct{})} }

func (n *hanging) call(ctx context.Context, _ []any) (any, error) {
	n.begun.Add(1)
	defer n.ended.Add(1)
	select {
	case <-n.letGo:
		n.carried.Add(1)
		return true, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *hanging) namespaces() []Namespace {
	return []Namespace{{Name: "test", Methods: []Method{
		{Name: "hang", ReadOnly: true, Waits: true, Call: n.call},
		{Name: "hangAndChange", Waits: true, Call: n.call},
		{Name: "change", Call: n.call},
	}}}
}

// under is the number of calls under way.
func (n *hanging) under() int { return int(n.begun.Load() - n.ended.Load()) }

// leavers are ways to be a client and to go.
var leavers = []struct {
	name string
	dial func(t testing.TB, h *harness) net.Conn
	quit func(net.Conn) error
}{
	{"unix", dial, net.Conn.Close},
	{"tcp", dialTCP, net.Conn.Close},
	{"tcp, reset", dialTCP, func(c net.Conn) error {
		_ = c.(*net.TCPConn).SetLinger(0)
		return c.Close()
	}},
	{"tls", dialTLS, net.Conn.Close},
	{"tls, without a word", dialTLS, func(c net.Conn) error { return c.(*tls.Conn).NetConn().Close() }},
}

func TestCallsEndWithTheirClients(t *testing.T) {
	for _, l := range leavers {
		for _, behind := range []string{"", "P", strings.Repeat("GET / HTTP/1.1\r\n\r\n", 1000)} {
			t.Run(fmt.Sprintf("%s, %d bytes behind", l.name, len(behind)), func(t *testing.T) {
				n := newHanging()
				lim := patient(100)
				lim.halfClosed = time.Millisecond
				h := serveEach(t, lim, l.name, func(o *Options) { o.Namespaces = n.namespaces() })
				for _, method := range []string{"test.hang", "test.hangAndChange"} {
					for range 5 {
						c := l.dial(t, h)
						if _, err := io.WriteString(c, post(callXML(t, method))+behind); err != nil {
							t.Fatal(err)
						}
						testkit.Until(t, "the condition holds", func() bool { return n.under() == 1 })
						if err := l.quit(c); err != nil {
							t.Fatal(err)
						}
						testkit.Until(t, "the condition holds", func() bool { return n.under() == 0 && h.places.open() == 0 })
					}
				}
				testkit.Until(t, "the condition holds", func() bool { // the handlers are about to end
					h.stays.mu.Lock()
					defer h.stays.mu.Unlock()
					h.departures.mu.Lock()
					defer h.departures.mu.Unlock()
					return h.stays.all == 0 && h.stays.reads == 0 && len(h.departures.watched) == 0
				})
			})
		}
	}
}

// serveEach serves what a leaver dials.
func serveEach(t testing.TB, lim limits, name string, change func(*Options)) *harness {
	t.Helper()
	return serve(t, lim, func(o *Options) {
		switch {
		case strings.HasPrefix(name, "tcp"):
			o.Servers[0].Network, o.Servers[0].Host = "tcp", "127.0.0.1"
		case strings.HasPrefix(name, "tls"):
			o.Servers[0].Network, o.Servers[0].Host = "tcp", "127.0.0.1"
			o.Servers[0].CertFile, o.Servers[0].KeyFile, _ = certificate(t, "localhost")
		}
		change(o)
	})
}

func dialTLS(t testing.TB, h *harness) net.Conn {
	t.Helper()
	return tls.Client(dialTCP(t, h), &tls.Config{InsecureSkipVerify: true})
}

// Logs and events that nobody follows any more end, though nothing is to be said.
func TestStreamsEndWithTheirClients(t *testing.T) {
	for _, l := range leavers {
		for _, behind := range []string{"", "P"} {
			t.Run(fmt.Sprintf("%s, %d bytes behind", l.name, len(behind)), func(t *testing.T) {
				lim := patient(100)
				lim.halfClosed = time.Millisecond
				h := serveEach(t, lim, l.name, func(*Options) {})
				h.sup.mainLog = "/dev/null"
				c := l.dial(t, h)
				if _, err := io.WriteString(c, "GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n"+behind); err != nil {
					t.Fatal(err)
				}
				testkit.Until(t, "the condition holds", func() bool { return h.places.count(staying) == 1 })
				if err := l.quit(c); err != nil {
					t.Fatal(err)
				}
				testkit.Until(t, "the condition holds", func() bool { return h.places.open() == 0 && h.follows.number() == 0 })
			})
		}
	}
}

// What changes something is carried through, and its client's place is free at once.
func TestWhatChangesSomethingIsCarriedThrough(t *testing.T) {
	n := newHanging()
	h := serve(t, patient(100), func(o *Options) { o.Namespaces = n.namespaces() })
	call := func(method string) xmlrpc.Struct {
		return xmlrpc.Struct{{Name: "methodName", Value: method}}
	}
	for i, request := range []string{
		callXML(t, "test.change"),
		callXML(t, "system.multicall", []any{call("test.change"), call("supervisor.getState"), call("test.hangAndChange"), call("test.change")}),
	} {
		c := dial(t, h)
		if _, err := io.WriteString(c, post(request)); err != nil {
			t.Fatal(err)
		}
		testkit.Until(t, "the condition holds", func() bool { return n.under() == i+1 })
		_ = c.Close()
		testkit.Until(t, "the condition holds", func() bool { return h.places.open() == 0 })
		if n.under() != i+1 {
			t.Error("it ended with its client")
		}
	}
	close(n.letGo)
	testkit.Until(t, "the condition holds", func() bool { return n.carried.Load() == 4 && n.under() == 0 })
}

// In a multicall a wait ends with the client, and what should follow it does not happen.
func TestAWaitInAMulticallEndsWithItsClient(t *testing.T) {
	n := newHanging()
	h := serve(t, patient(100), func(o *Options) { o.Namespaces = n.namespaces() })
	calls := []any{xmlrpc.Struct{{Name: "methodName", Value: "test.hang"}}, xmlrpc.Struct{{Name: "methodName", Value: "supervisor.restart"}}}
	c := dial(t, h)
	if _, err := io.WriteString(c, post(callXML(t, "system.multicall", calls))); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "the condition holds", func() bool { return n.under() == 1 })
	_ = c.Close()
	testkit.Until(t, "the condition holds", func() bool { return n.under() == 0 && h.places.open() == 0 })
	if got := h.sup.noted(); got != "" {
		t.Errorf("%s happened", got)
	}
}

// However many calls wait: others are answered, the owner may wait where readers may not, and too many are told so.
func TestWaitsLeavePlacesForOthers(t *testing.T) {
	n := newHanging()
	lim := patient(20)
	lim.stays, lim.readerStays, lim.follows = 10, 5, 3
	h := guarded(t, lim, func(o *Options) { o.Namespaces = n.namespaces() })
	h.sup.mainLog = "/dev/null"
	reader, owner := basic("reader", "r"), basic("owner", "o")
	hang := func(who string, expect int) {
		t.Helper()
		for range 30 {
			_, _ = io.WriteString(dialTCP(t, h), post(callXML(t, "test.hang"), who))
		}
		testkit.Until(t, "the condition holds", func() bool { return n.under() == expect && h.places.count(staying) == expect })
	}
	answered := func(request string, status int, part string) {
		t.Helper()
		if resp, body := exchange(t, dialTCP(t, h), request); resp.StatusCode != status || !strings.Contains(body, part) {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	}
	const tooMany = "FAILED: too many calls wait already; try again later"
	hang(reader, 5)
	answered(post(callXML(t, "test.hang"), reader), 200, tooMany)
	answered("GET /mainlogtail HTTP/1.1\r\nHost: x\r\n"+reader+"\r\n\r\n", 503, "Service Unavailable")
	answered(post(callXML(t, "supervisor.getState"), reader), 200, "RUNNING")
	hang(owner, 10)
	answered(post(callXML(t, "test.hang"), owner), 200, tooMany)
	answered(post(callXML(t, "supervisor.getState"), owner), 200, "RUNNING")
	answered(post(callXML(t, "supervisor.getState"), reader), 200, "RUNNING")
	close(n.letGo)
	testkit.Until(t, "the condition holds", func() bool { return n.under() == 0 && h.places.count(staying) == 0 })
	follow := func(who string) string { return "GET /mainlogtail HTTP/1.1\r\nHost: x\r\n" + who + "\r\n\r\n" }
	for i, who := range []string{reader, reader, owner} { // one of three is the owner's
		_, _ = io.WriteString(dialTCP(t, h), follow(who))
		testkit.Until(t, "the condition holds", func() bool { return h.follows.number() == i+1 })
		if who == reader && i == 1 {
			answered(follow(reader), 503, "Service Unavailable")
		}
	}
	answered(follow(owner), 503, "Service Unavailable")
}

func (s *stays) number() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

func TestPagesKnowThatTheirBrowserHasGone(t *testing.T) {
	gone := make(chan struct{})
	h := serve(t, patient(100), func(o *Options) {
		o.Fallback = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			close(gone)
		})
	})
	c := dial(t, h)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\nx")
	testkit.Until(t, "the condition holds", func() bool { return h.places.count(working) == 1 })
	_ = c.Close()
	select {
	case <-gone:
	case <-time.After(testkit.Patience):
		t.Error("it was not told")
	}
}

// Where programs have most of the descriptors, calls that wait take half of the places that are left, not half of all that there could be.
func TestWaitsFollowThePlacesThatAreLeft(t *testing.T) {
	n := newHanging()
	lim := patient(200)
	lim.stays, lim.readerStays, lim.descriptors = 100, 50, 1
	h := guarded(t, lim, func(o *Options) { o.Namespaces = n.namespaces() })
	hang := func(who string, expect int) {
		t.Helper()
		request := post(callXML(t, "test.hang"), basic(who, who[:1]))
		for range expect - n.under() {
			_, _ = io.WriteString(dialTCP(t, h), request)
		}
		testkit.Until(t, "as many wait as may", func() bool { return n.under() == expect })
		if _, body := exchange(t, dialTCP(t, h), request); !strings.Contains(body, "too many calls wait already") {
			t.Fatalf("one more waits: %s", body)
		}
	}
	hang("reader", minConnections/4)
	hang("owner", minConnections/2)
	for range minConnections {
		if resp, body := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
			t.Fatalf("got %d %s", resp.StatusCode, body)
		}
	}
	close(n.letGo)
}

// Other users of a unix socket without a password leave waits to the owner, as those do who may only read.
func TestOthersWaitsAreBoundedAsReaders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		local bool
		shown trust
		unix  bool
		want  Access
	}{
		{"another user", false, unknown, true, ReadOnly},
		{"the owner", true, unknown, true, Control},
		{"another user with the owner's password", false, controls, true, Control},
		{"somebody over TCP", false, unknown, false, Control},
	} {
		c := &conn{Conn: &net.TCPConn{}, local: tt.local}
		if tt.unix {
			c.Conn = &net.UnixConn{}
		}
		c.trust.Store(int32(tt.shown))
		if got := c.standing(Control); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// Fewer places are believed at once, more little by little, and the waits that began when there were more leave the owner his.
func TestWaitsOfABetterTimeLeaveTheOwnerHis(t *testing.T) {
	lim := limits{connections: 100, descriptors: 100, fewest: minConnections}
	p := newPlaces(lim)
	s := stays{most: 50, readers: 25, share: func() (room, of int) { return int(p.room.Load()), lim.connections }}
	begin := func(access Access, want int) {
		t.Helper()
		for n := range 100 {
			if !s.begin(access) {
				if n != want {
					t.Errorf("%v: %d more", access, n)
				}
				return
			}
		}
	}
	begin(ReadOnly, 25)
	p.measure(100)
	begin(ReadOnly, 0)
	begin(Control, minConnections/2-minConnections/4)
	p.measure(5)
	if got := p.room.Load(); got != minConnections+1 {
		t.Errorf("%d places", got)
	}
}
