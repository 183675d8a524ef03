package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"text/template"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// config holds the keys of [notifier:x] with plugin = webhook.
type config struct {
	URL     string            `hark:"url,required,secret" is:"web" doc:"where to send to: https://host/path"`
	Method  string            `hark:"method" pattern:"(?i)post|put|patch" form:"POST, PUT or PATCH: others have no body" doc:"method of HTTP"`
	Headers map[string]string `hark:"headers,secret" is:"headers" reserved:"Content-Length,Transfer-Encoding" doc:"further headers: Name=\"value\",Name2=\"value2\""`

	Username    string `hark:"username" doc:"user of basic authentication, with password"`
	Password    string `hark:"password,secret" needs:"username" doc:"password of basic authentication"`
	BearerToken string `hark:"bearer_token,secret" is:"header" without:"username,password" doc:"sent as Authorization: Bearer"`
	HMACSecret  string `hark:"hmac_secret,secret" doc:"key of the signature; default: none is sent"`
	HMACHeader  string `hark:"hmac_header" pattern:"[!#$%&'*+.^_|~0-9A-Za-z-]+" form:"the name of a header" doc:"header of the signature"`
	HMACHash    string `hark:"hmac_hash" choices:"sha256,sha512" doc:"hash of the signature"`

	Format       string `hark:"format" choices:"json,cloudevents,cloudevents-binary,template" doc:"form of the body"`
	Template     string `hark:"template" when:"format=template" or:"template_path" needs:"format=template" without:"template_path" doc:"body as a Go text/template, for format = template; or template_path"`
	TemplatePath string `hark:"template_path,file" needs:"format=template" doc:"file with the template"`
	ContentType  string `hark:"content_type" is:"header" doc:"of format = template"`

	remote.HTTP

	body *template.Template // of Template or TemplatePath
}

func defaults() config {
	return config{
		Method: http.MethodPost, HMACHeader: "X-Hark-Signature", HMACHash: "sha256",
		Format: "json", ContentType: "application/json", HTTP: remote.HTTP{Timeout: 10 * time.Second},
	}
}

// Validate checks what concerns several keys at once.
func (c *config) Validate() error {
	if _, err := remote.URL(c.URL); err != nil {
		return &sdk.ConfigError{Key: "url", Text: err.Error()}
	}
	c.Method = strings.ToUpper(strings.TrimSpace(c.Method))
	c.BearerToken = strings.TrimSpace(c.BearerToken)
	if err := c.HTTP.Check(); err != nil {
		return err
	}
	return c.readTemplate()
}

func (c *config) readTemplate() error {
	if c.Format != "template" {
		return nil
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
	if _, err := c.render(sample()); err != nil { // report now what fails for every notification
		return &sdk.ConfigError{Key: key, Text: fmt.Sprintf("cannot use it: %v", err)}
	}
	return nil
}
