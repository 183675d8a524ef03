package sdktest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// Status is an answer of an HTTP service, and how a notifier must interpret it.
type Status struct {
	Code   int
	Header map[string]string
	Body   string
	Want   Outcome
	After  time.Duration // the least that the notifier must ask to wait, of Retry
}

// Outcome is the result of a delivery.
type Outcome int

// The outcomes.
const (
	Delivered Outcome = iota
	Retry
	Final
)

func (o Outcome) String() string { return [...]string{"delivered", "retry", "final"}[o] }

// Statuses lists how services' answers are to be interpreted: 2xx is delivered, 4xx is final except 408 (timeout) and 429
// (too many), 5xx is worth a retry; Retry-After is respected.
func Statuses() []Status {
	var all []Status
	for _, code := range []int{200, 201, 202, 204} {
		all = append(all, Status{Code: code, Want: Delivered})
	}
	for _, code := range []int{400, 401, 403, 404, 405, 410, 413, 422} {
		all = append(all, Status{Code: code, Body: "no", Want: Final})
	}
	for _, code := range []int{408, 429, 500, 502, 503, 504} {
		all = append(all, Status{Code: code, Body: "not now", Want: Retry})
	}
	return append(all,
		Status{Code: 429, Header: map[string]string{"Retry-After": "17"}, Want: Retry, After: 17 * time.Second},
		Status{Code: 503, Header: map[string]string{"Retry-After": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, Want: Retry, After: 30 * time.Minute},
	)
}

// TestStatuses tests how a notifier interprets the answers of an HTTP service: each of statuses (nil: Statuses()), a
// service that cannot be reached, and one that closes the connection. values returns a section for a service at a URL.
func TestStatuses(t *testing.T, p sdk.Plugin, values func(url string) map[string]string, statuses []Status) {
	t.Helper()
	if statuses == nil {
		statuses = Statuses()
	}
	s := serveHere(t, p)
	s.kind, s.options.Values = wire.Notifier, values("http://127.0.0.1:1/s3cr3t")
	s.describe(t)
	if t.Failed() {
		return
	}
	for _, c := range statuses {
		name := http.StatusText(c.Code)
		if c.After > 0 {
			name += " with Retry-After"
		}
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				for k, v := range c.Header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.Code)
				_, _ = io.WriteString(w, c.Body)
			}))
			defer server.Close()
			s.outcome(t, values(server.URL+"/s3cr3t"), c.Want, c.After)
		})
	}
	t.Run("a redirection to nowhere is no delivery", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}))
		defer server.Close()
		if s.try(t, values(server.URL+"/s3cr3t")) == nil {
			t.Error("it is delivered")
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		s.outcome(t, s.options.Values, Retry, 0)
	})
	t.Run("the service hangs up", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		defer server.Close()
		s.outcome(t, values(server.URL+"/s3cr3t"), Retry, 0)
	})
	AssertLeaksNoSecret(t, s.heard(), "s3cr3t")
}

func (s *session) outcome(t *testing.T, values map[string]string, want Outcome, after time.Duration) {
	t.Helper()
	err := s.try(t, values)
	got := Retry
	switch {
	case err == nil:
		got = Delivered
	case sdk.IsFinal(err):
		got = Final
	}
	if got != want {
		t.Errorf("the outcome is %v (%v), want %v", got, err, want)
	}
	if d := sdk.RetryDelay(err); d < after {
		t.Errorf("it asks to wait %v, want at least %v", d, after)
	}
}

// try makes an instance, notifies it once and removes it.
func (s *session) try(t *testing.T, values map[string]string) error {
	t.Helper()
	if _, err := s.configure(t, "status", values); err != nil {
		t.Fatal(err)
	}
	err := s.Notifier("status").Notify(testkit.Soon(t), Sample(1))
	s.note(err)
	if err := s.Remove(testkit.Soon(t), s.kind, "status"); err != nil {
		t.Error(err)
	}
	return err
}

// Hanging returns the address (host:port) of a service that accepts connections and never answers, until the test ends.
func Hanging(t testing.TB) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var held []net.Conn
		for {
			c, err := lis.Accept()
			if err != nil {
				break
			}
			held = append(held, c)
		}
		for _, c := range held {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = lis.Close()
		<-done
	})
	return lis.Addr().String()
}

// serveHost serves the host's side for a plugin with that process, until the test ends, and returns its socket.
func serveHost(t *testing.T, pid int, call pluginrpc.HostFunc) string {
	t.Helper()
	socket := testkit.Dir(t) + "/host"
	lis, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := pluginrpc.NewHostServer(wire.IsPID(func() int { return pid }), call)
	done := make(chan error, 1)
	go func() { done <- server.Serve(lis) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return socket
}
