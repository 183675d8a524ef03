package email

import (
	"context"
	"fmt"
	"mime"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret must be seen nowhere.
const secret = "s3cr3tXXXXXXXXXXXXXXXXXX"

func made(t *testing.T, s *server, change func(*config)) *notifier {
	t.Helper()
	c := defaults()
	c.To, c.From, c.Security = []string{"Ops <ops@example.com>"}, "Hark <hark@example.com>", "none"
	if s != nil {
		c.Server = s.address
	}
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := newNotifier(c, sdk.Instance{Name: "ops", Log: hclog.NewNullLogger(), Daemon: sdk.Daemon{Hostname: "host1"}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAMail(t *testing.T) {
	s := listen(t, &server{}, nil, false)
	m := sdktest.Sample(1)
	m.Title, m.Body, m.Severity = "žluť:\r\nBcc: eve@example.com <b>", "line one\n.\nFrom here <on> & žluť", sdk.Critical
	n := made(t, s, func(c *config) {
		c.Cc, c.Bcc, c.ReplyTo = []string{"cc@example.com"}, []string{"bcc@example.com", "ops@example.com"}, "reply@example.com"
		c.SubjectPrefix, c.Headers = "[hark]", map[string]string{"X-Team": "ops"}
	})
	if err := n.Notify(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	got := s.got()
	if len(got) != 1 || got[0].from != "hark@example.com" || !slices.Equal(got[0].to, []string{"ops@example.com", "cc@example.com", "bcc@example.com"}) {
		t.Fatalf("%+v", got)
	}
	h, parts := read(t, got[0].raw)
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != "[hark] žluť: Bcc: eve@example.com <b>" {
		t.Errorf("subject %q (%v)", subject, err)
	}
	for name, want := range map[string]string{
		"From": `"Hark" <hark@example.com>`, "To": `"Ops" <ops@example.com>`, "Cc": "<cc@example.com>", "Bcc": "", "Reply-To": "<reply@example.com>",
		"Message-Id": "<sample-1.ops@host1>", "References": "<program.web.web_00@host1>", "Auto-Submitted": "auto-generated",
		"X-Team": "ops", "X-Hark-Severity": "critical", "Importance": "high",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want)
		}
	}
	const text = "žluť: Bcc: eve@example.com <b>\n\nline one\n.\nFrom here <on> & žluť\n\n-- \nsupervisord sdktest on host.example.org, times in UTC\n"
	if parts["text/plain"] != text {
		t.Errorf("text %q", parts["text/plain"])
	}
	if page := parts["text/html"]; !strings.Contains(page, "From here &lt;on&gt; &amp; žluť") || !strings.Contains(page, "#7b0000") || strings.Contains(page, "<table") {
		t.Errorf("page %s", page)
	}
}

func TestADigest(t *testing.T) {
	m := sdktest.Sample(700)
	m.Suppressed = 4
	m.Events[1].Type, m.Events[1].Exit, m.Events[1].Pid, m.Events[1].Tries = "PROCESS_STATE_FATAL", nil, 0, 3
	m.Events[2].Exit = &sdk.Exit{Signal: 11, CoreDumped: true}
	m.Events[3].Process = "<script>"
	s := listen(t, &server{}, nil, false)
	if err := made(t, s, nil).Notify(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	h, parts := read(t, s.got()[0].raw)
	if h.Get("References") != "" {
		t.Error("a mail about many programs is put into the thread of one")
	}
	for _, want := range []string{
		"\n700 events about 700 programs: 699 EXITED, 1 FATAL\n",
		"\n2026-01-02 03:04:05  PROCESS_STATE_EXITED  web:web_00    from RUNNING, pid 4711, status 3 after 1m30s, not expected\n",
		"\n2026-01-02 03:04:06  PROCESS_STATE_FATAL   web:web_01    from RUNNING, 3 tries\n",
		"signal 11 (core dumped)", "\nand 200 more\n", "\n4 events were held back before.\n",
	} {
		if !strings.Contains(parts["text/plain"], want) {
			t.Errorf("%q is not in\n%.900s", want, parts["text/plain"])
		}
	}
	if page := parts["text/html"]; strings.Count(page, "<tr") != 501 || strings.Contains(page, "<script>") || !strings.Contains(page, "and 200 more") {
		t.Errorf("page %.900s", page)
	}
}

func TestHowTheServerIsSpokenTo(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	conf := authority.Server("mx.example", false)
	trust := func(c *config) { c.CA, c.ServerName = authority.File, "mx.example" }
	login := func(c *config) { c.Username, c.Password = "me", secret }
	with := func(security string, more ...func(*config)) func(*config) {
		return func(c *config) {
			c.Security = security
			for _, f := range more {
				f(c)
			}
		}
	}
	for name, c := range map[string]struct {
		starttls, implicit bool
		secret             string
		change             func(*config)
		secure             bool
		away               bool
		fails              string
		final              bool
	}{
		"in the clear":                    {change: with("none")},
		"STARTTLS":                        {starttls: true, change: with("starttls", trust), secure: true},
		"STARTTLS if there is any":        {starttls: true, change: with("opportunistic", trust), secure: true},
		"STARTTLS, and there is none":     {change: with("opportunistic")},
		"TLS":                             {implicit: true, change: with("tls", trust), secure: true},
		"TLS and a password":              {implicit: true, secret: secret, change: with("tls", trust, login), secure: true},
		"STARTTLS and a password":         {starttls: true, secret: secret, change: with("starttls", trust, login), secure: true},
		"STARTTLS and LOGIN":              {starttls: true, secret: secret, change: with("starttls", trust, login, func(c *config) { c.Auth = "login" }), secure: true},
		"a password in the clear":         {secret: secret, change: with("none", login)},
		"LOGIN in the clear":              {secret: secret, change: with("none", login, func(c *config) { c.Auth = "login" })},
		"a wrong password":                {starttls: true, secret: "other", change: with("starttls", trust, login), fails: "535", final: true},
		"a wrong password, by LOGIN":      {starttls: true, secret: "other", change: with("starttls", trust, login, func(c *config) { c.Auth = "login" }), fails: "535", final: true},
		"no password where one is wanted": {starttls: true, secret: secret, change: with("starttls", trust), fails: "authenticate", final: true},
		"a password not meant for the clear": {
			away: true, secret: secret, change: with("opportunistic", login), fails: "unencrypted",
		},
		"no STARTTLS where it is demanded": {change: with("starttls", trust), fails: "STARTTLS"},
		"a certificate we do not know":     {starttls: true, change: with("starttls"), fails: "tls_ca"},
		"the same, over TLS":               {implicit: true, change: with("tls"), fails: "tls_ca"},
		"the same, taken all the same":     {implicit: true, change: with("tls", func(c *config) { c.Insecure = true }), secure: true},
		"a certificate for another name":   {starttls: true, change: with("starttls", trust, func(c *config) { c.ServerName = "other.example" }), fails: "other.example"},
		"the same name, over TLS":          {implicit: true, change: with("tls", trust, func(c *config) { c.ServerName = "other.example" }), fails: "other.example"},
		"TLS where there is none":          {change: with("tls", trust), fails: "security = starttls"},
		"a mechanism that it has not":      {secret: secret, change: with("none", login, func(c *config) { c.Auth = "cram-md5" }), fails: "CRAM-MD5"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{secret: c.secret, away: c.away}
			if c.starttls || c.implicit {
				listen(t, s, conf, c.implicit)
			} else {
				listen(t, s, nil, false)
			}
			err := made(t, s, c.change).Notify(context.Background(), sdktest.Sample(1))
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || sdk.IsFinal(err) != c.final || strings.Contains(err.Error(), secret) || len(s.got()) != 0 {
					t.Errorf("final %v: %v", sdk.IsFinal(err), err)
				}
				for _, form := range inBase64("me", secret) {
					if strings.Contains(err.Error(), form) {
						t.Errorf("it tells the password: %v", err)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := s.got(); len(got) != 1 || got[0].secure != c.secure || got[0].login != (c.secret != "") {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestWhatTheServerRefuses(t *testing.T) {
	for _, c := range []struct {
		what  string
		code  int
		final bool
	}{
		{"MAIL", 451, false}, {"MAIL", 550, true}, {"DATA", 452, false}, {"DATA", 554, true},
		{"ops@example.com", 450, false}, {"ops@example.com", 550, true},
	} {
		t.Run(fmt.Sprint(c.what, " ", c.code), func(t *testing.T) {
			s := listen(t, &server{}, nil, false)
			n := made(t, s, nil)
			s.refuses(c.what, c.code)
			err := n.Notify(context.Background(), sdktest.Sample(1))
			if err == nil || sdk.IsFinal(err) != c.final || !strings.Contains(err.Error(), "we say so") || n.Health() == nil {
				t.Errorf("final %v: %v; health %v", sdk.IsFinal(err), err, n.Health())
			}
			s.refuses(c.what, 0)
			if err := n.Notify(context.Background(), sdktest.Sample(1)); err != nil || n.Health() != nil || len(s.got()) != 1 {
				t.Errorf("later: %v; health %v", err, n.Health())
			}
		})
	}
}

func TestOneBadRecipientDoesNotKeepTheMailFromOthers(t *testing.T) {
	s := listen(t, &server{}, nil, false)
	n := made(t, s, func(c *config) { c.To = []string{"a@example.com", "gone@example.com", "later@example.com"} })
	s.refuses("gone@example.com", 550)
	s.refuses("later@example.com", 450)
	m := sdktest.Sample(1)
	if err := n.Notify(context.Background(), m); err == nil || sdk.IsFinal(err) {
		t.Fatalf("a recipient for later: %v", err)
	}
	s.refuses("later@example.com", 0)
	if err := n.Notify(context.Background(), m); err != nil {
		t.Fatalf("the second try: %v", err)
	}
	got := s.got()
	if len(got) != 2 || !slices.Equal(got[0].to, []string{"a@example.com"}) || !slices.Equal(got[1].to, []string{"later@example.com"}) {
		t.Errorf("%+v", got)
	}
	if err := n.Health(); err == nil || !strings.Contains(err.Error(), "gone@example.com") {
		t.Errorf("health: %v", err)
	}
	m.ID = "2" // another one goes to all again
	_ = n.Notify(context.Background(), m)
	if got := s.got(); len(got) != 3 || !slices.Equal(got[2].to, []string{"a@example.com", "later@example.com"}) {
		t.Errorf("the next: %+v", got)
	}
}

func TestAServerThatDoesNotAnswer(t *testing.T) {
	stalled := make(chan struct{})
	s := listen(t, &server{stalled: stalled}, nil, false)
	defer close(stalled)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, address := range map[string]string{
		"in the middle of a mail": s.address, "at all": sdktest.Hanging(t), "as nobody listens": closed.Addr().String(), "as it has no address": "name.invalid:25",
	} {
		n := made(t, s, func(c *config) { c.Server = address })
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		err := n.Notify(ctx, sdktest.Sample(1))
		cancel()
		if err == nil || sdk.IsFinal(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAServerThatSpeaksNoSMTP(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		change  func(*config)
	}{
		"garbage":               {remotetest.Garbage(t, "\x00\x01no SMTP\r\n"), nil},
		"garbage, for TLS":      {remotetest.Garbage(t, "no TLS\r\n"), func(c *config) { c.Security = "tls" }},
		"a page":                {remotetest.Garbage(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), nil},
		"a long way to say no":  {remotetest.Garbage(t, strings.Repeat("451-not now\r\n", 1000)+"451 no\r\n"), nil},
		"a line without end":    {remotetest.WithoutEnd(t, strings.Repeat("2", 4096)), nil},
		"an answer without end": {remotetest.WithoutEnd(t, strings.Repeat("220-and so on\r\n", 300)), nil},
		"the same, for later":   {remotetest.WithoutEnd(t, strings.Repeat("250-and so on\r\n", 300)), func(c *config) { c.Security = "opportunistic" }},
	} {
		t.Run(name, func(t *testing.T) {
			n := made(t, nil, func(conf *config) {
				conf.Server, conf.Username, conf.Password, conf.Timeout = c.address, "me", secret, sdktest.Patience
				if c.change != nil {
					c.change(conf)
				}
			})
			ctx, cancel := context.WithTimeout(context.Background(), sdktest.Patience)
			defer cancel()
			err := n.Notify(ctx, sdktest.Sample(1))
			if err == nil || sdk.IsFinal(err) || ctx.Err() != nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), secret) {
				t.Errorf("%.1000v (%d bytes)", err, len(fmt.Sprint(err)))
			}
			t.Logf("%.300v", err)
		})
	}
}

// sendmail is a command that takes mail, as the MTA's is.
func sendmail(t *testing.T, script string) (command, dir string) {
	t.Helper()
	dir = t.TempDir()
	command = filepath.Join(dir, "sendmail")
	if err := os.WriteFile(command, []byte("#!/bin/sh\ncd "+dir+"\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return command, dir
}

func TestSendmail(t *testing.T) {
	command, dir := sendmail(t, `printf '%s\n' "$@" >args; cat >mail`)
	n := made(t, nil, func(c *config) { c.Sendmail, c.To = command+" -oX", []string{"a@example.com", "b@example.com"} })
	if err := n.Notify(context.Background(), sdktest.Sample(2)); err != nil {
		t.Fatal(err)
	}
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	if err != nil || string(args) != "-oX\n-i\n-f\nhark@example.com\n--\na@example.com\nb@example.com\n" {
		t.Errorf("%q (%v)", args, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "mail"))
	if err != nil || strings.Contains(string(raw), "\r") {
		t.Errorf("%v: %q", err, raw)
	}
	if h, parts := read(t, raw); h.Get("To") == "" || parts["text/html"] == "" {
		t.Errorf("%s", raw)
	}
	for script, final := range map[string]bool{
		"echo no such user >&2; exit 67": true, "exit 75": false, "exit 69": false, "exit 1": false, "exit 78": true, "kill -9 $$": false,
		"sleep 1000": false,
	} {
		command, _ := sendmail(t, "exec 1>&2\n"+strings.Replace(script, "sleep", "exec sleep", 1))
		n := made(t, nil, func(c *config) { c.Sendmail, c.Timeout = command, 10*time.Second })
		ctx := context.Background()
		if script == "sleep 1000" {
			var cancel func()
			ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
		}
		err := n.Notify(ctx, sdktest.Sample(1))
		if err == nil || sdk.IsFinal(err) != final || strings.Contains(script, "user") && !strings.Contains(err.Error(), "no such user") {
			t.Errorf("%s: final %v: %v", script, sdk.IsFinal(err), err)
		}
	}
}

func TestConformance(t *testing.T) {
	s := listen(t, &server{secret: secret}, nil, false)
	seen := 0
	values := func(address string) map[string]string {
		return map[string]string{
			"server": address, "security": "none", "username": "me", "password": secret, "to": "ops@example.com, dev@example.com",
		}
	}
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{
		Options: sdktest.Options{
			Values: values(s.address), Hang: values(sdktest.Hanging(t)),
			Late: map[string]string{"no such file": "it is about a file"},
			Bad: []sdktest.Bad{
				{Name: "no address", Set: map[string]string{"to": "tell-no-value"}, Key: "to"},
				{Name: "no sender", Set: map[string]string{"from": "tell-no-value"}, Key: "from"},
				{Name: "a server and sendmail", Set: map[string]string{"sendmail": "x"}, Key: "sendmail"},
				{Name: "no password", Set: map[string]string{"password": sdktest.Unset}, Key: "password"},
				{Name: "no server", Set: map[string]string{"server": sdktest.Unset}, Key: "server"},
				{Name: "a port that is none", Set: map[string]string{"server": "x:99999"}, Key: "server"},
				{Name: "a header of ours", Set: map[string]string{"headers": `to="x"`}, Key: "headers"},
				{Name: "no such file", Set: map[string]string{"tls_ca": "/nonexistent"}, Key: "tls_ca"},
			},
		},
		Delivered: func(t *testing.T, n int) {
			if all := len(s.got()); all-seen != n {
				t.Errorf("%d have arrived, want %d", all-seen, n)
			}
			seen = len(s.got())
		},
	})
}
