package client

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

func TestMain(m *testing.M) {
	status := daemontest.Main(m)
	if err := goleak.Find(); err != nil && status == 0 {
		println(err.Error())
		status = 1
	}
	os.Exit(status)
}

// answering serves one document to every call and notes the last request.
type answering struct {
	*httptest.Server
	mu      sync.Mutex
	status  int
	answer  string
	request string
	auth    string
	conns   atomic.Int32
}

func serve(t *testing.T, answer string) *answering {
	a := &answering{status: 200, answer: answer}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.request, a.auth = r.URL.Path+"\n"+string(body), r.Header.Get("Authorization")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.answer)
	}))
	a.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			a.conns.Add(1)
		}
	}
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func dial(t *testing.T, url string, options ...Option) *Client {
	t.Helper()
	c, err := New(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func response(value string) string {
	return "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>" + value + "</value>\n</param>\n</params>\n</methodResponse>\n"
}

func TestServerURLs(t *testing.T) {
	for _, c := range []struct{ url, endpoint, user, password string }{
		{"unix:///run/supervisor.sock", "http://localhost/RPC2", "", ""},
		{"http://127.0.0.1:9001", "http://127.0.0.1:9001/RPC2", "", ""},
		{"https://host:9001/", "https://host:9001/RPC2", "", ""},
		{"http://host/behind/proxy", "http://host/behind/proxy", "", ""},
		{"http://u:p%3Aw@host:1", "http://host:1/RPC2", "u", "p:w"},
	} {
		got := dial(t, c.url)
		if got.endpoint != c.endpoint || got.username != c.user || got.password != c.password {
			t.Errorf("%s: %s %s %s", c.url, got.endpoint, got.username, got.password)
		}
	}
	for _, bad := range []string{"", "unix://", "ftp://x", "host:9001", "http://u:secret@:x/%", "http://"} {
		_, err := New(bad)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv(ServerURLVariable, "")
	if _, err := FromEnvironment(); !errors.Is(err, ErrNoServer) {
		t.Errorf("got %v", err)
	}
	t.Setenv(ServerURLVariable, "http://u:p@h")
	if c, err := FromEnvironment(); err != nil || c.username != "u" || c.password != "p" {
		t.Errorf("got %+v, %v", c, err)
	}
	t.Setenv(UsernameVariable, "v")
	t.Setenv(PasswordVariable, "w")
	if c, err := FromEnvironment(); err != nil || c.username != "v" || c.password != "w" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestFaultsKeepTheirCode(t *testing.T) {
	a := serve(t, `<?xml version='1.0'?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>60</int></value></member>`+
		`<member><name>faultString</name><value><string>ALREADY_STARTED: a&lt;b</string></value></member></struct></value></fault></methodResponse>`)
	c := dial(t, a.URL)
	err := c.StartProcess(context.Background(), "a", true)
	var f *Fault
	if !errors.As(err, &f) || f.Code != AlreadyStarted || f.String != "ALREADY_STARTED: a<b" || !IsFault(err, AlreadyStarted) || IsFault(err, BadName) {
		t.Errorf("got %v", err)
	}
	if want := "cannot call supervisor.startProcess: ALREADY_STARTED: a<b (fault 60)"; err.Error() != want {
		t.Errorf("got %q", err)
	}
}

func TestRefusalsOfTheHTTPServer(t *testing.T) {
	a := serve(t, "no")
	a.status = 401
	c := dial(t, a.URL, WithAuth("u", "topsecret"))
	_, err := c.State(context.Background())
	var s *StatusError
	if !errors.As(err, &s) || s.Code != 401 || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("got %v", err)
	}
	if a.auth != "Basic dTp0b3BzZWNyZXQ=" {
		t.Errorf("sent %q", a.auth)
	}
	a.Close()
	if _, err := c.State(context.Background()); err == nil || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("got %v", err)
	}
}

// A variable may be used for one call after another. kolo leaves in it what an empty string should replace.
func TestAnAnswerReplacesTheOneBefore(t *testing.T) {
	a := serve(t, "")
	c := dial(t, a.URL)
	call := func(result any, value string) error {
		a.answer = response(value)
		return c.Call(context.Background(), "x.y", result)
	}
	type process struct {
		Name     string `xmlrpc:"name"`
		SpawnErr string `xmlrpc:"spawnerr"`
		Pid      int    `xmlrpc:"pid"`
	}
	member := func(name, value string) string {
		return "<member><name>" + name + "</name><value>" + value + "</value></member>"
	}
	old := process{"web", "no such file", 12}
	if err := call(&old, "<struct>"+member("name", "<string>cat</string>")+member("spawnerr", "<string></string>")+"</struct>"); err != nil || old != (process{Name: "cat"}) {
		t.Errorf("%+v, %v", old, err)
	}
	text, list, untyped, table := "old", []string{"old", "older"}, any("old"), map[string]string{"old": "old"}
	for name, c := range map[string]struct {
		into  any
		value string
		want  any
	}{
		"a string":  {&text, "<string/>", ""},
		"bare text": {&text, "", ""},
		"an array":  {&list, "<array><data><value><string></string></value></data></array>", []string{""}},
		"untyped":   {&untyped, "<string></string>", ""},
		"a map":     {&table, "<struct>" + member("new", "<string></string>") + "</struct>", map[string]string{"new": ""}},
	} {
		if err := call(c.into, c.value); err != nil || !reflect.DeepEqual(reflect.ValueOf(c.into).Elem().Interface(), c.want) {
			t.Errorf("%s: %#v, %v", name, c.into, err)
		}
	}
	if err := call(&old, "<string>no struct</string>"); err == nil || old.Name != "cat" {
		t.Errorf("after an error it is %+v (%v)", old, err)
	}
	if err := call(process{}, "<string></string>"); err == nil || !strings.Contains(err.Error(), "no pointer") {
		t.Errorf("got %v", err)
	}
}

func TestAnswersAreReadAsTheyAreMeant(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		want  any
	}{
		"a string":                   {"<string>ž &lt;fault&gt;x&lt;/fault&gt;</string>", "ž <fault>x</fault>"},
		"an empty string":            {"<string></string>", ""},
		"an empty string, short":     {"<string/>", ""},
		"an integer":                 {"<int>-3</int>", int64(-3)},
		"a flag":                     {"<boolean>1</boolean>", true},
		"a double":                   {"<double>1.5</double>", 1.5},
		"an empty array":             {"<array><data></data></array>", []any{}},
		"empty strings within":       {"<array><data><value><string></string></value><value><int>1</int></value></data></array>", []any{"", int64(1)}},
		"a struct":                   {"<struct><member><name>a</name><value><string></string></value></member></struct>", map[string]any{"a": ""}},
		"control characters":         {"<string>a\x1b[1mb\x00\n</string>", "a\uFFFD[1mb\uFFFD\n"},
		"invalid UTF-8":              {"<string>a\xffb</string>", "a\uFFFDb"},
		"a noncharacter":             {"<string>a\uFFFEb</string>", "a\uFFFDb"},
		"a string of several chunks": {"<string>a&#10;b&amp;c</string>", "a\nb&c"},
	} {
		t.Run(name, func(t *testing.T) {
			var got any
			err := dial(t, serve(t, response(c.value)).URL).Call(context.Background(), "x.y", &got)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, %v; want %#v", got, err, c.want)
			}
		})
	}
}

