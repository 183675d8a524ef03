package shoutrrr

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/gotify"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushover"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// maxValue bounds what a template of params may make, in bytes.
const maxValue = 4 << 10

// config holds the keys of [notifier:x] with plugin = shoutrrr.
type config struct {
	URL    string            `hark:"url,required,secret" schemes:"bark,discord,generic,generic+https,generic+http,googlechat,gotify,hangouts,ifttt,join,lark,matrix,mattermost,notifiarr,notifiarr+https,notifiarr+http,ntfy,opsgenie,pagerduty,pushbullet,pushover,rocketchat,signal,slack,teams,teams+https,teams+http,telegram,wecom,zulip" pattern:"([^%?#\\r\\n]|%[0-9A-Fa-f]{2})*([?#][^\\r\\n]*)?" max:"8192" form:"an address that begins with the name of a service: bark://, discord://, generic://, googlechat://, gotify://, hangouts://, ifttt://, join://, lark://, matrix://, mattermost://, notifiarr://, ntfy://, opsgenie://, pagerduty://, pushbullet://, pushover://, rocketchat://, signal://, slack://, teams://, telegram://, wecom://, zulip://; generic+https:// posts to any other, and plugin = email sends mail" doc:"the service and its parameters: discord://TOKEN@ID, ntfy://ntfy.sh/TOPIC, … (README.md lists them)"`
	Params map[string]string `hark:"params,secret" doc:"further parameters of the service, NAME=\"value\"; a value is a Go template of the notification"`

	remote.HTTP

	service *service
	address *url.URL
	params  map[string]*template.Template
}

func defaults() config { return config{HTTP: remote.HTTP{Timeout: 10 * time.Second}} }

// Validate checks what concerns several keys at once. What only the service's own code knows newNotifier finds out.
func (c *config) Validate() error {
	c.URL = strings.TrimSpace(c.URL)
	u, name, err := parseURL(c.URL)
	if err != nil {
		return &sdk.ConfigError{Key: "url", Text: err.Error()}
	}
	c.address, c.service = u, lookup(name)
	if u.Scheme == gotify.Scheme {
		if _, token := gotifyAddress(u); token == "" {
			return &sdk.ConfigError{Key: "url", Text: "must end with the token of an application: gotify://HOST/TOKEN"}
		}
	}
	if err := c.HTTP.Check(); err != nil {
		return err
	}
	c.params = map[string]*template.Template{}
	for key, value := range c.Params {
		t, err := template.New("params").Option("missingkey=error").Parse(value)
		if err != nil || key == "" {
			return &sdk.ConfigError{Key: "params", Text: "has an empty name or a value that is not a template"} // the error would quote it
		}
		c.params[key] = t
	}
	if _, err := c.parameters(sample()); err != nil {
		key := "params"
		if len(c.Params) == 0 {
			key = "url"
		}
		return &sdk.ConfigError{Key: key, Text: err.Error()}
	}
	return nil
}

// parseURL checks an address as far as all services have it in common. The error has nothing of it but a scheme that is none.
func parseURL(s string) (u *url.URL, name string, err error) {
	u, err = url.Parse(s)
	if err != nil || u.Opaque != "" {
		return nil, "", errors.New("must be an address such as discord://TOKEN@ID")
	}
	if name, _, _ = strings.Cut(u.Scheme, "+"); lookup(name) == nil {
		return nil, "", errors.New("must begin with the name of a service")
	}
	return u, name, nil
}

// emergency reports whether Pushover is asked for the priority that the library leaves out without a word.
func (c *config) emergency(made types.Params) bool {
	if c.address.Scheme != pushover.Scheme {
		return false
	}
	values := maps.Clone(made)
	for key, v := range c.address.Query() {
		if !given(made, key) {
			values[key] = v[0]
		}
	}
	for key, v := range values {
		if n, err := strconv.Atoi(v); err == nil && strings.EqualFold(key, "priority") && n > 1 {
			return true
		}
	}
	return false
}

// insecure reports whether the address itself asks to take any certificate, as those of gotify and ntfy can.
func (c *config) insecure() bool {
	for key, values := range c.address.Query() {
		switch {
		case c.address.Scheme == gotify.Scheme && strings.EqualFold(key, "insecureskipverify"),
			c.address.Scheme == ntfy.Scheme && strings.EqualFold(key, "disabletlsverification"):
			switch strings.ToLower(values[0]) {
			case "yes", "true", "1":
				return true
			}
		}
	}
	return false
}

// parameters are the values of params for a notification.
func (c *config) parameters(n *sdk.Notification) (types.Params, error) {
	made := types.Params{}
	for _, key := range slices.Sorted(maps.Keys(c.params)) {
		var b strings.Builder
		if err := c.params[key].Execute(&limited{&b, maxValue}, n); err != nil {
			return nil, errors.New("has a template that fails") // the error would quote it
		}
		made[key] = printable(b.String())
	}
	c.service.priority.set(made, c.address.Query(), n.Severity)
	if c.emergency(made) {
		return nil, errors.New("must have a priority from -2 to 1: one of 2 would be sent without any, and needs more (the README has another way)")
	}
	if c.service.off != "" {
		remove(made, c.service.off) // which the library finds in upper case, too
		made[c.service.off] = "no"
	}
	return made, nil
}

// limited fails when it has taken its fill.
type limited struct {
	b    *strings.Builder
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("it is too long")
	}
	return l.b.Write(p)
}

// sample is a notification by which a section is tried.
func sample() *sdk.Notification {
	return &sdk.Notification{
		ID: "sample", Severity: sdk.Critical, Title: "web entered FATAL", Body: "web could not be started.", Attempt: 1,
		Events: []sdk.Event{{Seq: 1, Type: "PROCESS_STATE_FATAL", Time: time.Unix(0, 0).UTC(), Group: "web", Process: "web", From: "BACKOFF", Exit: &sdk.Exit{Status: 1}}},
		Daemon: sdk.Daemon{Identifier: "supervisor", Hostname: "localhost", Version: "0"},
	}
}
