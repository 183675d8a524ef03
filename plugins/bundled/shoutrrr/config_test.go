package shoutrrr

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

const secretPart = "s3cr3tXXXX"

func TestSectionsThatAreRefused(t *testing.T) {
	const ( // why only the plugin can refuse it
		svc      = "what the address of a service and its parameters have to hold is the library's code"
		template = "what a template can use is the plugin's code"
		file     = "it is about a file"
	)
	s := &stage{}
	for name, c := range map[string]struct {
		url, key, says string
		change         func(*config)
		late           string
	}{
		"no address":              {"tell " + secretPart, "url", "must be an address", nil, ""},
		"no URL":                  {"ntfy://%zz/" + secretPart, "url", "must be an address", nil, ""},
		"nothing behind":          {"ntfy:" + secretPart, "url", "must be an address", nil, ""},
		"no service":              {"x" + "://" + secretPart, "url", "bark://, discord://", nil, ""},
		"an address of the web":   {"https://hooks.example/" + secretPart, "url", "generic+https://", nil, ""},
		"mail":                    {"smtp://u:" + secretPart + "@h/?to=x@y", "url", "plugin = email", nil, ""},
		"the library's log":       {"logger://" + secretPart, "url", "begins with the name of a service", nil, ""},
		"several":                 {"ntfy://h/a\nntfy://h/" + secretPart, "url", "generic+https://", nil, ""},
		"too long":                {"ntfy://h/" + strings.Repeat(secretPart, 1000), "url", "at most 8192 bytes", nil, ""},
		"no token":                {"discord://" + secretPart, "url", "token missing", nil, svc},
		"no token of Telegram's":  {"telegram://" + secretPart + "@telegram?chats=x", "url", "cannot be used", nil, svc},
		"no token of Gotify's":    {"gotify://h/?title=" + secretPart, "url", "token of an application", nil, svc},
		"no host":                 {"ntfy:///" + secretPart, "url", "no host", nil, svc},
		"no topic":                {"ntfy://u:" + secretPart + "@h", "url", "topic", nil, svc},
		"no host of Teams":        {"teams://" + uuid + "@" + uuid + "/" + hexes + "/" + uuid + "/x?host=" + secretPart, "url", "cannot be used", nil, svc},
		"a key that is none":      {"discord://" + secretPart + "@123456?colour=" + secretPart, "url", "not a valid config key", nil, svc},
		"a template that is none": {"generic://h/?template=" + secretPart, "url", "template", nil, svc},
		"no address of its own":   {"discord+https://discord.com/api/webhooks/1/" + secretPart, "url", "generic+https://", nil, ""},
		"a list with nothing":     {"matrix://u:" + secretPart + "@h/?rooms=,", "url", "cannot be used", nil, svc},
		"no such parameter":       {"ntfy://h/" + secretPart, "url", "params", func(c *config) { c.Params = map[string]string{"colour": secretPart} }, svc},
		"no value":                {"ntfy://h/" + secretPart, "url", "params", func(c *config) { c.Params = map[string]string{"priority": secretPart} }, svc},
		"no template":             {"ntfy://h/t", "params", "template", func(c *config) { c.Params = map[string]string{"title": "{{" + secretPart} }, template},
		"a template that fails":   {"ntfy://h/t", "params", "fails", func(c *config) { c.Params = map[string]string{"title": "{{.Secret}}" + secretPart} }, template},
		"a template without end":  {"ntfy://h/t", "params", "fails", func(c *config) { c.Params = map[string]string{"title": `{{printf "%9999d" 1}}`} }, template},
		"a parameter with none":   {"ntfy://h/t", "params", "KEY=", func(c *config) { c.Params = map[string]string{"": secretPart} }, ""},
		"no time":                 {"ntfy://h/t", "timeout", "at least 1ms", func(c *config) { c.Timeout = 0 }, ""},
		"a proxy that is none":    {"ntfy://h/t", "proxy", "must be an address", func(c *config) { c.Proxy = "h" }, ""},
		"an authority not there":  {"ntfy://h/t", "tls_ca", "cannot read", func(c *config) { c.CA = "/nonexistent" }, file},
	} {
		t.Run(name, func(t *testing.T) {
			conf := defaults()
			conf.URL = c.url
			if c.change != nil {
				c.change(&conf)
			}
			sdktest.RefusedEarly(t, &conf, c.late)
			err := sdk.CheckConfig(&conf)
			if err == nil {
				_, err = newNotifier(conf, s)
			}
			var wrong *sdk.ConfigError
			if !errors.As(err, &wrong) || wrong.Key != c.key || !strings.Contains(wrong.Text, c.says) {
				t.Fatalf("%v", err)
			}
			sdktest.AssertLeaksNoSecret(t, err.Error(), secretPart, c.url, uuid, hexes)
		})
	}
}

