// Package natstest runs a server of NATS with JetStream for tests, which can be stopped and started again. No program has it.
package natstest

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience is how long what must come is waited for.
const patience = time.Minute

// Server is a server on a port of 127.0.0.1, with a store that lasts until the test ends.
type Server struct {
	t       testing.TB
	options server.Options

	mu     sync.Mutex
	server *server.Server
}

// Start starts a server. change, if it is not nil, changes its options.
func Start(t testing.TB, change func(*server.Options)) *Server {
	t.Helper()
	s := &Server{t: t, options: server.Options{Host: "127.0.0.1", Port: freePort(t), JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}}
	if change != nil {
		change(&s.options)
	}
	s.Begin()
	t.Cleanup(s.Stop)
	return s
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it was only asked
	return l.Addr().(*net.TCPAddr).Port
}

// Begin starts the server, again on the same port and with the same store. Whoever has its port meanwhile is waited for.
func (s *Server) Begin() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		o := s.options
		made, err := server.NewServer(&o)
		if err != nil {
			s.t.Fatal(err)
		}
		made.Start()
		if made.ReadyForConnections(patience / 6) {
			s.server = made
			return
		}
		made.Shutdown()
		made.WaitForShutdown()
	}
	s.t.Fatal("the server of NATS does not start")
}

// Stop ends the server, as SIGTERM would. It may be called twice.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return
	}
	s.server.Shutdown()
	s.server.WaitForShutdown()
	s.server = nil
}

// Address is host:port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.options.Port) }

// URL is the server's address.
func (s *Server) URL() string { return "nats://" + s.Address() }

// Connect connects a client of the test, until the test ends.
func (s *Server) Connect(options ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	s.t.Helper()
	conn, err := nats.Connect(s.URL(), options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn, js
}

// Stream makes a stream.
func (s *Server) Stream(c jetstream.StreamConfig, options ...nats.Option) jetstream.Stream {
	s.t.Helper()
	_, js := s.Connect(options...)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	made, err := js.CreateStream(ctx, c)
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// Messages returns all messages of a stream, in order; none if there is no such stream.
func (s *Server) Messages(name string, options ...nats.Option) []*jetstream.RawStreamMsg {
	s.t.Helper()
	conn, js := s.Connect(options...)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, err := js.Stream(ctx, name)
	if err != nil {
		return nil
	}
	state := found.CachedInfo().State
	var all []*jetstream.RawStreamMsg
	for seq := state.FirstSeq; seq > 0 && seq <= state.LastSeq; seq++ {
		m, err := found.GetMsg(ctx, seq)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// Count is how many messages a stream has; 0 where there is none.
func (s *Server) Count(name string, options ...nats.Option) int {
	s.t.Helper()
	conn, js := s.Connect(options...)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, err := js.Stream(ctx, name)
	if err != nil {
		return 0
	}
	return int(found.CachedInfo().State.Msgs)
}

// Process is what a test binary does in place of its tests when the variable of this name is set: it is a server at that port with the
// store at that directory ("PORT DIRECTORY"), until it is killed.
const Process = "HARK_TEST_NATS"

// Main is that server. It returns false where the variable is not set.
func Main() bool {
	value := os.Getenv(Process)
	if value == "" {
		return false
	}
	var port int
	var dir string
	if _, err := fmt.Sscanf(value, "%d %s", &port, &dir); err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	select {}
}
