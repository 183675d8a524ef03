package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	hookPath = "/services/T000/B000/" + secretPart
	token    = "xoxb-" + secretPart
	// secretPart must be seen nowhere.
	secretPart = "s3cr3tXXXXXXXXXXXXXXXXXX"
)

// slackServer answers as Slack documents it, and refuses what Slack refuses.
type slackServer struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	posts  []post
	answer func(w http.ResponseWriter) bool // answers in place of the server; false: as usual
	gone   map[string]bool                  // threads whose first message is deleted
}

type post struct {
	Text        string `json:"text"`
	Channel     string
	Thread      string
	Broadcast   bool
	Username    string `json:"username"`
	Attachments []struct {
		Color, Fallback string
		Blocks          []struct {
			Type     string
			Text     struct{ Type, Text string }
			Elements []struct{ Type, Text string }
		}
	}
}

func startSlack(t *testing.T) *slackServer {
	s := &slackServer{t: t, gone: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *slackServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil && s.answer(w) {
		return
	}
	switch r.URL.Path {
	case hookPath:
		var p post
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &p) != nil {
			http.Error(w, "invalid_payload", http.StatusBadRequest)
			return
		}
		if word := p.wrong(); word != "" {
			http.Error(w, word, http.StatusBadRequest)
			return
		}
		s.posts = append(s.posts, p)
		_, _ = io.WriteString(w, "ok")
	case "/api/chat.postMessage":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		refuse := func(word string) { _, _ = fmt.Fprintf(w, `{"ok":false,"error":%q}`, word) }
		bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if err := r.ParseForm(); err != nil {
			refuse("invalid_form_data")
			return
		}
		p := post{
			Text: r.Form.Get("text"), Channel: r.Form.Get("channel"), Thread: r.Form.Get("thread_ts"),
			Broadcast: r.Form.Get("reply_broadcast") == "true", Username: r.Form.Get("username"),
		}
		word := ""
		switch {
		case bearer != token && r.Form.Get("token") != token:
			word = "invalid_auth"
		case p.Channel != "C1":
			word = "channel_not_found"
		case s.gone[p.Thread]:
			word = "thread_not_found"
		case json.Unmarshal([]byte(r.Form.Get("attachments")), &p.Attachments) != nil:
			word = "invalid_attachments"
		default:
			word = p.wrong()
		}
		if word != "" {
			refuse(word)
			return
		}
		s.posts = append(s.posts, p)
		_, _ = fmt.Fprintf(w, `{"ok":true,"channel":"C1","ts":"1700000000.%06d","message":{"text":"x"}}`, len(s.posts))
	default:
		http.Error(w, "no_service", http.StatusNotFound)
	}
}

// wrong is what Slack finds wrong in a message.
func (p *post) wrong() string {
	if p.Text == "" && len(p.Attachments) == 0 {
		return "no_text"
	}
	if utf8.RuneCountInString(p.Text) > 40000 {
		return "msg_too_long"
	}
	for _, a := range p.Attachments {
		if len(a.Blocks) > 50 {
			return "invalid_blocks"
		}
		for _, b := range a.Blocks {
			if b.Type == "section" && (b.Text.Text == "" || utf8.RuneCountInString(b.Text.Text) > 3000) {
				return "invalid_blocks"
			}
			for _, e := range b.Elements {
				if e.Text == "" {
					return "invalid_blocks"
				}
			}
		}
	}
	return ""
}

func (s *slackServer) got() []post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]post{}, s.posts...)
}