func TestAddressesThatServicesMakeTheirOwn(t *testing.T) {
	w := newWorld(t)
	for address, want := range map[string]string{
		"generic+https://hooks.example/a/b?c=d": "https://hooks.example/a/b?c=d",
		"generic+http://hooks.example/a":        "https://hooks.example/a", // through the proxy without a tunnel
		"teams+https://org1.webhook.office.com/webhookb2/" + uuid + "@" + uuid + "/IncomingWebhook/" + hexes + "/" + uuid + "/V2x": "https://org1.webhook.office.com/webhookb2/" + uuid + "@" + uuid + "/IncomingWebhook/" + hexes + "/" + uuid + "/V2x",
		"notifiarr+https://notifiarr.com/api/v1/notification/passthrough/k3y?channel=1":                                            "https://notifiarr.com/api/v1/notification/passthrough/k3y",
		"pagerduty:///" + hexes: "https://events.pagerduty.com:443/v2/enqueue",
		"hangouts://chat.googleapis.com/v1/spaces/S/messages?key=k&token=t": "https://chat.googleapis.com/v1/spaces/S/messages?key=k&token=t",
	} {
		n := w.notifier(&stage{}, address, nil)
		w.answers(says(200, "{}"))
		if strings.HasPrefix(address, "teams") {
			w.answers(says(200, "1"))
		}
		if err := n.Notify(t.Context(), about("1", "x", "y")); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		all := w.got()
		if len(all) != 1 {
			t.Fatalf("%s: %+v", address, all)
		}
		got := "https://" + all[0].host + all[0].path
		if all[0].query != "" {
			got += "?" + all[0].query
		}
		if got != want {
			t.Errorf("%s goes to %s", address, got)
		}
	}
}

