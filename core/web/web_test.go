package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

func TestMain(m *testing.M) { os.Exit(daemontest.Main(m)) }

// site is the page of a daemon under test.
type site struct {
	*daemontest.Daemon
	t      testing.TB
	client *http.Client
	user   string // of Basic authentication, with the same password; "" for none
	token  string
}

func open(t *testing.T, sections string) *site {
	t.Helper()
	d := daemontest.Start(t, sections)
	return over(t, d, "unix", d.Dir+"/s.sock")
}

func over(t testing.TB, d *daemontest.Daemon, network, address string) *site {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &site{Daemon: d, t: t, client: &http.Client{
		Transport:     transport,
		Timeout:       daemontest.Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (s *site) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://hark.test"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if s.user != "" {
		r.SetBasicAuth(s.user, s.user)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (s *site) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, "", headers...)
}

// message follows an action to the message it leads to.
func (s *site) message(path string, headers ...string) string {
	s.t.Helper()
	a := s.get(path, headers...)
	to, err := url.Parse(a.header.Get("Location"))
	if a.status != http.StatusMovedPermanently || err != nil || to.Path != "index.html" || a.header.Get("Cache-Control") != "no-store" {
		s.t.Fatalf("%s: %d %v %s", path, a.status, a.header, a.body)
	}
	return to.Query().Get("message")
}

var tokenOf = regexp.MustCompile(`name="hark-token" content="([^"]+)"`)

// post asks for a change as app.js does.
func (s *site) post(what string, request any, headers ...string) answer {
	s.t.Helper()
	if s.token == "" {
		s.token = tokenOf.FindStringSubmatch(s.get("/").body)[1]
	}
	body, err := json.Marshal(request)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(http.MethodPost, "/ui/api/"+what, string(body), append([]string{"X-Hark-Token", s.token, "Sec-Fetch-Site", "same-origin"}, headers...)...)
}

func (s *site) state(name string) string {
	s.t.Helper()
	var snapshot struct {
		Processes []struct{ Name, State string }
	}
	a := s.get("/ui/api/snapshot")
	if err := json.Unmarshal([]byte(a.body), &snapshot); err != nil {
		s.t.Fatalf("%v: %s", err, a.body)
	}
	for _, p := range snapshot.Processes {
		if p.Name == name {
			return p.State
		}
	}
	return "none"
}

func (s *site) until(what string, ok func() bool) {
	s.t.Helper()
	testkit.Until(s.t, what, ok)
}

const programs = `
[program:idle]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:gone]
command=/does/not/exist
autostart=false
stdout_logfile=NONE
[program:says]
command=/bin/sh -c 'echo "<b>&amp;</b>"; exec sleep 1000'
startsecs=0
[program:many]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=3
autostart=false
startsecs=0
[program:<script>alert(1)<script>]
command=/bin/sleep 1000
autostart=false
`

func TestThePageWorksWithoutScripts(t *testing.T) {
	s := open(t, programs)
	page := s.get("/?message=%3Cimg%20src%3Dx%3E").body
	for _, part := range []string{
		`<td class="status"><span class="statusnominal">stopped</span></td>`,
		`<td class="desc"><span>Not started</span></td>`,
		`<a href="index.html?processname=many%3Amany_0&amp;action=start" name="Start">Start</a>`,
		`<a href="logtail/many%3Amany_0/stderr" name="Tail -f Stderr"`,
		`href="index.html?action=restartall"`, `href="index.html?action=stopall"`,
		`class="status_msg" role="status">&lt;img src=x&gt;</div>`,
		`<span id="supervisor_version">4.4.0</span>`,
		`&lt;script&gt;alert(1)&lt;script&gt;`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	for _, part := range []string{"<script>alert", "<img src=x"} {
		if strings.Contains(page, part) {
			t.Errorf("the page holds %s", part)
		}
	}
	for _, path := range []string{"/", "/index.html", "//index.html"} {
		if a := s.get(path); a.status != 200 || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") || a.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	for _, path := range []string{"/stylesheets/supervisor.css", "/ui/app.js", "/ui/log.js", "/ui/panels.js", "/ui/parts.js", "/ui/icon.svg", "/ok.html"} {
		if a := s.get(path); a.status != 200 || a.body == "" {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/nosuch.html", "/ui/", "/ui/status.html", "/ui/api/nosuch", "/../etc/passwd"} {
		if a := s.get(path); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestActionsByQueryString(t *testing.T) {
	s := open(t, programs)
	act := func(what, name string) string {
		return s.message("/index.html?processname=" + url.QueryEscape(name) + "&action=" + what)
	}
	for _, c := range []struct{ what, name, want string }{
		{"start", "idle", "Process idle started"},
		{"start", "idle", "ERROR: Process idle: already started"},
		{"restart", "idle", "Process idle restarted"},
		{"stop", "idle", "Process idle stopped"},
		{"stop", "idle", "unexpected rpc fault [70] NOT_RUNNING: idle"},
		{"restart", "idle", "Process idle restarted"},
		{"start", "gone", "ERROR: Process gone: no such file"},
		{"clearlog", "says", "Log for says cleared"},
		{"start", "nosuch", "No such process named nosuch"},
		{"stop", "many:*", "No such process named many:*"},
		{"start", "many:many_1", "Process many:many_1 started"},
	} {
		if got := act(c.what, c.name); got != c.want {
			t.Errorf("%s %s: %q, wanted %q", c.what, c.name, got, c.want)
		}
	}
	if got := s.state("many:many_1"); got != "RUNNING" {
		t.Errorf("it is %s", got)
	}
	for what, want := range map[string]string{"stopall": "All stopped at ", "restartall": "All restarted at ", "refresh": "Page refreshed at "} {
		if got := s.message("/?action=" + what); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	if a := s.get("/?action=nosuch"); a.status != 400 {
		t.Errorf("an action that is none: %d", a.status)
	}
	if a := s.do(http.MethodHead, "/?action=stopall", ""); a.status != 405 {
		t.Errorf("HEAD: %d", a.status)
	}
	if a := s.do(http.MethodPost, "/index.html", "action=stop&processname=idle", "Content-Type", "application/x-www-form-urlencoded"); a.status != 301 {
		t.Errorf("a form: %d", a.status)
	}
}

func TestAnotherSiteIsAskedToConfirm(t *testing.T) {
	s := open(t, programs)
	const start = "/index.html?processname=idle&action=start"
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none"},
		{"Referer", "http://evil.test/page"}, {"Origin", "http://evil.test"}, {"Origin", "null"},
	} {
		a := s.get(start, headers...)
		if a.status != 200 || !strings.Contains(a.body, "Is that wanted?") || !strings.Contains(a.body, `name="token"`) {
			t.Errorf("%v: %d %s", headers, a.status, a.body)
		}
		a = s.do(http.MethodPost, "/index.html", "action=start&processname=idle&token=guess", append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
		if a.status != 200 || !strings.Contains(a.body, "Is that wanted?") {
			t.Errorf("%v, with a token guessed: %d", headers, a.status)
		}
	}
	if got := s.state("idle"); got != "STOPPED" {
		t.Fatalf("it is %s", got)
	}
	if got := s.message(start, "Sec-Fetch-Site", "same-origin", "Referer", "http://hark.test/"); got != "Process idle started" {
		t.Errorf("from the page itself: %q", got)
	}
	// The form that was shown does it.
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(s.get("/index.html?processname=idle&action=stop", "Sec-Fetch-Site", "cross-site").body)[1]
	a := s.do(http.MethodPost, "/index.html", "action=stop&processname=idle&token="+url.QueryEscape(token), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "none")
	if a.status != 301 || s.state("idle") != "STOPPED" {
		t.Errorf("the form: %d, and it is %s", a.status, s.state("idle"))
	}
}

func TestChangesByThePagesOwnScript(t *testing.T) {
	s := open(t, programs)
	names := []string{"many:many_0", "many:many_1", "many:many_2", "gone"}
	a := s.post("act", map[string]any{"action": "start", "names": names})
	var results []struct{ Name, Done, Error string }
	if err := json.Unmarshal([]byte(a.body), &results); err != nil || len(results) != len(names) {
		t.Fatalf("%v: %s", err, a.body)
	}
	for i, r := range results {
		if bad := r.Name == "gone"; r.Name != names[i] || bad != (r.Error != "") {
			t.Errorf("got %+v", r)
		}
	}
	for _, name := range names[:3] {
		if got := s.state(name); got != "RUNNING" {
			t.Errorf("%s is %s", name, got)
		}
	}
	if a := s.post("act", map[string]any{"action": "restart", "names": names[:1]}); !strings.Contains(a.body, `"done":"restart"`) {
		t.Errorf("restart: %s", a.body)
	}
	if a := s.post("act", map[string]any{"action": "signal", "names": names[:1], "signal": 15}); !strings.Contains(a.body, `"done":"signal"`) {
		t.Errorf("signal: %s", a.body)
	}
	if a := s.post("act", map[string]any{"action": "signal", "names": names[:1], "signal": 99}); !strings.Contains(a.body, "there is no signal") {
		t.Errorf("signal 99: %s", a.body)
	}
	if a := s.post("act", map[string]any{"action": "stopall"}); !strings.Contains(a.body, "All stopped at") {
		t.Errorf("stopall: %s", a.body)
	}
	for _, c := range []struct {
		name   string
		a      answer
		status int
	}{
		{"another token", s.post("act", map[string]any{}, "X-Hark-Token", "x"), 403},
		{"another site", s.post("act", map[string]any{}, "Sec-Fetch-Site", "cross-site"), 403},
		{"another origin", s.post("act", map[string]any{}, "Sec-Fetch-Site", "", "Origin", "http://evil.test"), 403},
		{"no POST", s.get("/ui/api/act", "X-Hark-Token", s.token), 405},
		{"an unknown action", s.post("act", map[string]any{"action": "rm"}), 400},
		{"an unknown member", s.post("act", map[string]any{"act": "stop"}), 400},
		{"no JSON", s.do(http.MethodPost, "/ui/api/act", "action=stopall", "X-Hark-Token", s.token), 400},
		{"too much", s.do(http.MethodPost, "/ui/api/act", `{"action":"`+strings.Repeat("x", 2<<20)+`"}`, "X-Hark-Token", s.token), 400},
	} {
		if c.a.status != c.status {
			t.Errorf("%s: %d %s", c.name, c.a.status, c.a.body)
		}
	}
}

func TestUpdateFromThePage(t *testing.T) {
	s := open(t, programs)
	s.until("one runs", func() bool { return s.state("says") == "RUNNING" })
	s.WriteConf("[program:idle]\ncommand=/bin/sleep 2000\nautostart=false\nenvironment=TOKEN=\"hunter2\"\n[program:new]\ncommand=/bin/sleep 1000\nstartsecs=0\n")
	var diff struct {
		Added, Changed, Removed []string
		Plans                   []struct {
			Name      string `json:"group"`
			Action    string
			Changes   []struct{ Process, Key, From, To string }
			Processes []struct {
				Name  string
				State string `json:"statename"`
				Fate  string
			}
		}
	}
	if err := json.Unmarshal([]byte(s.post("reread", nil).body), &diff); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(diff.Added, []string{"new"}) || !slices.Equal(diff.Changed, []string{"idle"}) || len(diff.Removed) != 4 {
		t.Errorf("got %+v", diff)
	}
	plans := map[string]string{}
	for _, p := range diff.Plans {
		plans[p.Name] = fmt.Sprint(p.Action, p.Changes, p.Processes)
	}
	if got, want := plans["idle"], "change[{idle command /bin/sleep 1000 /bin/sleep 2000} {idle startsecs 0 1} {idle environment TOKEN  <secret>}] [{idle STOPPED none}]"; got != want {
		t.Errorf("idle: %s", got)
	}
	if got := plans["new"]; got != "add[{new command  /bin/sleep 1000} {new startsecs  0}] [{new STOPPED start}]" {
		t.Errorf("new: %s", got)
	}
	if got := plans["says"]; got != "remove[] [{says RUNNING stop}]" || len(plans) != 6 {
		t.Errorf("says: %s; %d plans", got, len(plans))
	}
	if a := s.post("reread", nil); strings.Contains(a.body, "hunter2") {
		t.Error("a value of environment= is shown")
	}
	// The file was changed after it was looked at: what was not shown is not done.
	if a := s.post("update", map[string]any{"names": []string{"idle", "new", "says"}}); a.status != 503 || !strings.Contains(a.body, "has changed since") || s.state("says") != "RUNNING" || s.state("new") != "none" {
		t.Errorf("an update of something else: %d %s", a.status, a.body)
	}
	body := s.post("update", map[string]any{"names": slices.Concat(diff.Removed, diff.Changed, diff.Added)}).body
	for _, part := range []string{`"done":"added process group"`, `"done":"updated process group"`, `"done":"removed process group"`} {
		if !strings.Contains(body, part) {
			t.Errorf("%s lacks %s", body, part)
		}
	}
	s.until("the new one runs", func() bool { return s.state("new") == "RUNNING" })
	if s.state("says") != "none" {
		t.Error("what was removed is still there")
	}
	s.WriteConf("[program:bad]\nstartsecs=ten\n")
	if a := s.post("reread", nil); a.status != 503 || a.body == "" {
		t.Errorf("a broken file: %d %s", a.status, a.body)
	}
}

func TestLogs(t *testing.T) {
	s := open(t, programs)
	s.until("it has spoken", func() bool { return strings.Contains(s.get("/ui/api/log?name=says").body, "\n") })
	a := s.get("/ui/api/log?name=says")
	if a.body != "<b>&amp;</b>\n" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v %q", a.header, a.body)
	}
	a = s.get("/ui/api/log?download&name=says")
	if a.header.Get("Content-Disposition") != `attachment; filename="says.log"` {
		t.Errorf("%v", a.header)
	}
	if a := s.get("/ui/api/log?name=nosuch"); a.status != 404 {
		t.Errorf("an unknown program: %d", a.status)
	}
	for path, want := range map[string]string{
		"/tail.html?processname=says":             "&lt;b&gt;&amp;amp;&lt;/b&gt;\n</pre>",
		"/tail.html":                              "No process name found",
		"/tail.html?processname=":                 "No process name found",
		"/tail.html?processname=gone&limit=5":     "No file for gone",
		"/tail.html?processname=nosuch":           "ERROR: unexpected rpc fault [10] BAD_NAME: nosuch",
		"/tail.html?processname=says&limit=99999": "limit=99999",
	} {
		if a := s.get(path); !strings.Contains(a.body, want) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

func TestWhoMayOnlyReadSeesNoButtons(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	d := daemontest.Start(t, programs+fmt.Sprintf("[inet_http_server]\nport=%s\nusername=boss\npassword=boss\nread_only_username=guest\nread_only_password=guest\n", address))
	s := over(t, d, "tcp", address)
	if a := s.get("/"); a.status != 401 {
		t.Errorf("without credentials: %d", a.status)
	}
	s.user = "guest"
	page := s.get("/").body
	for _, part := range []string{"action=start", "action=stopall", "action=clearlog"} {
		if strings.Contains(page, part) {
			t.Errorf("the page offers %s", part)
		}
	}
	if a := s.get("/?action=stopall"); a.status != 403 {
		t.Errorf("an action: %d", a.status)
	}
	if a := s.post("act", map[string]any{"action": "stopall"}); a.status != 403 {
		t.Errorf("a change: %d", a.status)
	}
	for _, action := range []string{"reload", "shutdown", "restartplugin", "testnotifier"} {
		if a := s.post("act", map[string]any{"action": action, "names": []string{"x"}}); a.status != 403 {
			t.Errorf("%s: %d", action, a.status)
		}
	}
	if a := s.get("/ui/api/events"); a.status != 200 || !strings.Contains(a.body, `"eventname":"PROCESS_STATE_RUNNING"`) {
		t.Errorf("the events: %d %s", a.status, a.body)
	}
	if !strings.Contains(s.get("/ui/api/snapshot").body, `"may_change":false`) {
		t.Error("the script is told that it may change something")
	}
	s.user, s.token = "boss", ""
	if !strings.Contains(s.get("/").body, "action=stopall") {
		t.Error("who may control sees no buttons")
	}
	if a := s.post("act", map[string]any{"action": "start", "names": []string{"idle"}}); a.status != 200 {
		t.Errorf("who may control: %d", a.status)
	}
}

func TestWhatAttackersSend(t *testing.T) {
	s := open(t, programs)
	for _, path := range []string{
		"/ui/../../../etc/passwd", "/ui/%2e%2e/app.css", "/ui/..%2fapp.css", "/stylesheets/../ui/status.html", "/stylesheets/", "/etc/passwd", "//etc/passwd",
		"/ui/app.css", "/ui/api/", "/ui/api/../snapshot", "/ui/api/log/../../etc", "/ui%2fapp.js%00.html",
	} {
		if a := s.get(path); a.status != 404 || strings.Contains(a.body, "root:") || strings.Contains(a.body, path) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	big := strings.Repeat("x", 2<<20)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if a := s.do(http.MethodPost, "/index.html", "action="+big, form...); a.status != 400 {
		t.Errorf("a large form: %d", a.status)
	}
	if a := s.do(http.MethodPost, "/index.html", "action=stop&processname=%zz", form...); a.status != 400 {
		t.Errorf("a form that is none: %d", a.status)
	}
	for _, path := range []string{"/?message=%3Cscript%3E", "/tail.html?processname=%3Cscript%3E", "/index.html?action=%3Cscript%3E", "/?processname=%3Cscript%3E&action=start"} {
		a := s.get(path)
		html := strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
		if html && strings.Contains(a.body, "<script>") || !html && a.header.Get("X-Content-Type-Options") != "nosniff" || strings.ContainsAny(a.header.Get("Location"), "<>\r\n") {
			t.Errorf("%s: %v %s", path, a.header, a.body)
		}
	}
	if a := s.get("/?processname=x%0d%0aSet-Cookie:%20a&action=start"); a.header.Get("Set-Cookie") != "" {
		t.Errorf("headers are split: %v", a.header)
	}
	for _, path := range []string{"/", "/tail.html?processname=says", "/ui/api/snapshot", "/ui/app.js", "/metrics", "/healthz", "/nosuch", "/?action=nosuch"} {
		h := s.get(path).header
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: its policy lacks %s", path, part)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, h)
		}
		if want := map[bool]string{true: "no-cache", false: "no-store"}[path == "/ui/app.js"]; h.Get("Cache-Control") != want {
			t.Errorf("%s: cache %q", path, h.Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/ui/api/snapshot", "/ui/api/stats", "/ui/api/log?name=says"} {
		if a := s.get(path, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "empty"); a.status != 403 {
			t.Errorf("%s for another site: %d", path, a.status)
		}
	}
}

func TestSubscribersForTheirPanel(t *testing.T) {
	s := open(t, "[eventlistener:hears]\ncommand=/bin/sleep 1000\nevents=TICK_60\nstartsecs=0\n")
	var all []struct {
		Name, Kind string
		Processes  []struct{ Name, Listener_State string }
	}
	s.until("the listener waits", func() bool {
		return json.Unmarshal([]byte(s.get("/ui/api/subscribers").body), &all) == nil && len(all) == 1 && fmt.Sprint(all[0].Processes) == "[{hears ACKNOWLEDGED}]"
	})
	if all[0].Name != "hears" || all[0].Kind != "pool" {
		t.Errorf("got %+v", all)
	}
	for _, path := range []string{"/ui/api/plugins", "/ui/api/stats"} {
		if a := s.get(path); a.status != 404 && !strings.HasPrefix(a.body, "[") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestMetricsAndHealth(t *testing.T) {
	s := open(t, programs+"[program:fails]\ncommand=/bin/sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n[program:done]\ncommand=/bin/true\nstartsecs=0\nautorestart=false\n"+
		"[eventlistener:hears]\ncommand=/bin/sleep 1000\nevents=PROCESS_STATE\nstartsecs=0\n")
	s.until("they have ended", func() bool { return s.state("fails") == "EXITED" && s.state("done") == "EXITED" })
	if a := s.get("/healthz"); a.status != 200 || a.body != "ok\n" {
		t.Errorf("healthz: %d %s", a.status, a.body)
	}
	if a := s.get("/readyz"); a.status != 503 || !strings.Contains(a.body, "not running: fails") || strings.Contains(a.body, "done") {
		t.Errorf("readyz: %d %s", a.status, a.body)
	}
	s.do(http.MethodPost, "/RPC2", "<methodCall><methodName>supervisor.getState</methodName></methodCall>")
	s.do(http.MethodPost, "/RPC2", "<methodCall><methodName>no.such</methodName></methodCall>")
	a := s.get("/metrics")
	for _, line := range []string{
		`hark_process_state{group="says",process="says"} 20`, `hark_process_state{group="many",process="many_2"} 0`,
		`hark_process_up{group="says",process="says"} 1`, `hark_processes{group="many",state="STOPPED"} 3`,
		`hark_process_ends_total{status="3"} 1`, `hark_process_ends_total{status="0"} 1`, `hark_process_starts_total{group="says"} 1`,
		`hark_events_total{type="PROCESS_STATE_EXITED"} 2`, `hark_subscriber_queued{kind="pool",subscriber="hears"} `,
		`hark_rpc_duration_seconds_count{method="supervisor.getState"} 1`, `hark_mood 1`, `hark_info{identifier="supervisor",version="0.1.0"} 1`,
		"hark_log_bytes_total ", "hark_log_rotations_total 0",
	} {
		if !strings.Contains(a.body, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if strings.Contains(a.body, "no.such") {
		t.Error("who calls what is not there makes series")
	}
	if a := s.do(http.MethodPost, "/metrics", ""); a.status != 405 {
		t.Errorf("POST: %d", a.status)
	}
	s.post("act", map[string]any{"action": "start", "names": []string{"idle"}})
	s.WriteConf(programs)
}
