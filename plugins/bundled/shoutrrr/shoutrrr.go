// Package shoutrrr is the plugin that notifies by the services of the library shoutrrr: Discord, Telegram, Teams, ntfy, Gotify, Matrix,
// Opsgenie and others, each by a URL. README.md has the keys and the services.
package shoutrrr

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// version is the plugin's own.
const version = "1.0.0"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	s := &stage{}
	return sdk.Plugin{
		Name: "shoutrrr", Version: version, Doc: "Notifies by Discord, Telegram, Teams, ntfy, Gotify, Matrix, Opsgenie and others, each by a URL.",
		Kinds: []sdk.Kind{sdk.NotifierOf(defaults(), func(_ context.Context, c config, _ sdk.Instance) (sdk.Notifier, error) {
			return newNotifier(c, s)
		})},
	}
}

type notifier struct {
	c       config
	stage   *stage
	client  *http.Client
	redact  func(string) string
	answers answers
	kept    types.Service // of a service that keeps its login
}

func newNotifier(c config, s *stage) (*notifier, error) {
	if c.insecure() {
		c.Insecure = true
	}
	client, err := c.HTTP.Client("")
	if err != nil {
		return nil, err
	}
	s.enter()
	n := &notifier{c: c, stage: s, client: client}
	if err := n.rehearse(); err != nil {
		return nil, err
	}
	return n, nil
}

// rehearse delivers a notification without sending anything: what the service's own code refuses is wrong in the section.
func (n *notifier) rehearse() error {
	n.redact = redactor(n.c.address, nil, nil)
	d := &delivery{ctx: context.Background(), redact: n.redact}
	_, err := n.perform(d, sample())
	n.redact = redactor(n.c.address, n.written(), d.hosts)
	switch {
	case d.refused != nil:
		return &sdk.ConfigError{Key: "url", Text: fmt.Sprintf("cannot be used: %v", d.refused)}
	case d.wanted > 0:
		return nil // the library's opinion of an empty answer does not matter
	case err == nil:
		return &sdk.ConfigError{Key: "url", Text: "cannot be used: nothing would be sent"}
	}
	key, text := "url", n.redact(err.Error())
	if len(n.c.params) > 0 {
		text += " (or the service does not accept params)"
	}
	return &sdk.ConfigError{Key: key, Text: "cannot be used: " + text}
}

// written are the values of params that are not templates.
func (n *notifier) written() []string {
	var all []string
	for _, v := range n.c.Params {
		all = append(all, v)
	}
	return all
}

// Notify implements sdk.Notifier.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	ctx, cancel := context.WithTimeout(ctx, n.c.Timeout)
	defer cancel()
	d := &delivery{ctx: ctx, client: n.client, service: n.c.service, redact: n.redact, answers: n.answers.of(m.ID)}
	old := n.kept != nil
	made, err := n.perform(d, m)
	n.kept = nil
	if n.c.service.asks && n.c.address.User.Username() != "" && d.refused == nil {
		n.kept = made
	}
	switch {
	case d.failure != nil:
		return d.failure
	case d.refused != nil && old: // its login may be over: the next try begins with another
		return errors.New(d.refused.Error())
	case d.refused != nil:
		return d.refused
	case err != nil && (d.wanted == 0 || n.c.service.asks):
		return sdk.Final(errors.New(n.redact(err.Error())))
	case d.wanted == 0:
		return sdk.Final(errors.New("nothing was sent"))
	}
	n.answers = answers{}
	return nil
}

// perform has the library make and send a message. The service is made again each time, unless it keeps a login: most of them change
// with the parameters of a message, and some bring those of the last one to the next.
func (n *notifier) perform(d *delivery, m *sdk.Notification) (types.Service, error) {
	made := n.kept
	params, err := n.c.parameters(m)
	if err != nil {
		return made, fmt.Errorf("params: %w", err)
	}
	text := message(n.c.service, n.c.address.Query(), m, params)
	err = n.stage.run(d, func() error {
		if made == nil {
			s, err := n.c.service.new(n.c.URL)
			if err != nil {
				return err
			}
			guide(s, n.c.address, n.stage)
			made = s
		}
		return made.Send(text, &params)
	})
	return made, err
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.client.CloseIdleConnections()
	return nil
}