func (s *slackServer) answers(f func(w http.ResponseWriter) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

func (s *slackServer) webhook(t *testing.T) *notifier {
	return made(t, func(c *config) { c.WebhookURL = s.URL + hookPath })
}

func (s *slackServer) bot(t *testing.T, change func(*config)) *notifier {
	return made(t, func(c *config) {
		c.BotToken, c.Channel, c.APIURL = token, "C1", s.URL+"/api"
		if change != nil {
			change(c)
		}
	})
}

func made(t *testing.T, change func(*config)) *notifier {
	t.Helper()
	c := defaults()
	change(&c)
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

func moment() time.Time { return time.Date(2024, 1, 5, 13, 5, 6, 0, time.UTC) }

func event(name string) sdk.Event {
	return sdk.Event{Type: "PROCESS_STATE_FATAL", Time: moment(), Group: name, Process: name, From: "BACKOFF"}
}

func about(title string, names ...string) *sdk.Notification {
	m := &sdk.Notification{ID: "1", Severity: sdk.Critical, Title: title, Body: "It was tried 3 times.", Daemon: sdk.Daemon{Hostname: "host1"}}
	for _, name := range names {
		m.Events = append(m.Events, event(name))
	}
	return m
}

func TestAWebhookGetsTitleBodyAndColour(t *testing.T) {
	s := startSlack(t)
	n := s.webhook(t)
	n.c.Mention = "<!channel>"
	m := about("web is <FATAL> & gone", "web")
	m.Suppressed = 7
	if err := n.Notify(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	p := s.got()[0]
	if p.Text != "<!channel> *web is &lt;FATAL&gt; &amp; gone*" {
		t.Errorf("text %q", p.Text)
	}
	a := p.Attachments[0]
	if a.Color != "#7a0000" || a.Blocks[0].Text.Text != "It was tried 3 times." ||
		a.Blocks[1].Elements[0].Text != "critical · host1 · 2024-01-05 13:05:06 UTC · 7 events held back before" {
		t.Errorf("attachment %+v", a)
	}
}

func TestSeveralEventsAreListed(t *testing.T) {
	s := startSlack(t)
	m := about("many", "a", "b")
	m.Events[1].Exit = &sdk.Exit{Signal: 9}
	for i := range 100 {
		m.Events = append(m.Events, event(fmt.Sprint("p", i)))
	}
	if err := s.webhook(t).Notify(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	list := s.got()[0].Attachments[0].Blocks[1].Text.Text
	if !strings.HasPrefix(list, "• 13:05:06 FATAL a\n• 13:05:06 FATAL b (signal 9)\n") || !strings.HasSuffix(list, "\n… and 82 more") {
		t.Errorf("list %q", list)
	}
}

func TestWhatIsTooLongIsCut(t *testing.T) {
	s := startSlack(t)
	for _, text := range []string{
		strings.Repeat("&", 50000), strings.Repeat("žluťoučký kůň\n", 5000), strings.Repeat("x", 3000), strings.Repeat("\xff<", 9000), "", "\x00",
	} {
		m := about(text, "web", "db")
		m.Body = text
		for i := range m.Events {
			m.Events[i].Process = text
		}
		if err := s.webhook(t).Notify(context.Background(), m); err != nil {
			t.Fatalf("%.20q: %v", text, err)
		}
	}
}

func TestNothingIsCutWithinACharacter(t *testing.T) {
	for n := 1; n < 40; n++ {
		got := shorten(escape(strings.Repeat("<ž&>", 20)), n)
		if utf8.RuneCountInString(got) > n || !utf8.ValidString(got) {
			t.Errorf("%d: %q", n, got)
		}
		plain := strings.NewReplacer("&lt;", "", "&gt;", "", "&amp;", "").Replace(got)
		if strings.ContainsAny(plain, "&;") {
			t.Errorf("%d: %q is cut within an entity", n, got)
		}
	}
}

func TestABotKeepsAThreadPerProgram(t *testing.T) {
	s := startSlack(t)
	n := s.bot(t, nil)
	send := func(m *sdk.Notification) post {
		t.Helper()
		if err := n.Notify(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		all := s.got()
		return all[len(all)-1]
	}
	if p := send(about("first", "web")); p.Thread != "" || p.Channel != "C1" {
		t.Errorf("the first message is %+v", p)
	}
	if p := send(about("of another", "db")); p.Thread != "" {
		t.Errorf("another program's first is in the thread %q", p.Thread)
	}
	if p := send(about("second", "web")); p.Thread != "1700000000.000001" || !p.Broadcast {
		t.Errorf("the second is %+v", p)
	}
	recovered := about("third", "web", "web")
	recovered.Severity = sdk.Info
	if p := send(recovered); p.Thread != "1700000000.000001" || p.Broadcast {
		t.Errorf("an info is %+v", p)
	}
	if p := send(about("both", "web", "db")); p.Thread != "" {
		t.Errorf("what is about two programs is in the thread %q", p.Thread)
	}
	s.mu.Lock()
	s.gone["1700000000.000001"] = true
	s.mu.Unlock()
	if p := send(about("after the thread was deleted", "web")); p.Thread != "" {
		t.Errorf("it is in the thread %q", p.Thread)
	}
	if p := send(about("again", "web")); p.Thread != "1700000000.000006" {
		t.Errorf("it is in the thread %q", p.Thread)
	}
}

func TestThreadsAreBoundedAndEnd(t *testing.T) {
	now := moment()
	th := newThreads(time.Hour, 2)
	th.begin("a", "1", now)
	th.begin("b", "2", now)
	th.of("a", now)
	th.begin("c", "3", now)
	if th.of("a", now) != "1" || th.of("b", now) != "" || th.of("c", now) != "3" || len(th.by) != 2 {
		t.Error("not the thread that was longest unused is forgotten")
	}
	if th.of("a", now.Add(2*time.Hour)) != "" || len(th.by) != 1 {
		t.Error("an old thread goes on")
	}
}

// status answers with a status, a Retry-After and a text.
func status(code int, after, text string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		if strings.HasPrefix(text, "{") {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
		return true
	}
}

func TestWhatSlackAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter) bool
		bot    bool
		final  bool
		after  time.Duration
		says   string
	}{
		"hook: no such webhook":       {answer: status(404, "", "no_service"), final: true, says: "no_service"},
		"hook: archived":              {answer: status(410, "", "channel_is_archived"), final: true, says: "channel_is_archived"},
		"hook: bad payload":           {answer: status(400, "", "invalid_payload"), final: true, says: "invalid_payload"},
		"hook: forbidden":             {answer: status(403, "", "action_prohibited"), final: true, says: "403"},
		"hook: its own trouble":       {answer: status(500, "", "rollup_error"), says: "rollup_error"},
		"hook: a page for a 502":      {answer: status(502, "", "<html>"+secretPart), says: "502 Bad Gateway"},
		"hook: too often":             {answer: status(429, "30", "rate_limited"), after: 30 * time.Second, says: "429"},
		"hook: too often, for a year": {answer: status(429, "31536000", ""), after: time.Hour, says: "429"},
		"hook: redirect": {answer: func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "http://example.invalid/"+secretPart)
			w.WriteHeader(307)
			return true
		}, final: true, says: "example.invalid"},
		"bot: too often":           {bot: true, answer: status(429, "12", `{"ok":false,"error":"ratelimited"}`), after: 12 * time.Second, says: "too often"},
		"bot: too often, a date":   {bot: true, answer: status(429, time.Now().Add(300*time.Hour).UTC().Format(http.TimeFormat), ""), after: time.Hour, says: "too often"},
		"bot: too often, a half":   {bot: true, answer: status(429, "1.5", ""), after: 1500 * time.Millisecond, says: "too often"},
		"bot: too often, nonsense": {bot: true, answer: status(429, "soon", ""), says: "too often"},
		"bot: too often, silent":   {bot: true, answer: status(429, "", "slow down"), says: "too often"},
		"bot: too often, no time":  {bot: true, answer: status(200, "", `{"ok":false,"error":"ratelimited"}`), says: "ratelimited"},
		"bot: its own trouble":     {bot: true, answer: status(200, "", `{"ok":false,"error":"internal_error"}`), says: "internal_error"},
		"bot: a page for a 503":    {bot: true, answer: status(503, "", "<html>"), says: "503"},
		"bot: no channel":          {bot: true, answer: status(200, "", `{"ok":false,"error":"channel_not_found"}`), final: true, says: "invite the bot"},
		"bot: token revoked":       {bot: true, answer: status(200, "", `{"ok":false,"error":"token_revoked"}`), final: true, says: "token_revoked"},
		"bot: a word of next year": {bot: true, answer: status(200, "", `{"ok":false,"error":"fnord"}`), final: true, says: "fnord"},
		"bot: garbage":             {bot: true, answer: status(200, "", "garbage"), says: "what Slack does not"},
		"bot: nothing":             {bot: true, answer: status(200, "", ""), says: "what Slack does not"},
		"bot: without end": {bot: true, answer: func(w http.ResponseWriter) bool {
			_, _ = io.WriteString(w, `{"ok":true,"x":"`+strings.Repeat("x", 4<<20))
			return true
		}, says: "what Slack does not"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSlack(t)
			s.answers(c.answer)
			n := s.webhook(t)
			if c.bot {
				n = s.bot(t, nil)
			}
			err := n.Notify(context.Background(), about("x", "web"))
			if err == nil || sdk.IsFinal(err) != c.final || sdk.RetryDelay(err) != c.after || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v (final %v, after %v)", err, sdk.IsFinal(err), sdk.RetryDelay(err))
			}
			if strings.Contains(err.Error(), secretPart) {
				t.Errorf("it tells the secret: %v", err)
			}
			s.answers(nil)
			if err := n.Notify(context.Background(), about("x", "web")); err != nil {
				t.Errorf("once all is well again: %v", err)
			}
		})
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = hclog.NewNullLogger().StandardLogger(nil)
	tls.StartTLS()
	defer tls.Close()
	authority := remotetest.NewAuthority(t)
	ours := httptest.NewUnstartedServer(http.NotFoundHandler())
	ours.Config.ErrorLog, ours.TLS = hclog.NewNullLogger().StandardLogger(nil), authority.Server("other.example", false)
	ours.StartTLS()
	defer ours.Close()
	port := ours.Listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is one
	stuck := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer slow.Close()
	defer close(stuck)
	for name, c := range map[string]struct{ address, says string }{
		"down": {down.URL, "refused"}, "without a name": {"http://name.invalid", "name.invalid"}, "slow": {slow.URL, "in time"},
		"with a certificate of its own": {tls.URL, "unknown authority"}, "with one for another name": {fmt.Sprintf("https://localhost:%d", port), "other.example"},
		"without TLS": {strings.Replace(slow.URL, "http:", "https:", 1), ""},
	} {
		try := func(conf *config) { conf.Timeout, conf.CA = sdktest.Patience, "" }
		if name == "slow" {
			try = func(conf *config) { conf.Timeout, conf.CA = 500*time.Millisecond, "" }
		}
		if name == "with one for another name" {
			try = func(conf *config) { conf.Timeout, conf.CA = sdktest.Patience, authority.File }
		}
		for kind, n := range map[string]*notifier{
			"hook": made(t, func(conf *config) { try(conf); conf.WebhookURL = c.address + hookPath }),
			"bot":  made(t, func(conf *config) { try(conf); conf.BotToken, conf.Channel, conf.APIURL = token, "C1", c.address }),
		} {
			err := n.Notify(context.Background(), about("x", "web"))
			if err == nil || sdk.IsFinal(err) || strings.Contains(err.Error(), secretPart) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			t.Logf("%s, %s: %v", name, kind, err)
		}
	}
}

