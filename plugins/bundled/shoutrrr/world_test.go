package shoutrrr

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is every service there is: a proxy that connects each name to one server, which has a certificate for any.
type world struct {
	t         *testing.T
	authority *remotetest.Authority
	proxy     string

	mu     sync.Mutex
	names  map[string]*tls.Certificate
	all    []seen
	answer func(seen) reply
}

// seen is a request that has arrived.
type seen struct {
	method, host, path, query, body string
	header                          http.Header
}

// reply is an answer; the zero one is 200 and the body {}.
type reply struct {
	status int
	header map[string]string
	body   string
	hang   <-chan struct{} // until then nothing is answered
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, authority: remotetest.NewAuthority(t), names: map[string]*tls.Certificate{}}
	quiet := hclog.NewNullLogger().StandardLogger(nil)
	inner := &tunnels{conns: make(chan net.Conn), closed: make(chan struct{})}
	servers := &http.Server{Handler: http.HandlerFunc(w.serve), ErrorLog: quiet} //nolint:gosec // a test's
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: w.certificate}
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { //nolint:gosec // a test's
		if r.Method != http.MethodConnect {
			w.serve(rw, r)
			return
		}
		conn, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		inner.pass(tls.Server(readAhead{conn, buffered.Reader}, config))
	})}
	var done sync.WaitGroup
	done.Go(func() { _ = servers.Serve(inner) })
	done.Go(func() { _ = proxy.Serve(outer) })
	t.Cleanup(func() {
		_ = proxy.Close()
		_ = servers.Close()
		done.Wait()
	})
	w.proxy = "http://" + outer.Addr().String()
	return w
}

func (w *world) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names[hello.ServerName] == nil {
		pair, _, _ := w.authority.Issue(hello.ServerName)
		w.names[hello.ServerName] = &pair
	}
	return w.names[hello.ServerName], nil
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s := seen{r.Method, r.Host, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header}
	w.mu.Lock()
	w.all = append(w.all, s)
	answer := w.answer
	w.mu.Unlock()
	a := reply{}
	if answer != nil {
		a = answer(s)
	}
	if a.hang != nil {
		<-a.hang
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.header {
		rw.Header().Set(k, v)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.body == "" {
		a.body = "{}"
	}
	rw.WriteHeader(a.status)
	_, _ = io.WriteString(rw, a.body)
}

// got are the requests since the last call.
func (w *world) got() []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

func (w *world) answers(f func(seen) reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
}

// says is an answer that is always the same.
func says(status int, body string) func(seen) reply {
	return func(seen) reply { return reply{status: status, body: body} }
}

// notifier makes one that goes through the world.
func (w *world) notifier(s *stage, url string, change func(*config)) *notifier {
	w.t.Helper()
	c := defaults()
	c.URL, c.Proxy, c.CA = url, w.proxy, w.authority.File
	if change != nil {
		change(&c)
	}
	return made(w.t, s, c)
}

func made(t *testing.T, s *stage, c config) *notifier {
	t.Helper()
	err := c.Validate()
	var n *notifier
	if err == nil {
		n, err = newNotifier(c, s)
	}
	if err != nil {
		t.Fatalf("%s: %v", c.URL, err)
	}
	t.Cleanup(func() { _ = n.Close(t.Context()) })
	return n
}

func about(id, title, body string) *sdk.Notification {
	n := sample()
	n.ID, n.Title, n.Body = id, title, body
	return n
}

// tunnels are the connections that the proxy has made, as a listener.
type tunnels struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *tunnels) pass(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.closed:
		_ = c.Close()
	}
}

func (l *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *tunnels) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *tunnels) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// readAhead is a connection of which some bytes have been read already.
type readAhead struct {
	net.Conn
	r *bufio.Reader
}

func (c readAhead) Read(p []byte) (int, error) { return c.r.Read(p) }

// holds checks that a text has all of some parts.
func holds(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s: %q is not in %s", what, p, text)
		}
	}
}
