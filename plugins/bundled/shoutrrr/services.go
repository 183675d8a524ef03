package shoutrrr

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/googlechat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/lark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/matrix"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/mattermost"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/rocketchat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/signal"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/teams"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/wecom"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/zulip"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/incident/opsgenie"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/incident/pagerduty"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/bark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/gotify"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ifttt"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/join"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushbullet"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushover"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/specialized/generic"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/specialized/notifiarr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// service is what has to be known of one of the library's services.
type service struct {
	// make makes one, not yet initialized.
	make func() types.Service
	// title reports whether it shows the parameter title; where it does not, the title is the first line of the message. nil: it does not.
	title func(query url.Values) bool
	// most is how long a message may be, in bytes; 0 for maxMessage.
	most int
	// mostTitle is how long a title may be, in characters; 0 for maxTitle.
	mostTitle int
	// plain makes a text one in which nothing is a mention or a link; nil where the service takes no markup.
	plain func(string) string
	// judge says what an answer with a status of 2xx means; nil: that it is taken.
	judge func(body []byte) error
	// well is an answer that makes the library continue with the next chat, for services that have several and would stop at
	// the first refusal; nil for others.
	well func(body []byte) []byte
	// priority is the parameter that takes the severity, unless the section or the URL sets it; nil for none.
	priority *levels
	// off is a parameter that is always no; "" for none. Discord's splitlines loses lines of a message of more than ten.
	off string
	// asks means that it makes requests before it sends (its own identity, the list of rooms), so that its own error counts even if all answers are good; with
	// a user in the address it logs in when it is created, and is kept while the login is valid.
	asks bool
	// host and port are what the address may leave out and the library does not fill in; "" for none.
	host, port string
}

func always(url.Values) bool { return true }

// lookup finds a service by the scheme of its URL; nil for none.
func lookup(name string) *service {
	switch name {
	case "bark":
		return &service{make: func() types.Service { return &bark.Service{} }, title: always, most: 2000, judge: barkAnswer} // Apple takes 4096 with the title and all
	case "discord":
		return &service{make: func() types.Service { return &discord.Service{} }, title: always, most: 5000, plain: noAt, off: "splitlines", judge: object} // one request, of embeds of 2000
	case "generic":
		return &service{make: func() types.Service { return &generic.Service{} }, title: func(q url.Values) bool {
			return strings.EqualFold(q.Get("template"), generic.JSONTemplate) // without it the message is all that is sent
		}}
	case "googlechat", "hangouts":
		return &service{make: func() types.Service { return &googlechat.Service{} }, most: 4000, plain: noTags, judge: object}
	case "gotify":
		return &service{make: func() types.Service { return &gotify.Service{} }, title: always, judge: object,
			priority: &levels{"priority", [...]string{"2", "5", "8", "10"}}} // its app: without a sound, with one, and by force
	case "ifttt":
		return &service{make: func() types.Service { return &ifttt.Service{} }, title: func(q url.Values) bool {
			n := q.Get("titlevalue")
			return n != "" && n != "0"
		}, judge: noPage, well: func([]byte) []byte { return []byte("{}") }}
	case "join":
		return &service{make: func() types.Service { return &join.Service{} }, title: always, most: 2000, judge: joinAnswer} // all of it is in the address
	case "lark":
		return &service{make: func() types.Service { return &lark.Service{} }, title: always, most: 4096, plain: noTags, judge: larkAnswer}
	case "matrix":
		return &service{make: func() types.Service { return &matrix.Service{} }, asks: true, plain: noAt, judge: object}
	case "mattermost":
		return &service{make: func() types.Service { return &mattermost.Service{} }, most: 16000, plain: noAt, judge: noPage} // its posts have 16383 characters
	case "notifiarr":
		return &service{make: func() types.Service { return &notifiarr.Service{} }, title: always, most: 4000, plain: noAt, judge: notifiarrAnswer} // Discord's embeds have 4096
	case "ntfy":
		return &service{make: func() types.Service { return &ntfy.Service{} }, title: always, most: 4000, judge: object, // what is longer becomes a file
			priority: &levels{"priority", [...]string{"low", "default", "high", "max"}}}
	case "opsgenie":
		return &service{make: func() types.Service { return &opsgenie.Service{} }, title: always, most: 15000, mostTitle: opsgenie.MaxMessageLength, judge: object,
			priority: &levels{"priority", [...]string{"P5", "P3", "P2", "P1"}}}
	case "pagerduty":
		return &service{make: func() types.Service { return &pagerduty.Service{} }, most: 1024, priority: &levels{"severity", [...]string{"info", "warning", "error", "critical"}}, judge: object,
			host: "events.pagerduty.com", port: "443"}
	case "pushbullet":
		return &service{make: func() types.Service { return &pushbullet.Service{} }, title: always, judge: object, well: func(body []byte) []byte {
			return append([]byte(`{"active":true,`), bytes.TrimPrefix(bytes.TrimSpace(body), []byte("{"))...) // it compares what comes back
		}}
	case "pushover":
		return &service{make: func() types.Service { return &pushover.Service{} }, title: always, most: 1024, judge: pushoverAnswer,
			priority: &levels{"priority", [...]string{"-1", "0", "1", "1"}}} // of 2 the library sends nothing
	case "rocketchat":
		return &service{make: func() types.Service { return &rocketchat.Service{} }, most: 5000, plain: noAt, judge: successAnswer}
	case "signal":
		return &service{make: func() types.Service { return &signal.Service{} }, judge: object}
	case "slack":
		return &service{make: func() types.Service { return &slack.Service{} }, title: always, plain: slackText, judge: slackAnswer}
	case "teams":
		return &service{make: func() types.Service { return &teams.Service{} }, title: always, most: 10000, judge: teamsAnswer} // 28 KB with the growth caused by JSON's escapes
	case "telegram":
		return &service{make: func() types.Service { return &telegram.Service{} }, title: always, most: 3500, plain: noAt, judge: telegramAnswer, // 4096 with the title
			well: func([]byte) []byte { return []byte(`{"ok":true}`) }}
	case "wecom":
		return &service{make: func() types.Service { return &wecom.Service{} }, most: 2048, judge: wecomAnswer}
	case "zulip":
		return &service{make: func() types.Service { return &zulip.Service{} }, most: 10000, plain: noAt, judge: zulipAnswer}
	}
	return nil
}

