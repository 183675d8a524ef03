package rpc

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// encrypted serves a TLS socket with an owner's password and one for those who only read.
func encrypted(t testing.TB, lim limits) *harness {
	t.Helper()
	return serve(t, lim, func(o *Options) {
		o.Servers[0] = config.Server{Section: "inet_http_server", Network: "tcp", Host: "127.0.0.1",
			Username: "owner", Password: config.NewSecret("o"), ReadOnlyUsername: "reader", ReadOnlyPassword: config.NewSecret("r")}
		o.Servers[0].CertFile, o.Servers[0].KeyFile, _ = certificate(t, "localhost")
	})
}

// clientHello is the first flight of a TLS client.
func clientHello(t testing.TB) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake()
	}()
	b := make([]byte, 16<<10)
	n, err := far.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	<-done
	return b[:n]
}

// tlsAttack is what a client does, and no more.
type tlsAttack struct {
	name string
	do   func(t *testing.T, c net.Conn)
}

func tlsAttacks(t *testing.T) []tlsAttack {
	hello := clientHello(t)
	shaken := func(then func(c *tls.Conn)) func(*testing.T, net.Conn) {
		return func(t *testing.T, raw net.Conn) {
			c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
			if err := c.Handshake(); err == nil { // else it has been sent away already
				then(c)
			}
		}
	}
	send := func(b []byte) func(*testing.T, net.Conn) {
		return func(_ *testing.T, c net.Conn) { _, _ = c.Write(b) }
	}
	return []tlsAttack{
		{"say nothing", send(nil)},
		{"stop within their first record", send(hello[:100])},
		{"stop after their first flight", send(hello)},
		{"announce a record that does not come", send([]byte{22, 3, 1, 0x40, 0})},
		{"shut their side after the first flight", func(_ *testing.T, c net.Conn) {
			_, _ = c.Write(hello)
			_ = c.(*net.TCPConn).CloseWrite()
		}},
		{"say nothing after the handshake", shaken(func(*tls.Conn) {})},
		{"shut their side after the handshake", shaken(func(c *tls.Conn) { _ = c.CloseWrite() })},
		{"stop within the request", shaken(func(c *tls.Conn) { _, _ = io.WriteString(c, "POST /RPC2 HTTP/1.1\r\nHo") })},
		{"stop within a record after the handshake", shaken(func(c *tls.Conn) { _, _ = c.NetConn().Write([]byte{23, 3, 3, 0x40, 0, 1, 2, 3}) })},
		{"have no password and a body that does not come", shaken(func(c *tls.Conn) {
			_, _ = io.WriteString(c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
		})},
		{"speak no TLS", send([]byte("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"))},
		{"send a record that is none after the handshake", shaken(func(c *tls.Conn) {
			_, _ = c.NetConn().Write([]byte{22, 3, 3, 0, 4, 1, 0, 0, 0})
		})},
	}
}

// However many clients stop anywhere in TLS, there is a place for the owner's call.
func TestNobodyKeepsTheOwnerOutOfTLS(t *testing.T) {
	const places = 20
	for _, attack := range tlsAttacks(t) {
		t.Run(attack.name, func(t *testing.T) {
			h := encrypted(t, patient(places))
			for range 2 * places {
				attack.do(t, dialTCP(t, h))
			}
			for range 3 {
				c := dialTLS(t, h)
				if resp, body := exchange(t, c, post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
					t.Fatalf("got %d %s", resp.StatusCode, body)
				}
			}
			if n := h.places.open(); n > places {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// A handshake, however far it comes, is not a word: those who have said no other are the first to go.
func TestWhoHasOnlyShakenHandsGoesFirst(t *testing.T) {
	const places, kept = 10, 3
	h := encrypted(t, patient(places))
	request := post(callXML(t, "supervisor.getState"), basic("owner", "o"))
	var all []net.Conn
	for range kept {
		c := dialTLS(t, h)
		exchange(t, c, request)
		all = append(all, c)
	}
	for range 5 * places {
		c := dialTLS(t, h)
		if err := c.(*tls.Conn).Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Until(t, "the condition holds", func() bool { return h.places.count(fresh) == places-kept })
	for i, c := range all {
		if resp, _ := exchange(t, c, request); resp.StatusCode != 200 {
			t.Errorf("connection %d: %d", i, resp.StatusCode)
		}
	}
}

// Nobody needs the places of those who stop anywhere in TLS, and they go all the same.
func TestHandshakesAndSilenceEnd(t *testing.T) {
	for _, attack := range tlsAttacks(t) {
		t.Run(attack.name, func(t *testing.T) {
			lim := patient(100)
			lim.headerTime, lim.bodyTime, lim.idleTime = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
			h := encrypted(t, lim)
			for range 10 {
				attack.do(t, dialTCP(t, h))
			}
			testkit.Until(t, "the condition holds", func() bool { return h.places.open() == 0 })
		})
	}
	t.Run("a byte now and then", func(t *testing.T) {
		lim := patient(100)
		lim.headerTime = 200 * time.Millisecond
		h := encrypted(t, lim)
		c := dialTCP(t, h)
		for i, b := range clientHello(t) {
			if _, err := c.Write([]byte{b}); err != nil {
				return // it has been sent away
			}
			if i > 0 && h.places.open() == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond) // it is slow
		}
		t.Error("it could say all it had")
	})
}

// endless is a client, by OpenSSL, that shakes hands again and again: by a renegotiation of TLS 1.2, or by new keys of TLS 1.3.
const endless = `
import ctypes, socket, sys
lib = ctypes.CDLL('libssl.so.3')
def call(name, *args, result=ctypes.c_int):
    f = getattr(lib, name)
    f.restype = result
    return f(*args)
p, what = ctypes.c_void_p, sys.argv[2]
context = p(call('SSL_CTX_new', p(call('TLS_client_method', result=p)), result=p))
if what == 'renegotiation':
    call('SSL_CTX_ctrl', context, 124, ctypes.c_long(0x303), None, result=ctypes.c_long) # the highest version
host, port = sys.argv[1].split(':')
s = socket.create_connection((host, int(port)))
s.settimeout(None)
session = p(call('SSL_new', context, result=p))
call('SSL_set_fd', session, s.fileno())
if call('SSL_connect', session) != 1:
    sys.exit('no connection')
done = 0
for i in range(100000):
    if what == 'renegotiation':
        ok = call('SSL_renegotiate', session) == 1 and call('SSL_do_handshake', session) == 1
    else:
        ok = call('SSL_key_update', session, 1) == 1 and call('SSL_do_handshake', session) == 1
    if not ok:
        break
    done += 1
try:
    while s.recv(4096):
        pass
except ConnectionError:
    pass
print('closed' if done < 100000 else 'never ended')
`

// Who shakes hands again and again is sent away, and costs nobody anything.
func TestHandshakesWithoutEnd(t *testing.T) {
	if err := exec.Command(python, "-c", "import ctypes; ctypes.CDLL('libssl.so.3')").Run(); err != nil {
		t.Skipf("there is no OpenSSL 3 for Python: %v", err)
	}
	for _, what := range []string{"renegotiation", "keys"} {
		t.Run(what, func(t *testing.T) {
			h := encrypted(t, patient(100))
			out, err := exec.Command(python, "-c", endless, address(h), what).CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "closed" {
				t.Errorf("%s, %v", out, err)
			}
			c := dialTLS(t, h)
			if _, err := io.WriteString(c, post(callXML(t, "supervisor.getState"), basic("owner", "o"))); err != nil {
				t.Fatal(err)
			}
			if resp, _ := readResponse(t, bufio.NewReader(c)); resp.StatusCode != 200 {
				t.Errorf("got %d", resp.StatusCode)
			}
		})
	}
}
