package shoutrrr

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
)

const telegramURL = "telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw@telegram?chats=a,b,c"

// chats are the chats that requests were for, in order.
func chats(all []seen) string {
	var got []string
	for _, s := range all {
		_, rest, _ := strings.Cut(s.body, `"chat_id": "`)
		chat, _, _ := strings.Cut(rest, `"`)
		got = append(got, chat)
	}
	return strings.Join(got, " ")
}

// Who has the message does not get it again because another could not be reached.
func TestOnlyWhatIsNotDeliveredIsSentAgain(t *testing.T) {
	w := newWorld(t)
	n := w.notifier(&stage{}, telegramURL, nil)
	trouble := map[string]reply{}
	w.answers(func(s seen) reply {
		if a, ok := trouble[chats([]seen{s})]; ok {
			return a
		}
		return reply{body: `{"ok":true,"result":{}}`}
	})
	trouble["b"] = reply{status: 503}
	m := about("1", "web is down", "")
	if err := n.Notify(t.Context(), m); err == nil || sdk.IsFinal(err) {
		t.Fatal(err)
	}
	if got := chats(w.got()); got != "a b" {
		t.Errorf("the first try goes to %s", got)
	}
	delete(trouble, "b")
	trouble["c"] = reply{status: 429, body: `{"ok":false,"error_code":429,"parameters":{"retry_after":3}}`}
	if err := n.Notify(t.Context(), m); sdk.RetryDelay(err) != 3*time.Second {
		t.Fatal(err)
	}
	if got := chats(w.got()); got != "b c" {
		t.Errorf("the second try goes to %s", got)
	}
	delete(trouble, "c")
	if err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := chats(w.got()); got != "c" {
		t.Errorf("the third try goes to %s", got)
	}
	if err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := chats(w.got()); got != "a b c" {
		t.Errorf("what comes after it goes to %s", got)
	}
	trouble["c"] = reply{status: 500}
	if err := n.Notify(t.Context(), m); err == nil {
		t.Fatal("it is delivered")
	}
	w.got()
	if err := n.Notify(t.Context(), about("2", "web is up", "")); err == nil {
		t.Fatal("it is delivered")
	}
	if got := chats(w.got()); got != "a b c" {
		t.Errorf("another notification goes to %s", got)
	}
}

// Who refuses it does not keep it from the others, and does not hide that one of them could not be reached.
func TestOneRefusalIsNotThatOfAll(t *testing.T) {
	w := newWorld(t)
	for name, url := range map[string]string{
		"telegram": telegramURL, "ifttt": "ifttt://k3yOfIFTTT/?events=a,b,c", "pushbullet": "pushbullet://o.abcdefghijklmnopqrstuvwxyz012345/a/b/c",
		"matrix": "matrix://:t0ken@matrix.example/?rooms=!a,!b,!c",
	} {
		n := w.notifier(&stage{}, url, nil)
		status := map[string]int{}
		of := func(s seen) string {
			for _, one := range []string{"a", "b", "c"} {
				for _, sign := range []string{`"chat_id": "` + one + `"`, `"device_iden": "` + one + `"`, "/trigger/" + one + "/", "/%21" + one + "/send"} {
					if strings.Contains(s.body+s.path, sign) {
						return one
					}
				}
			}
			return ""
		}
		w.answers(func(s seen) reply {
			if strings.Contains(s.path, "/join/") {
				return reply{body: `{"room_id":"!` + s.path[len(s.path)-1:] + `"}`}
			}
			return reply{status: status[of(s)], body: `{"ok":true}`}
		})
		sent := func() (all string) {
			for _, s := range w.got() {
				all += of(s)
			}
			return all
		}
		status["a"] = 403
		err := n.Notify(t.Context(), about("1", "x", ""))
		if got := sent(); err == nil || !sdk.IsFinal(err) || got != "abc" {
			t.Errorf("%s: %v, after %s", name, err, got)
		}
		status["b"] = 503
		err = n.Notify(t.Context(), about("2", "x", ""))
		if got := sent(); err == nil || sdk.IsFinal(err) || got != "ab" {
			t.Errorf("%s: %v, after %s", name, err, got)
		}
		status["b"] = 200
		err = n.Notify(t.Context(), about("2", "x", ""))
		if got := sent(); err == nil || !sdk.IsFinal(err) || got != "bc" {
			t.Errorf("%s: %v, after %s", name, err, got)
		}
	}
}

