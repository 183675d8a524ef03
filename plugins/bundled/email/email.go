// Package email is the plugin that sends notifications by mail, through an SMTP server or the sendmail command: text and HTML, many
// events in one mail. README.md has the keys.
package email

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/mail"
	"net/textproto"
	"os"
	"os/exec"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/sdk"
)

// version is the plugin's own.
const version = "1.0.0"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "email", Version: version, Doc: "Sends notifications by mail, by SMTP or through sendmail, as text and HTML.",
		Kinds: []sdk.Kind{sdk.NotifierOf(defaults(), func(_ context.Context, c config, i sdk.Instance) (sdk.Notifier, error) {
			return newNotifier(c, i)
		})},
	}
}

type notifier struct {
	c     config
	i     sdk.Instance
	host  string // the host's name, for what mail needs names for
	from  *mail.Address
	page  *template.Template
	agent agent

	// id is the notification that is being tried, "" for none; done are the recipients that have it, so that they do not get it twice
	id   string
	done map[string]bool

	outcome.Last
}

// agent takes mail for recipients.
type agent interface {
	// send delivers to as many of the recipients in to as it can, and reports the others with the reasons. err is about all of them.
	send(ctx context.Context, from string, to []string, mail []byte) (refused map[string]error, err error)
}

func newNotifier(c config, i sdk.Instance) (*notifier, error) {
	n := &notifier{c: c, i: i, host: hostname(i.Daemon.Hostname), page: newPage(), done: map[string]bool{}}
	n.from = &mail.Address{Address: "hark@" + n.host}
	if c.From != "" {
		var err error
		if n.from, err = mail.ParseAddress(c.From); err != nil {
			return nil, &sdk.ConfigError{Key: "from", Text: "must be an address"}
		}
	}
	if c.Server != "" {
		t, err := c.TLS.Config(c.host)
		if err != nil {
			return nil, err
		}
		if n.c.Helo == "" {
			n.c.Helo = n.host
		}
		n.agent = &smtpAgent{c: n.c, tls: t}
		return n, nil
	}
	command := c.Sendmail
	if command == "" {
		command = defaultSendmail
	}
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil, &sdk.ConfigError{Key: "sendmail", Text: "must be a command"}
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		if c.Sendmail == "" {
			return nil, &sdk.ConfigError{Key: "server", Text: "is required: there is no " + defaultSendmail + " here that would take the mail"}
		}
		return nil, &sdk.ConfigError{Key: "sendmail", Text: "there is no such command"}
	}
	n.agent = &sendmailAgent{words, c.Timeout}
	return n, nil
}

// Notify implements sdk.Notifier.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	err := n.deliver(ctx, m)
	_ = n.Note(err)
	if err != nil && sdk.IsFinal(err) && len(n.done) > 0 {
		n.i.Log.Warn("some recipients did not get a mail", "reason", err.Error())
		err = nil // the failure is logged, and the other recipients have the mail
	}
	if err == nil {
		n.id = ""
	}
	return err
}

// deliver sends a mail to those recipients that do not have it yet.
func (n *notifier) deliver(ctx context.Context, m *sdk.Notification) error {
	if m.ID != n.id || n.id == "" {
		n.id = m.ID
		clear(n.done)
	}
	to := n.left()
	text, err := n.compose(m)
	if err != nil {
		return sdk.Final(fmt.Errorf("cannot make a mail of it: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, n.c.Timeout)
	defer cancel()
	refused, err := n.agent.send(ctx, n.from.Address, to, text)
	if err != nil {
		return err
	}
	for _, address := range to {
		if refused[address] == nil {
			n.done[address] = true
		}
	}
	return verdict(to, refused)
}

// left are the recipients that do not have the mail yet.
func (n *notifier) left() []string {
	var to []string
	seen := map[string]bool{}
	for _, list := range [][]string{n.c.To, n.c.Cc, n.c.Bcc} {
		for _, one := range list {
			a, err := mail.ParseAddress(one)
			if err == nil && !n.done[a.Address] && !seen[a.Address] {
				seen[a.Address] = true
				to = append(to, a.Address)
			}
		}
	}
	return to
}

// verdict is one error of those of several recipients: final when all are.
func verdict(to []string, refused map[string]error) error {
	var words []string
	final := true
	for _, address := range to {
		if err := refused[address]; err != nil {
			words = append(words, fmt.Sprintf("%s: %v", address, err))
			final = final && isFinal(err)
		}
	}
	if len(words) == 0 {
		return nil
	}
	const most = 5
	if more := len(words) - most; more > 0 {
		words = append(words[:most], fmt.Sprintf("and %d more", more))
	}
	err := fmt.Errorf("refused for %s", strings.Join(words, "; "))
	if final {
		return sdk.Final(err)
	}
	return err
}

// isFinal reports whether the server would answer another try in the same way: 5yz (RFC 5321, 4.2.1).
func isFinal(err error) bool {
	var answer *textproto.Error
	return errors.As(err, &answer) && answer.Code >= 500 && answer.Code <= 599
}

// hostname is a name that may stand in an address and in HELO.
func hostname(s string) string {
	if s == "" {
		s, _ = os.Hostname()
	}
	s = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, s), "-.")
	if s == "" {
		return "localhost"
	}
	return s
}