func TestAnswersThatWouldBeMisreadAreErrors(t *testing.T) {
	for name, doc := range map[string]string{
		"CDATA":          response("<string>a<![CDATA[b]]></string>"),
		"a comment":      response("<string>a<!-- x -->b</string>"),
		"a DTD":          "<!DOCTYPE x>" + response("<int>1</int>"),
		"deep nesting":   response(strings.Repeat("<array><data><value>", 70) + strings.Repeat("</value></data></array>", 70)),
		"no XML":         "hello",
		"nothing":        "",
		"cut":            response("<string>abc")[:90],
		"another type":   response("<string>abc</string>"),
		"spaced integer": response("<int> 3 </int>"),
		"a bare fault":   "<methodResponse><fault></fault></methodResponse>",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := dial(t, serve(t, doc).URL).PID(context.Background()); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestArgumentsThatWouldNotArriveAreRefused(t *testing.T) {
	a := serve(t, response("<boolean>1</boolean>"))
	c := dial(t, a.URL)
	for name, arg := range map[string]any{
		"nil": nil, "bytes": []byte("x"), "a struct": struct{ A int }{1}, "a pointer": new(int), "a big integer": int64(1) << 40,
		"a big unsigned": uint32(math.MaxUint32), "not a number": math.NaN(), "a control character": "\x03", "invalid UTF-8": "\xff",
		"nil within": []any{nil}, "a name with markup": map[string]any{"<x>": 1}, "integer keys": map[int]any{1: 1}, "a function": func() {},
	} {
		if err := c.Call(context.Background(), "x.y", nil, arg); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	if err := c.Call(context.Background(), "x.<y>", nil); err == nil {
		t.Error("a method name with markup passed")
	}
	if a.request != "" {
		t.Errorf("sent %s", a.request)
	}
	if err := c.Call(context.Background(), "x.y", nil, "a<b>\r\n", true, int8(-1), uint(7), 0.5, []string{"z"}, map[string]any{"k": []any{"v"}}); err != nil {
		t.Fatal(err)
	}
	want := "/RPC2\n" + `<?xml version="1.0" encoding="UTF-8"?><methodCall><methodName>x.y</methodName><params>` +
		"<param><value><string>a&lt;b&gt;&#xD;&#xA;</string></value></param><param><value><boolean>1</boolean></value></param><param><value><int>-1</int></value></param>" +
		"<param><value><i4>7</i4></value></param><param><value><double>0.5</double></value></param>" +
		"<param><value><array><data><value><string>z</string></value></data></array></value></param>" +
		"<param><value><struct><member><name>k</name><value><array><data><value><string>v</string></value></data></array></value></member></struct></value></param></params></methodCall>"
	if a.request != want {
		t.Errorf("sent\n%s\nwant\n%s", a.request, want)
	}
}

func TestDeadlines(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	c := dial(t, slow.URL, WithTimeout(20*time.Millisecond))
	if _, err := c.State(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.State(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	a := serve(t, response("<int>7</int>"))
	c := dial(t, a.URL)
	for range 20 {
		if pid, err := c.PID(context.Background()); err != nil || pid != 7 {
			t.Fatalf("got %d, %v", pid, err)
		}
	}
	if n := a.conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := serve(t, response("<int>7</int>"))
	from := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer from.Close()
	_, err := dial(t, from.URL, WithAuth("u", "p")).PID(context.Background())
	var s *StatusError
	if !errors.As(err, &s) || s.Code != 307 || elsewhere.request != "" {
		t.Errorf("got %v; the other server got %q", err, elsewhere.request)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(response("<int>1</int>")))
	f.Add([]byte(response("<array><data><value><string></string></value></data></array>")))
	f.Add([]byte("<methodResponse><fault><value><struct></struct></value></fault></methodResponse>"))
	f.Fuzz(func(_ *testing.T, doc []byte) {
		var untyped any
		_ = decode(append([]byte{}, doc...), &untyped)
		var infos []ProcessInfo
		_ = decode(append([]byte{}, doc...), &infos)
		var lists [][][]string
		_ = decode(append([]byte{}, doc...), &lists)
	})
}

func TestUnixSocketThatIsNotThere(t *testing.T) {
	c := dial(t, "unix://"+filepath.Join(t.TempDir(), "s"))
	if _, err := c.PID(context.Background()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
