package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secretPart must be seen nowhere.
const secretPart = "s3cr3tXXXXXXXXXXXXXXXXXX"

// receiver takes webhooks and keeps them.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

type received struct {
	method, path, host string
	header             http.Header
	body               []byte
	cert               string // of the client
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	one := received{method: r.Method, path: r.URL.Path, host: r.Host, header: r.Header, body: body}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		one.cert = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	s.mu.Lock()
	s.got = append(s.got, one)
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func (s *receiver) last(t *testing.T) received {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) == 0 {
		t.Fatal("nothing has arrived")
	}
	return s.got[len(s.got)-1]
}

func (s *receiver) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

func start(t *testing.T) *receiver {
	s := &receiver{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func made(t *testing.T, address string, change func(*config)) *notifier {
	t.Helper()
	c := defaults()
	c.URL = address
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := newNotifier(c, sdk.Instance{Name: "ops", Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(context.Background()) })
	return n
}

// deliver sends a sample and returns what has arrived.
func deliver(t *testing.T, m *sdk.Notification, change func(*config)) received {
	t.Helper()
	s := start(t)
	if err := made(t, s.URL+"/hook", change).Notify(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	return s.last(t)
}

func TestJSON(t *testing.T) {
	m := sdktest.Sample(2)
	m.Title, m.Suppressed = "a <title> & more", 3
	m.Events[1].Data = []byte{'x', 0xff}
	r := deliver(t, m, nil)
	if r.method != "POST" || r.path != "/hook" || r.header.Get("Content-Type") != "application/json" || r.header.Get("Idempotency-Key") != "sample-1" {
		t.Errorf("%s %s %v", r.method, r.path, r.header)
	}
	const want = `{"version":1,"id":"sample-1","severity":"error","title":"a <title> & more","body":"web:web_00 (pid 4711) exited with status 3 after 1m30s.",` +
		`"attempt":1,"suppressed":3,"daemon":{"identifier":"sdktest","hostname":"host.example.org","version":"0.1.0"},"events":[` +
		`{"seq":1,"type":"PROCESS_STATE_EXITED","time":"2026-01-02T03:04:05Z","group":"web","process":"web_00","namespec":"web:web_00","pid":4711,` +
		`"from_state":"RUNNING","expected":false,"exit":{"status":3,"uptime":90},` +
		`"payload":"processname:web_00 groupname:web from_state:RUNNING expected:0 pid:4711",` +
		`"event":{"eventname":"PROCESS_STATE_EXITED","processname":"web_00","groupname":"web","pid":4711}},` +
		`{"seq":2,"type":"PROCESS_STATE_EXITED","time":"2026-01-02T03:04:06Z","group":"web","process":"web_01","namespec":"web:web_01","pid":4712,` +
		`"from_state":"RUNNING","expected":false,"exit":{"status":3,"uptime":90},"data":"x` + "\uFFFD" + `",` +
		`"payload":"processname:web_01 groupname:web from_state:RUNNING expected:0 pid:4712",` +
		`"event":{"eventname":"PROCESS_STATE_EXITED","processname":"web_01","groupname":"web","pid":4712}}]}`
	if string(r.body) != want {
		t.Errorf("got\n%s\nwant\n%s", r.body, want)
	}
}

func TestCloudEvents(t *testing.T) {
	m := sdktest.Sample(1)
	m.Events[0].Group, m.Events[0].Process = "ž b", "\"%\""
	r := deliver(t, m, func(c *config) { c.Format = "cloudevents" })
	var e map[string]any
	if err := json.Unmarshal(r.body, &e); err != nil {
		t.Fatal(err)
	}
	data, _ := e["data"].(map[string]any)
	delete(e, "data")
	want := map[string]any{
		"specversion": "1.0", "id": "sample-1", "source": "/hark/host.example.org/sdktest", "type": "io.github.hark-supervisor.PROCESS_STATE_EXITED",
		"subject": "ž b:\"%\"", "time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json", "severity": "error",
	}
	if fmt.Sprint(e) != fmt.Sprint(want) || data["id"] != "sample-1" || r.header.Get("Content-Type") != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("got %v\nwant %v\nheader %v", e, want, r.header)
	}

	r = deliver(t, m, func(c *config) { c.Format = "cloudevents-binary" })
	if r.header.Get("Ce-Subject") != "%C5%BE%20b:%22%25%22" || r.header.Get("Ce-Type") != "io.github.hark-supervisor.PROCESS_STATE_EXITED" ||
		r.header.Get("Ce-Specversion") != "1.0" || r.header.Get("Content-Type") != "application/json" || !bytes.HasPrefix(r.body, []byte(`{"version":1,`)) {
		t.Errorf("header %v", r.header)
	}

	r = deliver(t, sdktest.Sample(3), func(c *config) { c.Format = "cloudevents-binary" })
	if r.header.Get("Ce-Type") != "io.github.hark-supervisor.notification" || r.header.Get("Ce-Subject") != "" {
		t.Errorf("of several programs: %v", r.header)
	}
}

func TestTemplate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "body")
	const text = `{"text":{{json .Title}},"n":{{len .Events}},"q":"{{query .Severity.String}}","p":{{json (index .Events 0).Payload}}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := sdktest.Sample(2)
	m.Title = "\"x\"\n<"
	for name, change := range map[string]func(*config){
		"in the section": func(c *config) { c.Format, c.Template, c.ContentType = "template", text, "text/x" },
		"in a file":      func(c *config) { c.Format, c.TemplatePath, c.ContentType = "template", file, "text/x" },
	} {
		r := deliver(t, m, change)
		const want = `{"text":"\"x\"\n<","n":2,"q":"error","p":"processname:web_00 groupname:web from_state:RUNNING expected:0 pid:4711"}`
		if string(r.body) != want || r.header.Get("Content-Type") != "text/x" {
			t.Errorf("%s: %s\n%s", name, r.header.Get("Content-Type"), r.body)
		}
	}
	n := made(t, "http://127.0.0.1:1", func(c *config) {
		c.Format, c.Template = "template", `{{range .Events}}{{range $.Events}}{{range $.Events}}{{printf "%0900d" 1}}{{end}}{{end}}{{end}}`
	})
	if err := n.Notify(context.Background(), sdktest.Sample(50)); !sdk.IsFinal(err) || !strings.Contains(err.Error(), "more than 1024 KB") {
		t.Errorf("a template without measure: %v", err)
	}
}

// The recipes of example.conf make JSON of whatever a program writes.
func TestRecipes(t *testing.T) {
	text, err := os.ReadFile("example.conf")
	if err != nil {
		t.Fatal(err)
	}
	recipes := 0
	for line := range strings.Lines(string(text)) {
		recipe, ok := strings.CutPrefix(line, "template = ")
		if !ok {
			continue
		}
		recipes++
		for severity := sdk.Info; severity <= sdk.Critical; severity++ {
			m := sdktest.Sample(2)
			m.Severity, m.Title, m.Body = severity, "a \"title\" & <b>", "žluť\n\x1b[31mred\x00\r\n\\ \xff\u2028"
			got := deliver(t, m, func(c *config) { c.Format, c.Template = "template", strings.TrimSpace(recipe) })
			var doc any
			if err := json.Unmarshal(got.body, &doc); err != nil || !strings.Contains(fmt.Sprint(doc), m.Title) {
				t.Errorf("%v: %s makes %s", err, recipe, got.body)
			}
		}
	}
	if recipes < 4 {
		t.Errorf("there are %d", recipes)
	}
}

func TestHeadersAndWhoWeAre(t *testing.T) {
	r := deliver(t, sdktest.Sample(1), func(c *config) {
		c.Method, c.Headers = "put", map[string]string{"X-One": "1", "Host": "other.example", "User-Agent": "me"}
		c.Username, c.Password = "u", secretPart
	})
	if r.method != "PUT" || r.header.Get("X-One") != "1" || r.host != "other.example" || r.header.Get("User-Agent") != "me" ||
		!strings.HasPrefix(r.header.Get("Authorization"), "Basic ") {
		t.Errorf("%+v", r)
	}
	r = deliver(t, sdktest.Sample(1), func(c *config) { c.BearerToken = secretPart + "\n" })
	if r.header.Get("Authorization") != "Bearer "+secretPart {
		t.Errorf("%+v", r)
	}
}

// The signature is checked by the receiver that README.md gives, in Python.
func TestSignature(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(readme)
	if code == nil {
		t.Fatal("README.md has no receiver")
	}
	type attempt struct {
		Name, Secret, Signature, Hash string
		Body                          []byte
		Later                         int
		Want                          bool
	}
	var all []attempt
	for _, hash := range []string{"sha256", "sha512"} {
		m := sdktest.Sample(1)
		m.Title = "žluť"
		r := deliver(t, m, func(c *config) { c.HMACSecret, c.HMACHash = secretPart, hash })
		is := r.header.Get("X-Hark-Signature")
		all = append(all,
			attempt{"as it is", secretPart, is, hash, r.body, 0, true},
			attempt{"another secret", "other", is, hash, r.body, 0, false},
			attempt{"another body", secretPart, is, hash, append([]byte{' '}, r.body...), 0, false},
			attempt{"much later", secretPart, is, hash, r.body, 3600, false},
		)
	}
	script := string(code[1]) + `
import base64, json, sys
for a in json.load(sys.stdin):
    got = signed_by_hark(a["Secret"].encode(), a["Signature"], base64.b64decode(a["Body"]), getattr(hashlib, a["Hash"]), now=time.time() + a["Later"])
    if got != a["Want"]:
        print(a["Hash"], a["Name"], got)
`
	input, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", script)
	cmd.Stdin = bytes.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTLS(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	_, cert, key := authority.Issue("client")
	s := &receiver{}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = hclog.NewNullLogger().StandardLogger(nil)
	s.TLS = authority.Server("hook.example", true)
	s.StartTLS()
	defer s.Close()
	n := made(t, s.URL, func(c *config) { c.CA, c.Cert, c.Key, c.ServerName = authority.File, cert, key, "hook.example" })
	if err := n.Notify(context.Background(), sdktest.Sample(1)); err != nil || s.last(t).cert != "client" {
		t.Fatalf("%v", err)
	}
	for name, change := range map[string]func(*config){
		"a certificate we do not know":      func(c *config) { c.Cert, c.Key = cert, key },
		"without our own":                   func(c *config) { c.CA = authority.File },
		"a certificate for somebody else":   func(c *config) { c.CA, c.Cert, c.Key, c.ServerName = authority.File, cert, key, "other.example" },
		"TLS where none is (the other way)": func(c *config) { c.URL = "http://" + strings.TrimPrefix(s.URL, "https://") },
	} {
		before := s.count()
		err := made(t, s.URL, change).Notify(context.Background(), sdktest.Sample(1))
		if err == nil || s.count() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	n = made(t, s.URL, func(c *config) { c.Insecure, c.Cert, c.Key = true, cert, key })
	if err := n.Notify(context.Background(), sdktest.Sample(1)); err != nil {
		t.Errorf("insecure, as asked for: %v", err)
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	foreign := httptest.NewUnstartedServer(http.NotFoundHandler())
	foreign.Config.ErrorLog = hclog.NewNullLogger().StandardLogger(nil)
	foreign.StartTLS()
	defer foreign.Close()
	garbage := remotetest.Garbage(t, "\x00\x01no HTTP at all\r\n\r\n")
	for name, c := range map[string]struct{ address, says string }{
		"down": {down.URL, "refused"}, "without a name": {"http://name.invalid", "name.invalid"}, "slow": {"http://" + sdktest.Hanging(t), "in time"},
		"slow to greet": {"https://" + sdktest.Hanging(t), "in time"}, "with a certificate of its own": {foreign.URL, "unknown authority"},
		"which speaks otherwise": {"http://" + garbage, "cannot reach"}, "which speaks no TLS": {"https://" + garbage, "TLS"},
	} {
		timeout := sdktest.Patience
		if c.says == "in time" {
			timeout = 100 * time.Millisecond
		}
		n := made(t, c.address+"/"+secretPart, func(conf *config) {
			conf.BearerToken, conf.HMACSecret, conf.Timeout = secretPart, secretPart, timeout
		})
		err := n.Notify(context.Background(), sdktest.Sample(1))
		if err == nil || sdk.IsFinal(err) || strings.Contains(err.Error(), secretPart) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRedirectsStayWithTheHost(t *testing.T) {
	other := start(t)
	mux := http.NewServeMux()
	s := &receiver{}
	mux.Handle("/there", s)
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/there", http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/there", http.StatusFound) // after which a client sends a GET without a body
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/"+secretPart, http.StatusTemporaryRedirect)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	if err := made(t, server.URL+"/here", nil).Notify(context.Background(), sdktest.Sample(1)); err != nil || s.last(t).method != "POST" {
		t.Errorf("within the host: %v", err)
	}
	before := s.count()
	if err := made(t, server.URL+"/login", nil).Notify(context.Background(), sdktest.Sample(1)); !sdk.IsFinal(err) || s.count() != before {
		t.Errorf("what was never sent counts as sent: %v", err)
	}
	err := made(t, server.URL+"/away", func(c *config) { c.BearerToken = secretPart }).Notify(context.Background(), sdktest.Sample(1))
	if !sdk.IsFinal(err) || other.count() != 0 || strings.Contains(err.Error(), secretPart) {
		t.Errorf("to another host: %v", err)
	}
}

func TestAnAnswerWithoutEndIsCut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		for r.Context().Err() == nil { // until the client has enough
			if _, err := io.WriteString(w, strings.Repeat("no ", 1000)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	err := made(t, server.URL, func(c *config) { c.Timeout = time.Minute }).Notify(context.Background(), sdktest.Sample(1))
	if !sdk.IsFinal(err) || len(err.Error()) > 400 || !strings.Contains(err.Error(), "no no no") {
		t.Errorf("%v", err)
	}
}

func TestConformance(t *testing.T) {
	s := start(t)
	seen := 0
	values := func(url string) map[string]string {
		return map[string]string{"url": url, "hmac_secret": secretPart, "bearer_token": secretPart, "headers": `X-Key="` + secretPart + `"`}
	}
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{
		Options: sdktest.Options{
			Values: values(s.URL + "/" + secretPart),
			Hang:   values("http://" + sdktest.Hanging(t) + "/" + secretPart),
			Late: map[string]string{
				"a broken template": "what a template can use is the plugin's code",
				"no such file":      "it is about a file",
			},
			Bad: []sdktest.Bad{
				{Name: "no address", Set: map[string]string{"url": "tell-no-value"}, Key: "url"},
				{Name: "a method without a body", Set: map[string]string{"method": "GET"}, Key: "method"},
				{Name: "no headers", Set: map[string]string{"headers": `X="tell-no-value` + "\n" + `Y: z"`}, Key: "headers"},
				{Name: "a header of ours", Set: map[string]string{"headers": `content-length="7"`}, Key: "headers"},
				{Name: "no template", Set: map[string]string{"format": "template"}, Key: "template"},
				{Name: "a template not meant", Set: map[string]string{"template": "x"}, Key: "template"},
				{Name: "a broken template", Set: map[string]string{"format": "template", "template": "{{.Nothing}}"}, Key: "template"},
				{Name: "no such file", Set: map[string]string{"format": "template", "template_path": "/nonexistent"}, Key: "template_path"},
				{Name: "two passwords", Set: map[string]string{"username": "x"}, Key: "bearer_token"},
				{Name: "a key without its certificate", Set: map[string]string{"tls_key": "/nonexistent"}, Key: "tls_cert"},
				{Name: "no proxy", Set: map[string]string{"proxy": "x"}, Key: "proxy"},
			},
		},
		Delivered: func(t *testing.T, n int) {
			if all := s.count(); all-seen != n {
				t.Errorf("%d have arrived, want %d", all-seen, n)
			}
			seen = s.count()
		},
	})
	t.Run("answers", func(t *testing.T) { sdktest.TestStatuses(t, Plugin(), values, nil) })
}
