package remote

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2024, 1, 5, 13, 5, 6, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "17": 17 * time.Second, " 1.5 ": 1500 * time.Millisecond, "0": 0, "-3": 0, "NaN": 0, "soon": 0, "1e300": time.Hour, "86400": time.Hour,
		"Fri, 05 Jan 2024 13:05:36 GMT": 30 * time.Second, "Fri, 05 Jan 2024 13:05:00 GMT": 0, "Fri, 05 Jan 2025 13:05:00 GMT": time.Hour,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for body, want := range map[string]string{
		"": "", " \n": "", "<html>x": "", "no_service\n": ": no_service", "a\x1b[2J\nb": ": a [2J b", "\xffx": ": x",
		strings.Repeat("ž", 200): ": " + strings.Repeat("ž", 100) + " …",
	} {
		if got := Words([]byte(body)); got != want {
			t.Errorf("%q: %q", body, got)
		}
	}
}

func TestCredentialsThatComeBack(t *testing.T) {
	r, _ := http.NewRequest(http.MethodPost, "https://hooks.example/", nil)
	r.SetBasicAuth("user", "password")
	said := r.Header.Get("Authorization")
	err := Verdict(&http.Response{StatusCode: 401, Request: r}, []byte("what is "+said+"?"))
	if err.Error() != "hooks.example answered 401 Unauthorized: what is Basic [secret]?" || !sdk.IsFinal(err) {
		t.Error(err)
	}
	r.Header.Set("Authorization", "x")
	if err := Verdict(&http.Response{StatusCode: 401, Request: r}, []byte("an x")); !strings.HasSuffix(err.Error(), ": an x") {
		t.Error(err)
	}
}

func TestWhatACommandSays(t *testing.T) {
	s := &Said{}
	for range 1000 {
		if n, err := s.Write([]byte("\nit broke")); n != 9 || err != nil {
			t.Fatal(n, err)
		}
	}
	if s.b.Len() != maxSaid || !strings.HasPrefix(s.Words(), ": it broke it broke") || !strings.HasSuffix(s.Words(), " …") {
		t.Errorf("%d bytes: %s", s.b.Len(), s.Words())
	}
}

func TestSections(t *testing.T) {
	for key, h := range map[string]HTTP{
		"timeout": {}, "proxy": {Timeout: time.Second, Proxy: "x"}, "tls_ca": {Timeout: time.Second, TLS: TLS{CA: "/nonexistent"}},
	} {
		err := sdk.CheckConfig(&h)
		if err == nil {
			err = h.Check()
		}
		if err == nil {
			_, err = h.Client("host")
		}
		var wrong *sdk.ConfigError
		if !errors.As(err, &wrong) || wrong.Key != key {
			t.Errorf("%s: %v", key, err)
		}
	}
	good := HTTP{Timeout: 1, Proxy: "http://proxy:3128"}
	if c, err := good.Client(""); good.Check() != nil || err != nil || c.Timeout != 1 {
		t.Error(err)
	}
}

func TestErrorsTellTheHostOnly(t *testing.T) {
	u, _ := url.Parse("https://user:password@hooks.example/secret?key=secret")
	err := Failure(u, &url.Error{Op: "Post", URL: u.String(), Err: errors.New("it broke")})
	if err.Error() != "cannot reach hooks.example: it broke" {
		t.Error(err)
	}
	if err := Failure(u, &url.Error{Op: "Post", URL: u.String(), Err: http.ErrHandlerTimeout}); strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	for _, s := range []string{"", "x", "ftp://host/secret", "http:secret", "https:///secret", "http://%zz/secret"} {
		if _, err := URL(s); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"x", "ftp://host", "//host"} {
		if _, err := Proxy(s); err == nil {
			t.Errorf("the proxy %q is taken", s)
		}
	}
}

func TestTLSFilesThatAreNotThere(t *testing.T) {
	a := remotetest.NewAuthority(t)
	_, cert, key := a.Issue("client")
	for name, c := range map[string]struct {
		keys TLS
		key  string
	}{
		"no authority":          {TLS{CA: "/nonexistent"}, "tls_ca"},
		"no certificate in it":  {TLS{CA: key}, "tls_ca"},
		"a certificate alone":   {TLS{Cert: cert}, "tls_cert"},
		"a key that is none":    {TLS{Cert: cert, Key: cert}, "tls_cert"},
		"no client certificate": {TLS{Cert: "/nonexistent", Key: key}, "tls_cert"},
	} {
		_, err := c.keys.Config("host")
		var wrong *sdk.ConfigError
		if !errors.As(err, &wrong) || wrong.Key != c.key {
			t.Errorf("%s: %v", name, err)
		}
	}
	good, err := TLS{CA: a.File, Cert: cert, Key: key}.Config("host")
	if err != nil || good.ServerName != "host" || good.InsecureSkipVerify || len(good.Certificates) != 1 {
		t.Errorf("%+v (%v)", good, err)
	}
}
