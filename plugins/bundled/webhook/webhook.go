// Package webhook is the plugin that sends notifications by HTTP: as JSON, as CloudEvents or in a form of one's own, signed if
// wanted. README.md has the keys, the form and how a receiver checks the signature.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// version is the plugin's own.
const version = "1.0.0"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "webhook", Version: version, Doc: "Sends notifications by HTTP: JSON, CloudEvents or a template, signed by HMAC.",
		Kinds: []sdk.Kind{sdk.NotifierOf(defaults(), func(_ context.Context, c config, i sdk.Instance) (sdk.Notifier, error) {
			return newNotifier(c, i)
		})},
	}
}

type notifier struct {
	c      config
	i      sdk.Instance
	target *url.URL
	client *http.Client
	now    func() time.Time
}

func newNotifier(c config, i sdk.Instance) (*notifier, error) {
	target, err := remote.URL(c.URL)
	if err != nil {
		return nil, err
	}
	client, err := c.HTTP.Client(target.Hostname())
	if err != nil {
		return nil, err
	}
	return &notifier{c: c, i: i, target: target, client: client, now: time.Now}, nil
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.client.CloseIdleConnections()
	return nil
}

// Notify implements sdk.Notifier.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	made, err := n.c.render(m)
	if err != nil {
		return sdk.Final(err)
	}
	r, err := http.NewRequestWithContext(ctx, n.c.Method, n.target.String(), bytes.NewReader(made.body))
	if err != nil {
		return sdk.Final(remote.Failure(n.target, err))
	}
	r.Header = made.header
	r.Header.Set("User-Agent", "hark-webhook/"+version)
	r.Header.Set("Idempotency-Key", headerValue(m.ID))
	r.Header.Set("X-Hark-Attempt", strconv.Itoa(m.Attempt))
	switch {
	case n.c.BearerToken != "":
		r.Header.Set("Authorization", "Bearer "+n.c.BearerToken)
	case n.c.Username != "":
		r.SetBasicAuth(n.c.Username, n.c.Password)
	}
	for name, value := range n.c.Headers {
		if strings.EqualFold(name, "Host") {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	if n.c.HMACSecret != "" {
		r.Header.Set(n.c.HMACHeader, signature(n.c.HMACHash, n.c.HMACSecret, n.now(), made.body))
	}
	_, err = remote.Do(n.client, r)
	return err
}

// signature is the value of the signature header: t=SECONDS,v1=HEX, where HEX is the HMAC of SECONDS, a full stop and the body.
// The time is included so that a recorded request cannot be sent again later.
func signature(name, secret string, now time.Time, body []byte) string {
	made := sha256.New
	if name == "sha512" {
		made = sha512.New
	}
	seconds := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(made, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%s.%s", seconds, body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
