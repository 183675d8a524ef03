package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/redact"
	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// callsAtOnce is how many calls are worked on at the same time.
	callsAtOnce = 8
	// maxAnswer bounds the answer of a tool, in bytes of JSON.
	maxAnswer = 512 << 10
	// maxPrinted bounds what is read of an action that prints, in bytes.
	maxPrinted = 4 << 20
	// noteTime is how long the daemon may take to write the line about a call.
	noteTime = 5 * time.Second
	// stopTime is how long an action may take to end once its call was cancelled.
	stopTime = 2 * time.Second
)

// host serves the tools to one client.
type host struct {
	server  *mcp.Server
	program string   // supervisorctl
	options []string // before the action
	errs    io.Writer
	daemon  *client.Client // for the line in its activity log; nil: it is not known how to reach it
	turn    chan struct{}
	through sync.WaitGroup        // calls that are carried through
	secrets []string              // forms of what must not leave, the longest first
	barred  map[string]bool       // tools that there are with --allow control only
	agreed  func(protocol string) // called with the version of the protocol; may be nil
}

// newHost creates the server; control adds the tools that change something. file is the configuration whose secrets are redacted.
func newHost(program, file string, options []string, control bool, errs io.Writer) *host {
	h := &host{program: program, options: options, errs: errs, turn: make(chan struct{}, callsAtOnce), barred: map[string]bool{}}
	// Where the file cannot be read, it shows nothing either.
	secrets, _ := config.SecretValues(config.Options{Path: file, Argv0: program})
	h.secrets = redact.Forms(append(secrets, os.Getenv(client.PasswordVariable)))
	h.server = mcp.NewServer(&mcp.Implementation{Name: "hark", Title: "Hark", Version: version},
		&mcp.ServerOptions{Instructions: instructions(control), Capabilities: &mcp.ServerCapabilities{}})
	no := false
	for _, t := range tools() {
		if t.controls && !control {
			h.barred[t.name] = true
			continue
		}
		hints := &mcp.ToolAnnotations{ReadOnlyHint: !t.controls, OpenWorldHint: &no}
		t.add(h, &mcp.Tool{Name: t.name, Description: t.about, Annotations: hints})
	}
	h.server.AddReceivingMiddleware(h.watch)
	return h
}

// watch sees each request first: it refuses a tool that there is with --allow control only, and learns which version of the protocol is spoken.
func (h *host) watch(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		if p, ok := req.GetParams().(*mcp.CallToolParamsRaw); ok && h.barred[p.Name] {
			text := fmt.Sprintf("%s is not allowed: it changes something, and supervisorctl mcp was started without --allow control, which its user can add", p.Name)
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: text}
		}
		result, err := next(ctx, method, req)
		if r, ok := result.(*mcp.InitializeResult); ok && r != nil && h.agreed != nil {
			h.agreed(r.ProtocolVersion)
		}
		return result, err
	}
}

// answered is what a tool answers.
type answered struct {
	Result json.RawMessage `json:"result,omitempty"` // the document that the action prints with --json
	Text   string          `json:"text,omitempty"`   // what it printed where that is not a document
	Hints  []string        `json:"hints,omitempty"`
	Status int             `json:"status"` // the exit status of the action
}

// serve does what a client asked for and notes it in the daemon's activity log.
func (h *host) serve(ctx context.Context, req *mcp.CallToolRequest, c call) (*mcp.CallToolResult, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.through {
		h.through.Add(1)
		defer h.through.Done()
		ctx = context.WithoutCancel(ctx)
	}
	h.note(ctx, req, c)
	a, err := h.run(ctx, c)
	if err != nil {
		return nil, err
	}
	document, err := h.encode(a)
	if err != nil {
		return nil, err
	}
	return &mcp.CallToolResult{
		Content:           []mcp.Content{&mcp.TextContent{Text: string(document)}},
		StructuredContent: document,
		IsError:           a.Result == nil || anyFailed(a.Result),
	}, nil
}