// new makes one for an address. SERVICE+https://… is the address of the service's own interface, of which some make theirs.
func (s *service) new(address string) (types.Service, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("it is not an address")
	}
	made := s.make()
	if _, ok := made.(*gotify.Service); ok {
		u, _ = gotifyAddress(u)
	}
	if name, _, custom := strings.Cut(u.Scheme, "+"); custom {
		own, ok := made.(types.CustomURLService)
		if !ok {
			return nil, fmt.Errorf("%s accepts no %s+https:// address", name, name)
		}
		if u, err = own.GetConfigURLFromCustom(u); err != nil {
			return nil, err
		}
		if u == nil {
			return nil, errors.New("it is not an address")
		}
	}
	if s.port != "" && u.Port() == "" {
		u.Host = net.JoinHostPort(cmp.Or(u.Hostname(), s.host), s.port)
	}
	return made, made.Initialize(u, nil)
}

// names are the schemes that lookup knows, as the README lists them.
func names() []string {
	return []string{
		"bark", "discord", "generic", "googlechat", "gotify", "hangouts", "ifttt", "join", "lark", "matrix", "mattermost", "notifiarr", "ntfy", "opsgenie",
		"pagerduty", "pushbullet", "pushover", "rocketchat", "signal", "slack", "teams", "telegram", "wecom", "zulip",
	}
}

// guide sends the requests of a service that is initialized through a stage, where they would not go through http.DefaultTransport.
func guide(s types.Service, address *url.URL, through http.RoundTripper) {
	switch s := s.(type) {
	case *gotify.Service:
		_, token := gotifyAddress(address)
		s.GetHTTPClient().Transport = &gotifyTransport{token, through}
	case *mattermost.Service:
		s.GetHTTPClient().Transport = through
	case *ntfy.Service:
		s.SetHTTPClient(&http.Client{Transport: through})
	}
}
