package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"text/template"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"golang.org/x/net/http/httpguts"
)

// config holds the keys of [notifier:x] with plugin = webhook.
type config struct {
	URL     string            `mapstructure:"url" schemes:"http,https" hark:"required,secret" doc:"where to send to: https://host/path"`
	Method  string            `mapstructure:"method" doc:"method of HTTP"`
	Headers map[string]string `mapstructure:"headers" hark:"secret" doc:"further headers: Name=\"value\",Name2=\"value2\""`

	Username    string `mapstructure:"username" doc:"user of basic authentication, with password"`
	Password    string `mapstructure:"password" hark:"secret" doc:"password of basic authentication"`
	BearerToken string `mapstructure:"bearer_token" hark:"secret" doc:"sent as Authorization: Bearer"`
	HMACSecret  string `mapstructure:"hmac_secret" hark:"secret" doc:"key of the signature; default: none is sent"`
	HMACHeader  string `mapstructure:"hmac_header" doc:"header of the signature"`
	HMACHash    string `mapstructure:"hmac_hash" choices:"sha256,sha512" doc:"hash of the signature"`

	Format       string `mapstructure:"format" choices:"json,cloudevents,cloudevents-binary,template" doc:"form of the body"`
	Template     string `mapstructure:"template" doc:"body as a Go text/template, for format = template; or template_path"`
	TemplatePath string `mapstructure:"template_path" doc:"file with the template"`
	ContentType  string `mapstructure:"content_type" doc:"of format = template"`

	remote.HTTP

	body *template.Template // of Template or TemplatePath
}

func defaults() config {
	return config{
		Method: http.MethodPost, HMACHeader: "X-Hark-Signature", HMACHash: "sha256",
		Format: "json", ContentType: "application/json", HTTP: remote.HTTP{Timeout: 10 * time.Second},
	}
}

// Validate checks what one key alone cannot tell.
func (c *config) Validate() error {
	if _, err := remote.URL(c.URL); err != nil {
		return &sdk.ConfigError{Key: "url", Text: err.Error()}
	}
	c.Method = strings.ToUpper(strings.TrimSpace(c.Method))
	switch c.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return &sdk.ConfigError{Key: "method", Text: "must be POST, PUT or PATCH: others have no body"}
	}
	for name, value := range c.Headers {
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
			return &sdk.ConfigError{Key: "headers", Text: "has a name or a value that cannot stand in a header"}
		case strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding"):
			return &sdk.ConfigError{Key: "headers", Text: "must not set Content-Length or Transfer-Encoding"}
		}
	}
	if !httpguts.ValidHeaderFieldName(c.HMACHeader) {
		return &sdk.ConfigError{Key: "hmac_header", Text: "must be the name of a header"}
	}
	if c.BearerToken = strings.TrimSpace(c.BearerToken); !httpguts.ValidHeaderFieldValue(c.BearerToken) {
		return &sdk.ConfigError{Key: "bearer_token", Text: "cannot stand in a header"}
	}
	if c.BearerToken != "" && (c.Username != "" || c.Password != "") {
		return &sdk.ConfigError{Key: "bearer_token", Text: "does not go together with username and password"}
	}
	if c.Username == "" && c.Password != "" {
		return &sdk.ConfigError{Key: "username", Text: "is required with password"}
	}
	if err := c.HTTP.Check(); err != nil {
		return err
	}
	return c.readTemplate()
}

func (c *config) readTemplate() error {
	given := c.Template != "" || c.TemplatePath != ""
	switch {
	case c.Format != "template" && given:
		return &sdk.ConfigError{Key: "format", Text: "must be template where a template is given"}
	case c.Format != "template":
		return nil
	case !given:
		return &sdk.ConfigError{Key: "template", Text: "is required with format = template, or template_path is"}
	case c.Template != "" && c.TemplatePath != "":
		return &sdk.ConfigError{Key: "template", Text: "does not go together with template_path"}
	case !httpguts.ValidHeaderFieldValue(c.ContentType):
		return &sdk.ConfigError{Key: "content_type", Text: "cannot stand in a header"}
	}
	key, text := "template", c.Template
	if c.TemplatePath != "" {
		b, err := readTemplate(c.TemplatePath)
		if err != nil {
			return &sdk.ConfigError{Key: "template_path", Text: fmt.Sprintf("cannot read it: %v", err)}
		}
		key, text = "template_path", string(b)
	}
	var err error
	if c.body, err = parseTemplate(text); err != nil {
		return &sdk.ConfigError{Key: key, Text: fmt.Sprintf("cannot use it: %v", err)}
	}
	if _, err := c.render(sample()); err != nil { // what fails for every notification is told now
		return &sdk.ConfigError{Key: key, Text: fmt.Sprintf("cannot use it: %v", err)}
	}
	return nil
}