// run runs the action of a call.
func (h *host) run(ctx context.Context, c call) (answered, error) {
	if c.run != nil {
		return c.run(ctx, h)
	}
	var out, errs bounded
	cmd := h.action(ctx, c, &errs)
	cmd.Stdout = &out
	status, err := statusOf(ctx, cmd.Run())
	if err != nil {
		return answered{}, err
	}
	a := answered{Status: status, Hints: hints(errs.text())}
	switch printed := bytes.TrimSpace(out.data); {
	case out.cut:
		return answered{}, tooLong(len(out.data))
	case json.Valid(printed):
		a.Result = printed
	default:
		a.Text = string(printed)
	}
	return a, nil
}

// action is the supervisorctl that does what a call says. Its standard input is empty: it cannot ask for a password.
func (h *host) action(ctx context.Context, c call, errs io.Writer) *exec.Cmd {
	args := append(append([]string{}, h.options...), c.action)
	args = append(append(args, c.words...), "--json")
	cmd := exec.CommandContext(ctx, h.program, append(args, c.flags...)...)
	cmd.Stderr = errs
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTime
	return cmd
}

// statusOf is the exit status of an action that has run.
func statusOf(ctx context.Context, err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	}
	return 0, err
}

// hints are the lines of standard error.
func hints(text string) []string {
	var all []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			all = append(all, strings.TrimPrefix(l, "hint: "))
		}
	}
	return all
}

// anyFailed reports whether an action could not do some of what it was asked for: its document has a line that says so.
func anyFailed(document json.RawMessage) bool {
	var lines []struct {
		OK *bool `json:"ok"`
	}
	if json.Unmarshal(document, &lines) != nil {
		return false
	}
	for _, l := range lines {
		if l.OK != nil && !*l.OK {
			return true
		}
	}
	return false
}

// note writes a line about a call to the activity log of a daemon that takes it, and to standard error.
func (h *host) note(ctx context.Context, req *mcp.CallToolRequest, c call) {
	who := "an unnamed client"
	if p := req.Session.InitializeParams(); p != nil && p.ClientInfo != nil {
		who = strings.TrimSpace(p.ClientInfo.Name + " " + p.ClientInfo.Version)
	}
	what := h.redact(strings.Join(append([]string{req.Params.Name}, append(c.words, c.flags...)...), " "))
	_, _ = fmt.Fprintf(h.errs, "%q asks for %q\n", who, what)
	if h.daemon != nil {
		_ = h.daemon.Hark().NoteToolCall(ctx, who, what) // Supervisor's daemon does not know it
	}
}

func tooLong(n int) error {
	return fmt.Errorf("the answer has %d bytes or more; at most %d are given: ask for fewer names, events or bytes", n, maxAnswer)
}

// encode is an answer as JSON without secrets.
func (h *host) encode(a answered) (json.RawMessage, error) {
	document, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if len(document) > maxAnswer {
		return nil, tooLong(len(document))
	}
	var values any
	numbers := json.NewDecoder(bytes.NewReader(document))
	numbers.UseNumber()
	if err := numbers.Decode(&values); err != nil {
		return nil, err
	}
	return json.Marshal(h.redactAll(values))
}

// redact takes the secrets out of a text: a program may have written one to its log.
func (h *host) redact(text string) string {
	for _, s := range h.secrets {
		text = strings.ReplaceAll(text, s, "<secret>")
	}
	return text
}

// redactAll takes the secrets out of every string of a document.
func (h *host) redactAll(v any) any {
	switch v := v.(type) {
	case string:
		return h.redact(v)
	case []any:
		for i := range v {
			v[i] = h.redactAll(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = h.redactAll(v[k])
		}
	}
	return v
}

// bounded keeps the first maxPrinted bytes of what is written to it.
type bounded struct {
	data []byte
	cut  bool
}

// Write never fails: the writer must not be stopped by it.
func (b *bounded) Write(p []byte) (int, error) {
	room := min(len(p), maxPrinted-len(b.data))
	b.data = append(b.data, p[:room]...)
	b.cut = b.cut || room < len(p)
	return len(p), nil
}

func (b *bounded) text() string { return string(b.data) }
