package rpc

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func bindAll(t *testing.T, s *Sockets, servers ...config.Server) *Set {
	t.Helper()
	set, errs := s.Bind(servers)
	for _, err := range errs {
		t.Errorf("[%s] %s: %v", err.Section, err.Key, err)
	}
	if errs != nil {
		t.FailNow()
	}
	t.Cleanup(set.Close)
	return set
}

// serveOn answers on the sockets of a configuration, and gives what ends that.
func serveOn(t *testing.T, set *Set) (end func()) {
	t.Helper()
	o := testOptions()
	o.Sockets = set
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	}
}

func TestASocketOutlivesItsServerAndCallersWait(t *testing.T) {
	c, inet := unixServer(t), config.Server{Section: "inet_http_server", Network: "tcp", Host: "127.0.0.1"}
	sockets := NewSockets(nil)
	first := bindAll(t, sockets, c, inet)
	addresses := []net.Addr{&net.UnixAddr{Name: c.Path, Net: "unix"}, first.entries[1].socket.listener.Addr()}
	for range 3 {
		end := serveOn(t, first)
		second := bindAll(t, sockets, c, inet)
		end()
		first.Close()
		first = second
		var waiting []net.Conn
		for _, address := range addresses {
			conn, err := net.Dial(address.Network(), address.String()) // while nobody answers
			if err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, conn)
		}
		end = serveOn(t, second)
		for _, conn := range waiting {
			if resp, body := exchange(t, conn, post(callXML(t, "supervisor.getState"))); resp.StatusCode != 200 {
				t.Errorf("who waited was answered %d: %s", resp.StatusCode, body)
			}
			_ = conn.Close()
		}
		end()
	}
	first.Close()
	for _, address := range addresses {
		if conn, err := net.Dial(address.Network(), address.String()); err == nil {
			_ = conn.Close()
			t.Errorf("%v is still open", address)
		}
	}
	if _, err := os.Lstat(c.Path); err == nil {
		t.Error("the socket's file is still there")
	}
}

func TestASocketThatIsGoneIsBoundAgain(t *testing.T) {
	c := unixServer(t)
	sockets := NewSockets(nil)
	first := bindAll(t, sockets, c)
	if err := os.Remove(c.Path); err != nil {
		t.Fatal(err)
	}
	second := bindAll(t, sockets, c)
	first.Close()
	defer serveOn(t, second)()
	if served, err := served(c.Path); !served || err != nil {
		t.Errorf("nobody serves: %v", err)
	}
}

func TestASocketChangesItsModeOnlyWhenItIsItsTurn(t *testing.T) {
	c := unixServer(t)
	sockets := NewSockets(nil)
	first := bindAll(t, sockets, c)
	changed := c
	changed.Mode = 0o770
	second := bindAll(t, sockets, changed)
	mode := func() os.FileMode {
		info, err := os.Lstat(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if got := mode(); got != os.FileMode(c.Mode) {
		t.Errorf("before: %v", got)
	}
	end := serveOn(t, second)
	first.Close()
	if got := mode(); got != 0o770 {
		t.Errorf("afterwards: %v", got)
	}
	if served, err := served(c.Path); !served || err != nil {
		t.Errorf("nobody serves: %v", err)
	}
	end()
	second.Close()
	if left, _ := os.ReadDir(filepath.Dir(c.Path)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAPortOfOurOwnIsNoReasonAgainstAnotherAddress(t *testing.T) {
	sockets := NewSockets(nil)
	first := bindAll(t, sockets, config.Server{Network: "tcp", Host: "127.0.0.1"})
	port := first.entries[0].socket.listener.Addr().(*net.TCPAddr).Port
	first.entries[0].config.Port, first.entries[0].socket.config.Port = port, port
	everywhere := bindAll(t, sockets, config.Server{Network: "tcp", Port: port})
	end := serveOn(t, everywhere)
	back := bindAll(t, sockets, config.Server{Network: "tcp", Host: "127.0.0.1", Port: port})
	end()
	first.Close()
	if err := back.Complete(); err != nil {
		t.Error(err)
	}
	everywhere.Close()
	taken, err := net.Dial("tcp", back.entries[0].socket.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = taken.Close()
}

func TestAllThatCannotBeOpenedIsToldAtOnce(t *testing.T) {
	dir := t.TempDir()
	good := unixServer(t)
	certFile, keyFile, _ := certificate(t, "half")
	pem, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(certFile, pem[:len(pem)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	set, errs := NewSockets(nil).Bind([]config.Server{
		good,
		{Section: "a", Network: "tcp", Host: "192.0.2.1", Port: 9001},
		{Section: "b", Network: "unix", Path: dir, Mode: 0o700},
		{Section: "c", Network: "unix", Path: filepath.Join(dir, strings.Repeat("x", 110)), Mode: 0o700},
		{Section: "d", Network: "unix", Path: filepath.Join(dir, "none", "s"), Mode: 0o700},
		{Section: "e", Network: "tcp", Host: "127.0.0.1", CertFile: certFile, KeyFile: keyFile},
	})
	if set != nil {
		t.Error("there are sockets all the same")
	}
	want := []string{"a port", "b file", "c file", "d file", "e certfile"}
	var got []string
	for _, err := range errs {
		got = append(got, err.Section+" "+err.Key)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("got %q, want %q", got, want)
	}
	if text := errs[2].Error(); text != "Cannot open an HTTP server: socket.error reported AF_UNIX path too long" {
		t.Error(text)
	}
	if left, _ := os.ReadDir(filepath.Dir(good.Path)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCallersAreHeldUntilTheNextServerOrTheirTimeIsOver(t *testing.T) {
	c := unixServer(t)
	sockets := NewSockets(nil)
	set := bindAll(t, sockets, c)
	server := func() *Server {
		o := testOptions()
		o.Sockets = set
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Serve()
		return s
	}
	shutdown := func(s *Server) {
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		_ = s.Shutdown(ctx)
	}
	connect := func() net.Conn {
		conn, err := net.Dial("unix", c.Path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(testkit.Patience))
		return conn
	}
	ask := func(conn net.Conn) {
		t.Helper()
		if resp, body := exchange(t, conn, post(callXML(t, "supervisor.getState"))); resp.StatusCode != 200 {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	}
	first := server()
	before := connect()
	ask(before)
	first.HoldCallers(time.Hour)
	first.HoldCallers(0) // it is on hold already
	held := connect()
	ask(before) // who is there already is answered
	if n := first.places.open(); n != 1 {
		t.Errorf("%d connections were accepted", n)
	}
	shutdown(first)
	second := server()
	ask(held)
	second.HoldCallers(time.Millisecond)
	ask(connect()) // nobody else came
	shutdown(second)
	second.Serve() // too late
	last := connect()
	third := server()
	ask(last)
	shutdown(third)
}
