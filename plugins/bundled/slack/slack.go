// Package slack is the plugin that posts notifications to Slack, or to what speaks as it does: by an incoming webhook, or as a bot, which
// keeps a thread per program. README.md has the keys.
package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/slack-go/slack"
)

// version is the plugin's own.
const version = "1.0.0"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "slack", Version: version, Doc: "Posts notifications to Slack, by an incoming webhook or as a bot with a thread per program.",
		Kinds: []sdk.Kind{sdk.NotifierOf(defaults(), func(_ context.Context, c config, i sdk.Instance) (sdk.Notifier, error) {
			return newNotifier(c, i)
		})},
	}
}

type notifier struct {
	c       config
	i       sdk.Instance
	target  *url.URL // of the webhook, or of the API
	client  *http.Client
	api     *slack.Client // nil for a webhook
	threads *threads
	status  int           // of the last answer of the API; 0: there was none
	asked   time.Duration // what it asked us to wait
}

func newNotifier(c config, i sdk.Instance) (*notifier, error) {
	address := c.WebhookURL
	if c.BotToken != "" {
		address = strings.TrimSuffix(c.APIURL, "/") + "/"
	}
	target, err := remote.URL(address)
	if err != nil {
		return nil, err
	}
	client, err := c.HTTP.Client(target.Hostname())
	if err != nil {
		return nil, err
	}
	n := &notifier{c: c, i: i, target: target, client: client}
	if c.BotToken != "" {
		n.api = slack.New(strings.TrimSpace(c.BotToken), slack.OptionHTTPClient(doer{n}), slack.OptionAPIURL(target.String()))
		n.threads = newThreads(c.ThreadAge, maxThreads)
	}
	return n, nil
}

// doer is the API's HTTP client, which examines what the library does not report.
type doer struct{ n *notifier }

// Do sends a request.
func (d doer) Do(r *http.Request) (*http.Response, error) {
	answer, err := d.n.client.Do(r)
	if err == nil {
		d.n.status = answer.StatusCode
		d.n.asked = remote.RetryAfter(answer.Header, time.Now())
	}
	return answer, err
}

// Notify implements sdk.Notifier.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	if n.api == nil {
		return n.hook(ctx, n.message(m))
	}
	return n.post(ctx, m)
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.client.CloseIdleConnections()
	return nil
}

// hook posts to the incoming webhook. What it refuses it says in a word: no_service, channel_is_archived,
// invalid_blocks (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, "Handling errors").
func (n *notifier) hook(ctx context.Context, m message) error {
	off := false
	doc, err := json.Marshal(slack.WebhookMessage{
		Text: m.text, Attachments: []slack.Attachment{m.attachment}, Username: n.c.Username, IconEmoji: n.c.IconEmoji,
		UnfurlLinks: &off, UnfurlMedia: &off,
	})
	if err != nil {
		return sdk.Final(fmt.Errorf("cannot make a message of it: %w", err))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.target.String(), bytes.NewReader(doc))
	if err != nil {
		return sdk.Final(remote.Failure(n.target, err))
	}
	r.Header.Set("Content-Type", "application/json")
	_, err = remote.Do(n.client, r)
	return err
}

// post posts as a bot, in the program's thread.
func (n *notifier) post(ctx context.Context, m *sdk.Notification) error {
	name, now := n.subject(m), time.Now()
	parent := ""
	if name != "" {
		parent = n.threads.of(name, now)
	}
	ts, err := n.send(ctx, m, parent)
	if parent != "" && isGone(err) { // its first message has been deleted
		n.threads.forget(name)
		parent = ""
		ts, err = n.send(ctx, m, "")
	}
	if err != nil {
		return n.verdict(ctx, err)
	}
	if parent == "" && name != "" && ts != "" {
		n.threads.begin(name, ts, now)
	}
	return nil
}

// subject is the one program that a notification is about; "" where there are several or none, or no threads are wanted.
func (n *notifier) subject(m *sdk.Notification) string {
	if !n.c.Thread || len(m.Events) == 0 {
		return ""
	}
	name := m.Events[0].Namespec()
	for i := range m.Events {
		if m.Events[i].Namespec() != name {
			return ""
		}
	}
	return name
}

func (n *notifier) send(ctx context.Context, m *sdk.Notification, parent string) (ts string, err error) {
	n.status, n.asked = 0, 0
	text := n.message(m)
	o := []slack.MsgOption{
		slack.MsgOptionText(text.text, false), slack.MsgOptionAttachments(text.attachment),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
	if n.c.Username != "" {
		o = append(o, slack.MsgOptionUsername(n.c.Username))
	}
	if n.c.IconEmoji != "" {
		o = append(o, slack.MsgOptionIconEmoji(n.c.IconEmoji))
	}
	if parent != "" {
		o = append(o, slack.MsgOptionTS(parent))
		if n.broadcasts(m.Severity) {
			o = append(o, slack.MsgOptionBroadcast())
		}
	}
	_, ts, err = n.api.PostMessageContext(ctx, n.c.Channel, o...)
	return ts, err
}

// broadcasts reports whether a reply is to be seen in the channel, too.
func (n *notifier) broadcasts(s sdk.Severity) bool {
	for least := sdk.Info; least <= sdk.Critical; least++ {
		if n.c.Broadcast == least.String() {
			return s >= least
		}
	}
	return false
}

// verdict converts an error of the Web API to one for the host.
func (n *notifier) verdict(ctx context.Context, err error) error {
	var status slack.StatusCodeError
	var refused slack.SlackErrorResponse
	switch {
	// Its RateLimitedError is for whole seconds only: of a date, or 1.5, it makes an error of strconv, and without Retry-After one of any status.
	case n.status == http.StatusTooManyRequests:
		return sdk.RetryAfter(fmt.Errorf("%s says that we post too often", n.target.Host), n.asked)
	case errors.As(err, &status):
		err = fmt.Errorf("%s answered %d %s", n.target.Host, status.Code, http.StatusText(status.Code))
		if !remote.Retryable(status.Code) {
			return sdk.Final(err)
		}
		return sdk.RetryAfter(err, n.asked)
	case errors.As(err, &refused):
		word := refused.Err
		err = fmt.Errorf("%s refused it: %s%s", n.target.Host, word, advice(word))
		if passes(word) {
			return sdk.RetryAfter(err, n.asked)
		}
		return sdk.Final(err)
	}
	var unreachable *url.Error
	if !errors.As(err, &unreachable) && ctx.Err() == nil {
		return fmt.Errorf("%s answered what Slack does not: %w", n.target.Host, err)
	}
	return remote.Failure(n.target, err)
}

// passes reports which errors of chat.postMessage are Slack's own trouble (docs.slack.dev/reference/methods/chat.postMessage, "Errors"). All
// others are about the token, the channel or the message, and the next try would meet them again.
func passes(word string) bool {
	switch word {
	case "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org":
		return true
	}
	return false
}

func isGone(err error) bool {
	var refused slack.SlackErrorResponse
	return errors.As(err, &refused) && (refused.Err == "thread_not_found" || refused.Err == "message_not_found" || refused.Err == "cannot_reply_to_message")
}

// advice is what to do about an error that people meet when they set it up.
func advice(word string) string {
	switch word {
	case "not_in_channel", "channel_not_found":
		return " (invite the bot: /invite @NAME in the channel; a private one is not found before)"
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive":
		return " (bot_token is not, or no longer, good)"
	case "missing_scope":
		return " (the bot needs the scope chat:write, and chat:write.customize for username and icon_emoji)"
	case "is_archived":
		return " (the channel is archived)"
	}
	return ""
}