func TestMatrix(t *testing.T) {
	w := newWorld(t)
	n := w.notifier(&stage{}, "matrix://user1:p4ssword@matrix.example/?rooms=!a:x,!b:x", nil)
	var mu sync.Mutex
	token, trouble := "first", map[string]reply{}
	w.answers(func(s seen) reply {
		mu.Lock()
		defer mu.Unlock()
		for path, a := range trouble {
			if strings.Contains(s.path, path) {
				return a
			}
		}
		switch {
		case s.path == "/_matrix/client/r0/login" && s.method == http.MethodGet:
			return reply{body: `{"flows":[{"type":"m.login.password"}]}`}
		case s.path == "/_matrix/client/r0/login" && strings.Contains(s.body, `"p4ssword"`):
			return reply{body: `{"access_token":"` + token + `","user_id":"@user1:x"}`}
		case s.query != "access_token="+token:
			return reply{status: 401, body: `{"errcode":"M_UNKNOWN_TOKEN","error":"no p4ssword, and no ` + s.query + `"}`}
		case strings.Contains(s.path, "/join/"):
			return reply{body: `{"room_id":"` + strings.TrimPrefix(s.path, "/_matrix/client/r0/join/") + `"}`}
		}
		return reply{body: `{"event_id":"$1"}`}
	})
	set := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}
	sent := func(want int, logins int) {
		t.Helper()
		messages, logged := 0, 0
		for _, s := range w.got() {
			if strings.Contains(s.path, "/send/m.room.message") {
				messages++
				holds(t, "the message", s.body, `"body":"web is down\nit has ended"`)
			}
			if strings.HasSuffix(s.path, "/login") && s.method == http.MethodPost {
				logged++
			}
		}
		if messages != want || logged != logins {
			t.Errorf("%d messages and %d logins, want %d and %d", messages, logged, want, logins)
		}
	}
	notify := func(id string, want sdktest.Outcome) {
		t.Helper()
		c := known{secrets: []string{"p4ssword", "first", "second"}}
		c.outcome(t, id, n.Notify(t.Context(), about(id, "web is down", "it has ended")), want, 0)
	}
	set(func() { trouble["login"] = reply{status: 502} })
	notify("1", sdktest.Retry)
	sent(0, 0)
	set(func() { delete(trouble, "login") })
	notify("1", sdktest.Delivered)
	sent(2, 1)
	notify("2", sdktest.Delivered)
	sent(2, 0) // the login is kept
	set(func() { token = "second" })
	notify("3", sdktest.Retry)
	sent(0, 0)
	notify("3", sdktest.Delivered)
	sent(2, 1)
	set(func() { trouble["b:x/send"] = reply{status: 500} })
	notify("4", sdktest.Retry)
	sent(2, 0)
	set(func() { delete(trouble, "b:x/send") })
	notify("4", sdktest.Delivered)
	sent(1, 0)
	set(func() { trouble["login"] = reply{body: `{"flows":[{"type":"m.login.sso"}]}`}; token = "third" })
	notify("5", sdktest.Retry)
	notify("5", sdktest.Final)
}

// ntfy's titles would stay those of the first message, if the library's service did.
func TestNothingOfAMessageComesWithTheNext(t *testing.T) {
	w := newWorld(t)
	n := w.notifier(&stage{}, "ntfy://ntfy.sh/t0pic", func(c *config) {
		c.Params = map[string]string{"priority": "{{if eq .Severity.String `critical`}}max{{else}}low{{end}}", "tags": "hark,{{.Attempt}}"}
	})
	for i, title := range []string{"first", "second", "žluťoučký\nthird\x1b"} {
		m := about(title, title, "body")
		if i > 0 {
			m.Severity = sdk.Info
		}
		if err := n.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		all := w.got()
		want := []string{"first", "second", "žluťoučký third"}[i]
		if len(all) != 1 || all[0].header.Get("Title") != want || all[0].header.Get("Priority") != []string{"Max", "Low", "Low"}[i] || all[0].header.Get("Tags") != "hark,1" {
			t.Errorf("%+v", all)
		}
	}
}

