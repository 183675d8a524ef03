package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/document"
	"github.com/hark-supervisor/hark/plugins/internal/templatefault"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// maxBody bounds what a template may make, in bytes.
	maxBody = 1 << 20
	// maxTemplate bounds a template's file, in bytes.
	maxTemplate = 256 << 10
)

// request is what is sent: a body and the headers that belong to it.
type request struct {
	body   []byte
	header http.Header
}

// render makes the body in the form that is configured.
func (c *config) render(n *sdk.Notification) (request, error) {
	switch c.Format {
	case "cloudevents":
		e := cloudEventOf(n)
		e.Data = document.Of(n)
		return jsonRequest(e, "application/cloudevents+json; charset=utf-8")
	case "cloudevents-binary":
		r, err := jsonRequest(document.Of(n), "application/json")
		if err == nil {
			r.header = binaryHeader(cloudEventOf(n), r.header)
		}
		return r, err
	case "template":
		out := &limited{left: maxBody}
		if err := c.body.Execute(out, n); err != nil {
			return request{}, fmt.Errorf("the template fails: %w", plain(err))
		}
		return request{out.b.Bytes(), http.Header{"Content-Type": {c.ContentType}}}, nil
	}
	return jsonRequest(document.Of(n), "application/json")
}

func jsonRequest(v any, contentType string) (request, error) {
	body, err := document.Compact(v)
	return request{body, http.Header{"Content-Type": {contentType}}}, err
}

// binaryHeader are a CloudEvent's attributes as headers (github.com/cloudevents/spec, cloudevents/bindings/http-protocol-binding.md, 3.1.3).
func binaryHeader(e cloudEvent, h http.Header) http.Header {
	set := func(name, value string) {
		if value != "" {
			h.Set("ce-"+name, headerValue(value))
		}
	}
	set("specversion", e.SpecVersion)
	set("id", e.ID)
	set("source", e.Source)
	set("type", e.Type)
	set("subject", e.Subject)
	set("time", e.Time.Format(time.RFC3339Nano))
	set("severity", e.Severity)
	return h
}

// headerValue is the binding's percent-encoding (3.1.3.2): space, quotation mark, per cent and what is not printable ASCII, by its bytes
// in UTF-8.
func headerValue(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > ' ' && r <= '~' && r != '"' && r != '%' {
			b.WriteRune(r)
			continue
		}
		for _, c := range utf8.AppendRune(nil, r) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func segment(s string) string {
	if s == "" {
		return "-"
	}
	return url.PathEscape(s)
}

// parseTemplate reads a template of a body; its functions are few and do nothing but make text.
func parseTemplate(source string) (*template.Template, error) {
	t, err := template.New("template").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) { // a value as JSON, quotation marks included
			if b, ok := v.([]byte); ok {
				v = strings.ToValidUTF8(string(b), "\uFFFD")
			}
			b, err := document.Compact(v)
			return string(b), err
		},
		"query": url.QueryEscape,
		"lower": strings.ToLower,
		"upper": strings.ToUpper,
		"join":  strings.Join,
		"text":  func(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") },
		"utc":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}).Parse(source)
	if err != nil {
		return nil, plain(err)
	}
	return t, nil
}

// plain is an error of a template without its words.
func plain(err error) error {
	if strings.Contains(err.Error(), errTooLong.Error()) { // text/template does not always wrap what a writer says
		return errTooLong
	}
	return errors.New(templatefault.Of(err))
}

var errTooLong = fmt.Errorf("it makes more than %d KB", maxBody>>10)

// limited is a buffer that fails when it is full.
type limited struct {
	b    bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errTooLong
	}
	return l.b.Write(p)
}

func readTemplate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxTemplate+1))
	if err == nil && len(b) > maxTemplate {
		err = fmt.Errorf("it is longer than %d KB", maxTemplate>>10)
	}
	return b, err
}

// sample is a notification by which a template is tried.
func sample() *sdk.Notification {
	return &sdk.Notification{
		ID: "sample", Severity: sdk.Critical, Title: "web entered FATAL", Body: "web could not be started.", Attempt: 1,
		Events: []sdk.Event{{
			Seq: 1, Type: "PROCESS_STATE_FATAL", Time: time.Unix(0, 0).UTC(), Group: "web", Process: "web", From: "BACKOFF",
			Exit: &sdk.Exit{Status: 1}, Payload: []byte("processname:web groupname:web from_state:BACKOFF"), JSON: json.RawMessage("{}"),
		}},
		Daemon: sdk.Daemon{Identifier: "supervisor", Hostname: "localhost", Version: "0"},
	}
}
