package rpc

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// guarded serves a TCP socket with an owner's password and one for those who only read.
func guarded(t testing.TB, lim limits, change func(*Options)) *harness {
	t.Helper()
	return serve(t, lim, func(o *Options) {
		o.Servers[0] = config.Server{Section: "inet_http_server", Network: "tcp", Host: "127.0.0.1",
			Username: "owner", Password: config.NewSecret("o"), ReadOnlyUsername: "reader", ReadOnlyPassword: config.NewSecret("r")}
		if change != nil {
			change(o)
		}
	})
}

func address(h *harness) string { return h.sockets[0].bound.listener.Addr().String() }

func dialTCP(t testing.TB, h *harness) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address(h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	return c
}

// patient are limits by which nobody is sent away within the patience of a test, but to make room.
func patient(connections int) limits {
	lim := defaultLimits()
	lim.connections = connections
	lim.headerTime, lim.bodyTime, lim.writeTime = 10*testkit.Patience, 10*testkit.Patience, 10*testkit.Patience
	return lim
}

// Whatever clients do with their connections, and however many of them, there is a place for the owner's call.
func TestNobodyKeepsTheOwnerOut(t *testing.T) {
	const places = 20
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, bytes.Repeat([]byte("x"), 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	reader := basic("reader", "r")
	for _, tt := range []struct{ name, sends string }{
		{"say nothing", ""},
		{"stop within the first line", "POST /RPC2 HT"},
		{"stop within the header", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"},
		{"have no password and a body that does not come", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"},
		{"have no password and a form that does not come", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"},
		{"may read and have a body that does not come", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n" + reader + "\r\n\r\n<"},
		{"may read and have a form that does not come", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n" + reader + "\r\n\r\n<"},
		{"may read and have a body that nobody asked for", "GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n" + reader + "\r\n\r\n"},
		{"keep their connections", post(callXML(t, "supervisor.getState"), reader)},
		{"do not read the answer", post(callXML(t, "supervisor.readLog", 0, 0), reader)},
		{"do not read many answers", strings.Repeat(post(callXML(t, "supervisor.readLog", -100_000, 0), reader), 500)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := guarded(t, patient(places), func(o *Options) {
				o.Logs = fileLogs()
				o.Fallback = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
				})
			})
			h.sup.mainLog = big
			for range 2 * places {
				c := dialTCP(t, h)
				if len(tt.sends) > 64<<10 {
					_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)) // nobody reads all of it
				}
				_, _ = io.WriteString(c, tt.sends)
			}
			for range 3 {
				if resp, body := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
					t.Fatalf("got %d %s", resp.StatusCode, body)
				}
			}
			if n := h.places.open(); n > places {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// A connection that has been answered is kept where others have said nothing so far.
func TestSilentConnectionsGoFirst(t *testing.T) {
	h := guarded(t, patient(10), nil)
	request := post(callXML(t, "supervisor.getState"), basic("owner", "o"))
	var kept []net.Conn
	for range 3 {
		c := dialTCP(t, h)
		exchange(t, c, request)
		kept = append(kept, c)
	}
	testkit.Until(t, "the condition holds", h.places.allIdle)
	for range 50 {
		dialTCP(t, h)
	}
	testkit.Until(t, "the condition holds", func() bool { return h.places.count(fresh) == 7 })
	for i, c := range kept {
		if resp, _ := exchange(t, c, request); resp.StatusCode != 200 {
			t.Errorf("connection %d: %d", i, resp.StatusCode)
		}
	}
}

// Large headers of many are bounded together, and that of one who asks a little is not touched.
func TestHeadersAreBoundedTogether(t *testing.T) {
	lim := patient(100)
	lim.headers = 256 << 10
	h := guarded(t, lim, nil)
	for range 50 {
		_, _ = io.WriteString(dialTCP(t, h), "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 60<<10))
	}
	_, _ = io.WriteString(dialTCP(t, h), "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 30<<10)) // not yet the largest, and the last
	testkit.Until(t, "the condition holds", func() bool { return h.places.count(fresh) < 10 })
	cookies := "Cookie: " + strings.Repeat("x", 8<<10)
	c := dialTCP(t, h)
	for range 20 {
		if resp, _ := exchange(t, c, post(callXML(t, "supervisor.getState"), basic("owner", "o"), cookies)); resp.StatusCode != 200 {
			t.Fatalf("got %d", resp.StatusCode)
		}
	}
	_ = c.Close()
	testkit.Until(t, "the condition holds", func() bool { return h.places.count(idle) == 0 })
	h.places.mu.Lock()
	defer h.places.mu.Unlock()
	if h.places.headers > lim.headers {
		t.Errorf("%d bytes", h.places.headers)
	}
	for c := range h.places.conns {
		h.places.headers -= counted(c.header.Load())
	}
	if h.places.headers != 0 {
		t.Errorf("%d bytes are counted and nobody's", h.places.headers)
	}
}

// fullListener has no descriptors left now and then.
type fullListener struct {
	*net.TCPListener
	fails atomic.Int32
}

func (f *fullListener) Accept() (net.Conn, error) {
	if f.fails.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return f.TCPListener.Accept()
}

func TestWithoutDescriptorsASilentConnectionGoes(t *testing.T) {
	full := &fullListener{}
	h := guarded(t, patient(35), func(o *Options) {
		l, err := listenInet(config.Server{Network: "tcp", Host: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		full.TCPListener = l
		if o.Sockets, err = NewSockets(nil).Adopt(o.Servers[0], full); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.Sockets.Close)
	})
	for range 30 {
		dialTCP(t, h)
	}
	testkit.Until(t, "the condition holds", func() bool { return h.places.count(fresh) == 30 })
	full.fails.Store(10)
	for range 2 { // the first is accepted by the call that waits already
		if resp, _ := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
			t.Errorf("got %d", resp.StatusCode)
		}
	}
	if n := h.places.count(fresh); n > 20 {
		t.Errorf("%d silent connections are left", n)
	}
}

// Connections leave the last descriptors to others, but for a few.
func TestConnectionsLeaveDescriptors(t *testing.T) {
	lim := patient(200)
	probe, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	lim.descriptors = int(probe.Fd()) + 2 // fewer than are in use in a moment
	h := guarded(t, lim, nil)
	for range 60 {
		dialTCP(t, h) // our own ends take descriptors too
		testkit.Until(t, "the condition holds", func() bool { return h.places.open() > 0 })
	}
	if resp, _ := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	if n := h.places.open(); n != minConnections {
		t.Errorf("%d connections", n)
	}
}

func TestWhatTheServersTakeOfTheDescriptors(t *testing.T) {
	for _, tt := range []struct{ open, connections, left int }{
		{64, 16, 32}, {256, 64, 32}, {1024, 256, 128}, {4096, 1024, 512}, {1 << 20, 1024, 512},
	} {
		lim := limits{}
		lim.share(tt.open)
		if lim.connections != tt.connections || lim.descriptors != tt.open-tt.left {
			t.Errorf("of %d: %d connections below %d", tt.open, lim.connections, lim.descriptors)
		}
	}
}

// A client that reads slowly is answered all the same, as long as nobody needs its place.
func TestSlowReadersAreAnswered(t *testing.T) {
	h := guarded(t, defaultLimits(), nil)
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, bytes.Repeat([]byte("x"), 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	h.sup.mainLog = big
	c := dialTCP(t, h)
	if _, err := io.WriteString(c, post(callXML(t, "supervisor.readLog", 0, 0), basic("owner", "o"))); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "the condition holds", func() bool { // it is written, and waits for us
		h.places.mu.Lock()
		defer h.places.mu.Unlock()
		return slices.ContainsFunc(keys(h.places.conns), func(c *conn) bool { return c.writing.Load() != 0 })
	})
	if resp, body := readResponse(t, bufio.NewReader(c)); resp.StatusCode != 200 || len(body) < 8<<20 {
		t.Errorf("got %d, %d bytes", resp.StatusCode, len(body))
	}
}

func keys(m map[*conn]struct{}) (all []*conn) {
	for c := range m {
		all = append(all, c)
	}
	return all
}

// While a right password is looked at its connection is none of those that go first, though every place is taken.
func TestARightPasswordIsNotRefusedForAMoment(t *testing.T) {
	h := guarded(t, patient(1), nil)
	h.guesses.mu.Lock() // the password of a new connection cannot be looked at
	locked := true
	unlock := func() {
		if locked {
			locked = false
			h.guesses.mu.Unlock()
		}
	}
	defer unlock()
	c := dialTCP(t, h)
	_, _ = io.WriteString(c, post(callXML(t, "supervisor.getState"), basic("owner", "o")))
	testkit.Until(t, "the condition holds", func() bool { return h.places.open() == 1 && h.places.count(fresh) == 0 })
	// Some way into the handler, which is as far as it comes.
	testkit.Until(t, "the condition holds", func() bool { return handling("(*guesses).mayTry") })
	other := dialTCP(t, h)
	if h.places.count(working) != 1 {
		t.Error("it does not count as a connection that is answered")
	}
	if h.places.evict(false); h.places.open() != 1 {
		t.Error("it is closed to make room")
	}
	unlock()
	if resp, body := readResponse(t, bufio.NewReader(c)); resp.StatusCode != 200 {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if resp, body := exchange(t, other, post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
		t.Errorf("the next one: %d %s", resp.StatusCode, body)
	}
}

// handling reports whether a goroutine is in a function.
func handling(function string) bool {
	stacks := make([]byte, 1<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), function)
}

// However busy the daemon is: a connection whose request has come, and that nobody has read yet, has not said nothing.
func TestARequestThatIsNotReadYetIsAWord(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere this is not known")
	}
	h := guarded(t, patient(2), nil)
	var later atomic.Int64
	p := newPlacesBy(patient(2), func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accept := func(says string) *conn {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		_, _ = io.WriteString(client, says)
		raw, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c := &conn{Conn: raw, places: p, gone: make(chan struct{})}
		c.claim = portion{memory: h.memory, client: c}
		c.enter(fresh)
		t.Cleanup(func() { _ = c.Close() })
		if says != "" {
			testkit.Until(t, "the condition holds", func() bool { return unread(raw) })
		}
		return c
	}
	first := accept("POST /RPC2 HTTP/1.1\r\n")
	p.conns[first] = struct{}{}
	var others []*conn
	for range 2 * maxHeard { // so many that not all of them were asked for, if there were more connections
		c := accept("POST /RPC2 HTTP/1.1\r\n")
		p.conns[c] = struct{}{}
		others = append(others, c)
	}
	second := accept("")
	p.conns[second] = struct{}{}
	for c := range p.conns {
		c.plain = true
	}
	if p.worst(notAtAll, false) != nil {
		t.Error("one that has just come goes")
	}
	later.Store(int64(helloTime))
	if got := p.worst(notAtAll, false); got != second {
		t.Error("one that has sent its request goes before the one that has said nothing")
	}
	for _, c := range append(others, second) {
		delete(p.conns, c)
	}
	if p.worst(notAtAll, false) != nil {
		t.Error("the one that has sent its request goes")
	}
	if _, err := first.Read(make([]byte, 100)); err != nil { // it is read, and is not all of it
		t.Fatal(err)
	}
	if p.worst(notAtAll, false) != nil {
		t.Error("the one whose request was read just now goes, before anybody could see whether it is all of it")
	}
	go func() { _, _ = first.Read(make([]byte, 100)) }()
	testkit.Until(t, "more of it is asked for", func() bool { return !first.unheard.Load() })
	if p.worst(notAtAll, false) != first {
		t.Error("the one whose request does not come stays")
	}
}

// On a socket without a password, root's and the daemon's own user's connections are none that go for others.
func TestTheLocalOwnersConnectionStays(t *testing.T) {
	h := serve(t, patient(3), nil)
	for range 3 {
		dial(t, h)
	}
	testkit.Until(t, "the condition holds", func() bool { return h.places.open() == 3 })
	if h.places.evict(false); h.places.open() != 3 && runtime.GOOS == "linux" {
		t.Error("one that has just come goes for another")
	}
	dial(t, h) // one that has said nothing for long goes in the end
	testkit.Until(t, "the condition holds", func() bool {
		h.places.evict(false)
		return h.places.open() < 3
	})
}

// The owner's programs on this machine keep the connections that they have, and get new ones at once, however many clients elsewhere hold on to theirs with
// requests that do not come.
func TestTheOwnersProgramsOnThisMachineStay(t *testing.T) {
	const places = 40
	h := serve(t, patient(places), func(o *Options) {
		o.Servers = append(o.Servers, config.Server{Section: "inet_http_server", Network: "tcp", Host: "127.0.0.1",
			Username: "owner", Password: config.NewSecret("o"), ReadOnlyUsername: "reader", ReadOnlyPassword: config.NewSecret("r")})
	})
	ask := func(c net.Conn) error {
		if _, err := io.WriteString(c, post(callXML(t, "supervisor.getState"), "X-Test: 1")); err != nil {
			return err
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
		return err
	}
	owner := dial(t, h)
	if err := ask(owner); err != nil {
		t.Fatal(err)
	}
	other := h.sockets[1].bound.listener.Addr().String()
	for range 3 * places {
		c, err := net.Dial("tcp", other)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"+basic("reader", "r")+"\r\n\r\n<")
	}
	testkit.Until(t, "the condition holds", func() bool { return h.places.open() >= places })
	for range 5 {
		if err := ask(owner); err != nil {
			t.Fatalf("the owner's connection went for another: %v", err)
		}
		c := dial(t, h)
		if err := ask(c); err != nil {
			t.Fatalf("a new connection of the owner: %v", err)
		}
		_ = c.Close()
	}
}

// Whoever can make room is notified once when there are many connections, and once when there are few again.
func TestACrowdIsTold(t *testing.T) {
	told := make(chan bool, 100)
	h := guarded(t, patient(40), func(o *Options) { o.Crowded = func(many bool) { told <- many } })
	var all []net.Conn
	for range 20 {
		all = append(all, dialTCP(t, h))
	}
	if !<-told {
		t.Error("few were told first")
	}
	for _, c := range all {
		_ = c.Close()
	}
	if <-told {
		t.Error("many were told again")
	}
	for range 20 {
		dialTCP(t, h)
	}
	if !<-told {
		t.Error("few were told again")
	}
	_ = h.Close()
	if <-told || len(told) != 0 {
		t.Error("it was not told that there are none")
	}
}