// One that waits for its service does not keep another from its own, though they share a process and the library.
func TestOneDoesNotHoldUpAnother(t *testing.T) {
	w, s := newWorld(t), &stage{}
	held := make(chan struct{})
	w.answers(func(r seen) reply {
		if r.host == "slow.example" {
			return reply{hang: held}
		}
		return reply{body: `{"ok":true}`}
	})
	slow := w.notifier(s, "generic+https://slow.example/s3cr3t", func(c *config) { c.Timeout = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- slow.Notify(ctx, about("1", "x", "y")) }()
	testkit.Until(t, "the request arrives", func() bool { return len(w.got()) > 0 })
	var others sync.WaitGroup
	for _, url := range []string{telegramURL, "ntfy://ntfy.sh/t0pic", "gotify://gotify.example/AzyoeNS.D4iJLVa", "generic+https://fast.example/"} {
		n := w.notifier(s, url, nil)
		others.Go(func() {
			for range 20 {
				if err := n.Notify(t.Context(), about("2", "x", "y")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	others.Wait()
	if got := len(w.got()); got != 20*(3+1+1+1) {
		t.Errorf("%d requests have arrived", got)
	}
	cancel()
	if err := <-done; err == nil || sdk.IsFinal(err) || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("the slow one ends with %v", err)
	}
	close(held)
}

func TestAServerThatIsNotThere(t *testing.T) {
	s := &stage{}
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	a := remotetest.NewAuthority(t)
	secure := func(config *tls.Config) *httptest.Server {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
		server.Config.ErrorLog = hclog.NewNullLogger().StandardLogger(nil)
		server.TLS = config
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	own, other := secure(a.Server("ntfy.example", false)), secure(nil)
	port := func(server *httptest.Server) string {
		_, p, _ := net.SplitHostPort(server.Listener.Addr().String())
		return p
	}
	host := func(server *httptest.Server) string { return server.Listener.Addr().String() }
	for name, c := range map[string]struct {
		url    string
		change func(*config)
		want   sdktest.Outcome
		says   string
	}{
		"down":                    {"ntfy://" + strings.TrimPrefix(down.URL, "http://") + "/t0pic?scheme=http", nil, sdktest.Retry, "refused"},
		"without a name":          {"ntfy://name.invalid/t0pic", nil, sdktest.Retry, "name.invalid"},
		"slow":                    {"ntfy://" + sdktest.Hanging(t) + "/t0pic?scheme=http", func(c *config) { c.Timeout = 200 * time.Millisecond }, sdktest.Retry, "in time"},
		"slow, with TLS":          {"ntfy://" + sdktest.Hanging(t) + "/t0pic", func(c *config) { c.Timeout = 200 * time.Millisecond }, sdktest.Retry, "in time"},
		"signed by nobody known":  {"ntfy://" + host(other) + "/t0pic", nil, sdktest.Retry, "certificate"},
		"signed by ours":          {"ntfy://" + host(own) + "/t0pic", func(c *config) { c.CA = a.File }, sdktest.Delivered, ""},
		"another name":            {"ntfy://localhost:" + port(own) + "/t0pic", func(c *config) { c.CA = a.File }, sdktest.Retry, "certificate"},
		"another name, as told":   {"ntfy://localhost:" + port(own) + "/t0pic", func(c *config) { c.CA, c.ServerName = a.File, "ntfy.example" }, sdktest.Delivered, ""},
		"any certificate":         {"ntfy://" + host(other) + "/t0pic", func(c *config) { c.Insecure = true }, sdktest.Delivered, ""},
		"any, by the URL":         {"ntfy://" + host(other) + "/t0pic?disabletlsverification=yes", nil, sdktest.Delivered, ""},
		"any, by gotify's":        {"gotify://" + host(other) + "/AzyoeNS.D4iJLVa?insecureskipverify=yes", nil, sdktest.Delivered, ""},
		"TLS where there is none": {"ntfy://" + host(own) + "/t0pic?scheme=http", nil, sdktest.Final, "400"},
		"a proxy that is down":    {"ntfy://ntfy.sh/t0pic", func(c *config) { c.Proxy = down.URL }, sdktest.Retry, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := defaults()
			conf.URL = c.url
			if c.change != nil {
				c.change(&conf)
			}
			n := made(t, s, conf)
			err := n.Notify(t.Context(), about("1", "x", "y"))
			k := known{secrets: []string{"t0pic"}, url: c.url}
			k.outcome(t, name, err, c.want, 0)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

// What the library does outside of deliveries, or somebody else does in this process, goes as it went before.
func TestOtherRequestsGoAsBefore(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer server.Close()
	s := &stage{}
	s.enter()
	answer, err := http.Get(server.URL) //nolint:noctx // as the library does
	if err != nil || answer.StatusCode != http.StatusTeapot {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

func TestALibraryThatPanics(t *testing.T) {
	s := &stage{}
	err := s.run(&delivery{}, func() error { panic("at once") })
	if err == nil || !strings.Contains(err.Error(), "at once") {
		t.Error(err)
	}
	if err := s.run(&delivery{}, func() error { return nil }); err != nil { // the turn has been given back
		t.Error(err)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.answers(says(200, `{"ok":true}`))
	n := w.notifier(&stage{}, strings.Replace(telegramURL, "a,b,c", strings.Repeat("a,", maxRequests-1)+"a", 1), nil)
	if err := n.Notify(t.Context(), about("1", "x", "y")); err != nil {
		t.Error(err)
	}
	if got := len(w.got()); got != maxRequests {
		t.Errorf("%d requests", got)
	}
	c := defaults()
	c.URL = strings.Replace(telegramURL, "a,b,c", strings.Repeat("a,", maxRequests)+"a", 1)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if _, err := newNotifier(c, &stage{}); err != nil {
		t.Log(err)
	} else {
		t.Error("more chats than requests are allowed")
	}
}