func TestSecretsAreTakenOutByTheirParts(t *testing.T) {
	u, err := url.Parse("telegram://110201543:AAHd-qTcvCH1v@telegram/p%20th-Segment?chats=-1001,@ops&x=a%26bcd&scheme=http#fragm")
	if err != nil {
		t.Fatal(err)
	}
	redact := redactor(u, []string{"further"}, []string{"api.telegram.org", "10.0.0.1:8080"})
	for _, text := range []string{
		u.String(), "110201543", "AAHd-qTcvCH1v", "qTcvCH1v", "p th-Segment", "p%20th-Segment", "Segment", "-1001", "@ops", "%40ops", "a&bcd", "a%26bcd", "fragm", "further",
	} {
		if got := redact("it says " + text + "."); strings.Contains(got, text) {
			t.Errorf("%q is left", text)
		}
	}
	for _, text := range []string{"api.telegram.org answered 400", "see https://host/", "telegram", "10.0.0.1:8080", "10.0.0.1", "chats"} {
		if got := redact(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func TestMessages(t *testing.T) {
	long := strings.Repeat("ž ", 20000)
	for _, name := range names() {
		s := lookup(name)
		for _, body := range []string{"", "x", long, "<users/all> @all <!channel> <at user_id=\"all\">"} {
			params := types.Params{}
			m := about("1", strings.Repeat("title ", 100), body)
			text := message(s, url.Values{"template": {"json"}, "titlevalue": {"1"}}, m, params)
			most := s.most
			if most == 0 {
				most = maxMessage
			}
			if text == "" || len(text) > most || !utf8.ValidString(text) || utf8.RuneCountInString(params["title"]) > maxTitle {
				t.Errorf("%s: %d bytes, title of %d", name, len(text), len(params["title"]))
			}
			if s.plain != nil && (strings.Contains(text, "<users") || strings.Contains(text, "<at ")) && strings.Contains(text, "@all") {
				t.Errorf("%s: it mentions: %q", name, text)
			}
		}
		params := types.Params{"title": "of the section"}
		m := about("1", "", "body")
		if text := message(s, nil, m, params); params["title"] != "of the section" || !strings.HasSuffix(text, "body") {
			t.Errorf("%s: %q %v", name, text, params)
		}
	}
}

// Whatever a program writes, the message arrives whole, in one request.
func TestLongMessagesOfDiscord(t *testing.T) {
	w := newWorld(t)
	n := w.notifier(&stage{}, "discord://t0kenOfDiscord@123456789?splitLines=yes", func(c *config) { c.Params = map[string]string{"splitLines": "yes", "SPLITLINES": "yes"} })
	for _, body := range []string{strings.Repeat("line\n", 15) + "end", strings.Repeat("\n", 30) + "end", strings.Repeat("ž", 2400) + "end", strings.Repeat("x", 4990) + "end", "end"} {
		if err := n.Notify(t.Context(), about("1", "title", body)); err != nil {
			t.Errorf("%.10q: %v", body, err)
		}
		all := w.got()
		if len(all) != 1 {
			t.Fatalf("%.10q: %d requests", body, len(all))
		}
		if got := strings.Count(all[0].body, "line"); got != strings.Count(body, "line") || !strings.Contains(all[0].body, `end"`) {
			t.Errorf("%.10q arrives as %s", body, all[0].body)
		}
	}
}

// What each service takes at most, by its own documentation. What is longer it refuses, or cuts, or the library does, without an error: so we cut, and show it.
func TestNoServiceGetsMoreThanItTakes(t *testing.T) {
	limits := map[string]struct{ bytes, characters int }{ // of the message, with the title where it is a part of it
		"bark": {bytes: 4096}, "discord": {characters: 6000}, "googlechat": {characters: 4096}, "lark": {bytes: 20 << 10}, "matrix": {bytes: 64 << 10},
		"mattermost": {characters: 16383}, "notifiarr": {characters: 4096}, "ntfy": {bytes: 4096}, "opsgenie": {characters: 15000}, "pagerduty": {characters: 1024},
		"pushover": {characters: 1024}, "rocketchat": {characters: 5000}, "slack": {characters: 40000}, "teams": {bytes: 28 << 10}, "telegram": {characters: 4096},
		"wecom": {bytes: 2048}, "zulip": {characters: 10000}, "join": {bytes: 6000},
	}
	w, s := newWorld(t), &stage{}
	for name, c := range services() {
		if strings.HasPrefix(name, "matrix") {
			continue // it asks first, and is tested by itself
		}
		n := w.notifier(s, c.url, nil)
		for form, body := range map[string]string{
			"a line": strings.Repeat("Q", 20000), "lines": strings.Repeat(strings.Repeat("Q", 59)+"\n", 334), "not of ASCII": strings.Repeat("Q"+strings.Repeat("Ж", 9), 2000),
		} {
			w.answers(says(200, c.takes))
			if err := n.Notify(t.Context(), about(form, strings.Repeat("K", 400), body)); err != nil {
				t.Fatalf("%s, %s: %v", name, form, err)
			}
			all := w.got()
			if len(all) != 1 {
				t.Fatalf("%s, %s: %d requests", name, form, len(all))
			}
			text := all[0].body + all[0].query
			if plain, err := url.QueryUnescape(text); err == nil && strings.Contains(text, "%") {
				text = plain
			}
			if !strings.Contains(text, "…") {
				t.Errorf("%s, %s: something is missing, and nothing shows it", name, form)
			}
			kind, _, _ := strings.Cut(name, " ")
			service, limit := lookup(kind), limits[kind]
			characters := strings.Count(text, "Q") + strings.Count(text, "Ж")
			if service.title == nil {
				characters += strings.Count(text, "K")
			}
			bytes := characters + strings.Count(text, "Ж")
			if limit.characters > 0 && characters > limit.characters || limit.bytes > 0 && bytes > limit.bytes {
				t.Errorf("%s, %s: %d characters, %d bytes, and it takes %+v", name, form, characters, bytes, limit)
			}
			if bytes < service.most*9/10 {
				t.Errorf("%s, %s: %d bytes of %d: the library loses something by itself", name, form, bytes, service.most)
			}
		}
	}
}

func TestPriorities(t *testing.T) {
	w, s := newWorld(t), &stage{}
	for _, c := range []struct {
		service, query string
		params         map[string]string
		want           [4]string // in the request, by severity
	}{
		{"gotify", "?x=", nil, [4]string{`"priority": 2`, `"priority": 5`, `"priority": 8`, `"priority": 10`}},
		{"ntfy", "?x=", nil, [4]string{"Low", "Default", "High", "Max"}},
		{"ntfy", "?Priority=min", nil, [4]string{"Min", "Min", "Min", "Min"}},
		{"ntfy", "?priority=min", map[string]string{"PRIORITY": `{{if eq .Severity.String "critical"}}max{{else}}min{{end}}`}, [4]string{"Min", "Min", "Min", "Max"}},
		{"opsgenie", "?x=", nil, [4]string{`"priority":"P5"`, `"priority":"P3"`, `"priority":"P2"`, `"priority":"P1"`}},
		{"pagerduty", "?x=", nil, [4]string{`"severity":"info"`, `"severity":"warning"`, `"severity":"error"`, `"severity":"critical"`}},
		{"pagerduty", "?Severity=info", nil, [4]string{`"severity":"info"`, `"severity":"info"`, `"severity":"info"`, `"severity":"info"`}},
		{"pushover", "?x=", nil, [4]string{"priority=-1", "priority=0", "priority=1", "priority=1"}},
	} {
		known := services()[c.service]
		address, _, _ := strings.Cut(known.url, "?")
		n := w.notifier(s, address+strings.TrimSuffix(c.query, "?x="), func(conf *config) { conf.Params = c.params })
		for severity := sdk.Info; severity <= sdk.Critical; severity++ {
			w.answers(says(200, known.takes))
			m := about(severity.String(), "web is down", "it has ended")
			m.Severity = severity
			if err := n.Notify(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			for _, r := range w.got() {
				if got := r.body + " " + r.header.Get("Priority"); !strings.Contains(got, c.want[severity]) {
					t.Errorf("%s%s, %v: %s, want %s", c.service, c.query, severity, got, c.want[severity])
				}
			}
		}
	}
	for _, c := range []struct {
		query, value, key string
	}{{"?priority=2", "", "url"}, {"?Priority=2", "", "url"}, {"", "2", "params"}} {
		conf := defaults()
		conf.URL = "pushover://shoutrrr:t0kenOfPushover@us3rKey/" + c.query
		if c.value != "" {
			conf.Params = map[string]string{"priority": c.value}
		}
		var wrong *sdk.ConfigError
		if err := conf.Validate(); !errors.As(err, &wrong) || wrong.Key != c.key || !strings.Contains(err.Error(), "from -2 to 1") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("title", "body")
	f.Add("\x00", "\xff\u2028")
	f.Add("", strings.Repeat("a ž\n", 3000))
	type one struct {
		n *notifier
		s string
	}
	var all []one
	s := &stage{}
	for name, c := range services() {
		conf := defaults()
		conf.URL = c.url
		if err := conf.Validate(); err != nil {
			f.Fatal(err)
		}
		n, err := newNotifier(conf, s)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, one{n, name})
	}
	f.Fuzz(func(t *testing.T, title, body string) {
		for _, o := range all {
			d := &delivery{ctx: t.Context(), redact: o.n.redact}
			if _, err := o.n.perform(d, about("1", title, body)); d.wanted != 1 && o.s != "matrix" {
				t.Errorf("%s makes %d requests of it: %v", o.s, d.wanted, err)
			}
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, c := range services() {
		f.Add(c.url)
	}
	s := &stage{}
	f.Fuzz(func(t *testing.T, address string) {
		conf := defaults()
		conf.URL = address
		err := conf.Validate()
		if err == nil {
			_, err = newNotifier(conf, s)
		}
		var wrong *sdk.ConfigError
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("%q: %v", address, err)
		}
	})
}

// What the description says of addresses is what lookup knows.
func TestTheSchemesAreThoseOfTheServices(t *testing.T) {
	var want []string
	for _, name := range names() {
		want = append(want, name)
		if _, custom := lookup(name).make().(types.CustomURLService); custom {
			want = append(want, name+"+https", name+"+http")
		}
	}
	f := plugintest.Describe(t, Plugin()).Kinds[0].Fields[0]
	if !slices.Equal(f.Schemes, want) {
		t.Errorf("the schemes of %s are %v, want %v", f.Key, f.Schemes, want)
	}
	for _, name := range names() {
		if !strings.Contains(f.Form, name+"://") {
			t.Errorf("%s:// is not in %q", name, f.Form)
		}
	}
}
