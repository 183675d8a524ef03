package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	// defaultListen is where the receiver listens: only this host can reach it.
	defaultListen = "127.0.0.1:8025"
	// maxReceived is the longest body it takes, in bytes.
	maxReceived = 1 << 20
	// slowClient is how long a client may take to send one.
	slowClient = 30 * time.Second
)

const receiveHelp = `usage: supervisor-plugins receive [--listen HOST:PORT]

Receives what the plugins slack and webhook send and prints it, so that they can be tried without a service
elsewhere. Any path is a webhook; /api is Slack's Web API, for bot_token.
`

// receiver prints what is posted to it.
type receiver struct {
	mu  sync.Mutex
	out io.Writer
	now func() time.Time
	n   int
}

// receive runs the receiver until ctx ends and returns the exit status.
func receive(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("receive", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, receiveHelp) }
	address := flags.String("listen", defaultListen, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		if err == nil {
			flags.Usage()
		}
		return 2
	}
	l, err := net.Listen("tcp", *address)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "cannot listen: %v\n", err)
		return 1
	}
	r := &receiver{out: stdout, now: time.Now}
	r.print("listening on http://"+l.Addr().String(), "webhook_url = http://"+l.Addr().String()+"/services/x  (slack), url = http://"+l.Addr().String()+"/  (webhook); Ctrl-C ends")
	server := &http.Server{Handler: r, ReadTimeout: slowClient, WriteTimeout: slowClient, ReadHeaderTimeout: slowClient, MaxHeaderBytes: 64 << 10}
	done := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer done()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		_, _ = fmt.Fprintf(stderr, "cannot serve: %v\n", err)
		return 1
	}
	return 0
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPost && q.Method != http.MethodPut && q.Method != http.MethodPatch {
		http.Error(w, "post a webhook here", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(q.Body, maxReceived+1))
	if err != nil || len(body) > maxReceived {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	if strings.HasPrefix(q.URL.Path, "/api/") {
		r.webAPI(w, q, body)
		return
	}
	r.print("webhook "+q.URL.Path, describeBody(q.Header.Get("Content-Type"), body))
	_, _ = io.WriteString(w, "ok")
}

// webAPI answers as Slack's chat.postMessage does.
func (r *receiver) webAPI(w http.ResponseWriter, q *http.Request, body []byte) {
	q.Body = io.NopCloser(strings.NewReader(string(body)))
	m := map[string]json.RawMessage{}
	channel := "C0"
	if kind, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type")); kind == "application/json" {
		_ = json.Unmarshal(body, &m)
	} else if q.ParseForm() == nil {
		for k := range q.Form {
			text := q.Form.Get(k)
			if k == "attachments" && json.Valid([]byte(text)) {
				m[k] = json.RawMessage(text)
			} else {
				m[k], _ = json.Marshal(text)
			}
		}
		channel = q.Form.Get("channel")
	}
	doc, _ := json.Marshal(m)
	where := "slack " + strings.TrimPrefix(q.URL.Path, "/api/") + " to " + channel
	if parent := q.Form.Get("thread_ts"); parent != "" {
		where += ", in the thread " + parent
	}
	n := r.print(where, describeBody("application/json", doc))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "channel": channel, "ts": fmt.Sprintf("%d.%06d", r.now().Unix(), n)})
}

// print prints an entry and returns its number.
func (r *receiver) print(head, text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	_, _ = fmt.Fprintf(r.out, "%s %s\n", r.now().Format(time.TimeOnly), printable(head))
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		_, _ = fmt.Fprintf(r.out, "  %s\n", printable(line))
	}
	return r.n
}

// printable keeps what is received from commanding the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// describeBody shows a webhook as its reader would see it: Slack's form, Hark's JSON, a CloudEvent, or else the body unchanged.
func describeBody(contentType string, body []byte) string {
	var m struct {
		Text        string
		Attachments []struct {
			Blocks []struct {
				Text     struct{ Text string }
				Elements []struct{ Text string }
			}
		}
		Severity, Title, Body string
		Events                []struct{ Type, Namespec, Time string }
		Data                  json.RawMessage
	}
	if !strings.Contains(contentType, "json") || json.Unmarshal(body, &m) != nil {
		return string(body)
	}
	if m.Title == "" && len(m.Data) > 0 {
		return describeBody(contentType, m.Data)
	}
	var b strings.Builder
	line := func(s string) {
		if s != "" {
			b.WriteString(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s) + "\n")
		}
	}
	line(m.Text)
	for _, a := range m.Attachments {
		for _, block := range a.Blocks {
			line(block.Text.Text)
			for _, e := range block.Elements {
				line(e.Text)
			}
		}
	}
	if m.Title != "" {
		line(m.Severity + ": " + m.Title)
		line(m.Body)
		for _, e := range m.Events {
			line("• " + e.Time + " " + e.Type + " " + e.Namespec)
		}
	}
	if b.Len() == 0 {
		return string(body)
	}
	return b.String()
}
