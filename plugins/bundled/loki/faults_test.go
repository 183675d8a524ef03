package loki

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// retried writes a batch, which must fail so that it may be tried again, and tell nothing that is secret.
func retried(t *testing.T, what, address string, change func(*config)) {
	t.Helper()
	f := made(t, address+"/"+secret, func(c *config) {
		c.BearerToken = secret
		if change != nil {
			change(c)
		}
	})
	err := f.Write(context.Background(), batch(1, 0, "one\n"))
	if err == nil || sdk.IsFinal(err) || f.Health() == nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	sdktest.AssertLeaksNoSecret(t, err.Error(), secret)
	t.Logf("%s: %v", what, err)
}

func TestWhatIsNoLoki(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "\n<html>log in</html>") }))
	defer page.Close()
	garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(c, "\x00\x01 what is this?\r\n\r\n")
			_ = c.Close()
		}
	}))
	defer garbage.Close()
	for what, address := range map[string]string{
		"nobody listens": "http://" + closed, "no such name": "http://loki.invalid", "a page": page.URL, "garbage": garbage.URL,
		"no TLS there": "https" + strings.TrimPrefix(page.URL, "http"),
	} {
		retried(t, what, address, nil)
	}
}

func TestALokiThatNeverAnswersHindersNobodyElse(t *testing.T) {
	hanging := "http://" + sdktest.Hanging(t)
	retried(t, "it never answers", hanging, func(c *config) { c.Timeout = 50 * time.Millisecond })
	patient := made(t, hanging, func(c *config) { c.Timeout = time.Minute })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- patient.Write(ctx, batch(1, 0, "one\n")) }()
	s := start(t)
	if err := made(t, s.URL, nil).Write(context.Background(), batch(1, 0, "one\n")); err != nil || len(s.taken("web_00 stdout")) != 1 {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err == nil || sdk.IsFinal(err) {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(status)
		}))
		err := made(t, s.URL, nil).Write(context.Background(), batch(1, 0, "one\n"))
		if sdk.IsFinal(err) || sdk.RetryDelay(err) != 17*time.Second {
			t.Errorf("%d: %v after %v", status, err, sdk.RetryDelay(err))
		}
		s.Close()
	}
}

func TestTLS(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	s := &server{lines: map[string][]string{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.TLS = authority.Server("loki.example", true)
	s.StartTLS()
	defer s.Close()
	_, cert, key := authority.Issue("client")
	good := func(c *config) { c.CA, c.ServerName, c.Cert, c.Key = authority.File, "loki.example", cert, key }
	if err := made(t, s.URL, good).Write(context.Background(), batch(1, 0, "one\n")); err != nil || len(s.taken("web_00 stdout")) != 1 {
		t.Error(err)
	}
	retried(t, "an authority we do not know", s.URL, func(c *config) { good(c); c.CA = "" })
	retried(t, "another name", s.URL, func(c *config) { good(c); c.ServerName = "other.example" })
	retried(t, "no certificate of ours", s.URL, func(c *config) { good(c); c.Cert, c.Key = "", "" })
}
