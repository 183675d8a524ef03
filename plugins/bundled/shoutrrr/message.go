package shoutrrr

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

const (
	maxMessage = 16 << 10 // ours, in bytes: more would hardly be read
	maxTitle   = 250      // ours, in characters: a title is one line
)

// message is a notification in a service's form: a text, and the title where the service has a place for it.
func message(s *service, query url.Values, n *sdk.Notification, params types.Params) string {
	plain, most, mostTitle := s.plain, s.most, s.mostTitle
	if plain == nil {
		plain = func(s string) string { return s }
	}
	if most == 0 {
		most = maxMessage
	}
	if mostTitle == 0 {
		mostTitle = maxTitle
	}
	title, body := plain(shorten(oneLine(n.Title), mostTitle)), plain(strings.TrimSpace(printable(n.Body)))
	if title == "" {
		title = n.Severity.String()
	}
	set := given(params, types.TitleKey)
	switch {
	case s.title != nil && s.title(query):
		if !set {
			params[types.TitleKey] = title
		}
		if body == "" {
			body = title
		}
	case body == "":
		body = title
	default:
		body = title + "\n" + body
	}
	return cut(body, most)
}

// printable is a text without what a service might choke on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// shorten cuts a text to n characters, an ellipsis included.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n--; n == 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// cut cuts a text to n bytes, an ellipsis included.
func cut(s string, n int) string {
	const end = "…"
	if len(s) <= n {
		return s
	}
	n -= len(end)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + end
}

// slackText is what Slack demands of text (docs.slack.dev/messaging/formatting-message-text, "Escaping text").
func slackText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// noAt and noTags keep what a program wrote from being a mention: @all, @everyone, @user, <@123>; <users/all>, <at user_id="all">.
func noAt(s string) string { return strings.ReplaceAll(s, "@", "@\u200b") }

func noTags(s string) string { return strings.ReplaceAll(s, "<", "<\u200b") }
