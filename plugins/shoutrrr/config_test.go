package shoutrrr

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

const secretPart = "s3cr3tXXXX"

func TestSectionsThatAreRefused(t *testing.T) {
	s := &stage{}
	for name, c := range map[string]struct {
		url, key, says string
		change         func(*config)
	}{
		"no address":              {"tell " + secretPart, "url", "must be an address", nil},
		"no URL":                  {"ntfy://%zz/" + secretPart, "url", "must be an address", nil},
		"nothing behind":          {"ntfy:" + secretPart, "url", "must be an address", nil},
		"no service":              {"x" + "://" + secretPart, "url", "bark, discord", nil},
		"an address of the web":   {"https://hooks.example/" + secretPart, "url", "generic+https://", nil},
		"mail":                    {"smtp://u:" + secretPart + "@h/?to=x@y", "url", "plugin = email", nil},
		"the library's log":       {"logger://" + secretPart, "url", "output", nil},
		"several":                 {"ntfy://h/a\nntfy://h/" + secretPart, "url", "one address", nil},
		"too long":                {"ntfy://h/" + strings.Repeat(secretPart, 1000), "url", "longer", nil},
		"no token":                {"discord://" + secretPart, "url", "token missing", nil},
		"no token of Telegram's":  {"telegram://" + secretPart + "@telegram?chats=x", "url", "cannot be used", nil},
		"no token of Gotify's":    {"gotify://h/" + secretPart, "url", "token", nil},
		"no host":                 {"ntfy:///" + secretPart, "url", "no host", nil},
		"no topic":                {"ntfy://u:" + secretPart + "@h", "url", "topic", nil},
		"no host of Teams":        {"teams://" + uuid + "@" + uuid + "/" + hexes + "/" + uuid + "/x?host=" + secretPart, "url", "cannot be used", nil},
		"a key that is none":      {"discord://" + secretPart + "@123456?colour=" + secretPart, "url", "not a valid config key", nil},
		"a template that is none": {"generic://h/?template=" + secretPart, "url", "template", nil},
		"no address of its own":   {"discord+https://discord.com/api/webhooks/1/" + secretPart, "url", "takes no", nil},
		"a list with nothing":     {"matrix://u:" + secretPart + "@h/?rooms=,", "url", "cannot be used", nil},
		"no such parameter":       {"ntfy://h/" + secretPart, "url", "params", func(c *config) { c.Params = map[string]string{"colour": secretPart} }},
		"no value":                {"ntfy://h/" + secretPart, "url", "params", func(c *config) { c.Params = map[string]string{"priority": secretPart} }},
		"no template":             {"ntfy://h/t", "params", "template", func(c *config) { c.Params = map[string]string{"title": "{{" + secretPart} }},
		"a template that fails":   {"ntfy://h/t", "params", "fails", func(c *config) { c.Params = map[string]string{"title": "{{.Secret}}" + secretPart} }},
		"a template without end":  {"ntfy://h/t", "params", "fails", func(c *config) { c.Params = map[string]string{"title": `{{printf "%9999d" 1}}`} }},
		"a parameter with none":   {"ntfy://h/t", "params", "name", func(c *config) { c.Params = map[string]string{"": secretPart} }},
		"no time":                 {"ntfy://h/t", "timeout", "more than 0", func(c *config) { c.Timeout = 0 }},
		"a proxy that is none":    {"ntfy://h/t", "proxy", "must be an address", func(c *config) { c.Proxy = "h" }},
		"an authority not there":  {"ntfy://h/t", "tls_ca", "cannot read", func(c *config) { c.CA = "/nonexistent" }},
	} {
		t.Run(name, func(t *testing.T) {
			conf := defaults()
			conf.URL = c.url
			if c.change != nil {
				c.change(&conf)
			}
			err := conf.Validate()
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
	u, err := url.Parse("telegram://110201543:AAHd-qTcvCH1v@telegram/p%20th-Segment?chats=-1001,@ops&x=a%26bcd#fragm")
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
	for _, text := range []string{"api.telegram.org answered 400", "telegram", "10.0.0.1:8080", "10.0.0.1", "chats"} {
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
	n := w.notifier(&stage{}, "discord://t0kenOfDiscord@123456789?splitLines=yes", nil)
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