func TestACancelledTryEnds(t *testing.T) {
	stuck := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer slow.Close()
	defer close(stuck)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n := made(t, func(c *config) { c.WebhookURL = slow.URL + hookPath })
	if err := n.Notify(ctx, about("x", "web")); err == nil || sdk.IsFinal(err) {
		t.Errorf("%v", err)
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		key    string
		change func(*config)
	}{
		{"webhook_url", func(*config) {}},
		{"webhook_url", func(c *config) { c.WebhookURL = "ftp://" + secretPart }},
		{"webhook_url", func(c *config) { c.WebhookURL = "https://%zz" + secretPart }},
		{"bot_token", func(c *config) { c.WebhookURL, c.BotToken = "https://x/"+secretPart, token }},
		{"channel", func(c *config) { c.BotToken = token }},
		{"channel", func(c *config) { c.WebhookURL, c.Channel = "https://x", "#y" }},
		{"api_url", func(c *config) { c.BotToken, c.Channel, c.APIURL = token, "#x", "x" }},
		{"timeout", func(c *config) { c.WebhookURL, c.Timeout = "https://x", 0 }},
	} {
		conf := defaults()
		c.change(&conf)
		err, ok := sdk.CheckConfig(&conf).(*sdk.ConfigError)
		sdktest.RefusedEarly(t, &conf, "")
		if !ok || err.Key != c.key || bytes.Contains([]byte(err.Text), []byte(secretPart)) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}
