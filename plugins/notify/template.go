package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/plugins/internal/templatefault"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// maxTemplate is the longest a template may be, in bytes.
	maxTemplate = 16 << 10
	// maxTitle is the longest a title may be, in characters; what is longer is cut.
	maxTitle = 250
	// maxBody is the longest a body may be, in bytes; what is longer is cut.
	maxBody = 64 << 10
)

// The default templates.
const (
	defaultTitle = `[{{upper .Severity}}] {{.Daemon.Hostname}}: {{.Worst.Text}}{{if gt .Count 1}} (and {{minus .Count 1}} more){{end}}`
	defaultBody  = `{{range .Events}}{{date "2006-01-02 15:04:05 MST" .Time}}  {{.Text}}
{{end}}{{range .Folded}}and {{.Count}} more of {{.Type}}
{{end}}{{if gt .Suppressed 0}}{{.Suppressed}} events were held back since the last notification.
{{end}}`
)

// Alert is what the templates of [notifier:x] are given.
type Alert struct {
	Notifier   string // x of [notifier:x]
	Daemon     sdk.Daemon
	Severity   string       // info, warning, error or critical: that of the worst event
	Events     []AlertEvent // oldest first; at least one
	Worst      AlertEvent   // of Events: the first of the highest severity, whom a title names
	Count      int          // how many events it stands for: Events, and those Folded
	Folded     []Folded     // how many of which type are not listed one by one
	Suppressed int          // events held back since the last notification, those Folded included
}

// AlertEvent is an event as templates see it.
type AlertEvent struct {
	Type     string // PROCESS_STATE_EXITED
	State    string // EXITED; "" for an event of another kind
	Text     string // what happened, in a line
	Severity string
	Time     time.Time
	Seq      uint64
	Namespec string // group:process, or the name alone where both are the same; "" for an event about no process
	Group    string
	Process  string
	Pid      int
	From     string // the state left
	Tries    int
	Expected bool
	Status   int  // exit status
	Signal   int  // that ended it; 0: none
	Core     bool // it left a core file
	Uptime   time.Duration
	Data     string // what the process wrote, of PROCESS_LOG_* and the like
	Payload  string // what listeners read
}

func newAlert(a *alert, notifier string, daemon sdk.Daemon, events []sdk.Event) *Alert {
	out := &Alert{
		Notifier: notifier, Daemon: daemon, Severity: a.severity.String(), Folded: a.folded,
		Suppressed: int(a.suppressed), Count: len(events), //nolint:gosec // a count
		Events: make([]AlertEvent, len(events)),
	}
	for _, f := range a.folded {
		out.Count += f.Count
	}
	worst := 0
	for i := range events {
		out.Events[i] = alertEvent(&events[i], a.entries[i].severity)
		if a.entries[i].severity > a.entries[worst].severity {
			worst = i
		}
	}
	if len(events) > 0 {
		out.Worst = out.Events[worst]
	}
	return out
}

func alertEvent(e *sdk.Event, severity sdk.Severity) AlertEvent {
	state := ""
	if _, after, ok := strings.Cut(e.Type, "_STATE_"); ok {
		state = after
	}
	out := AlertEvent{
		Type: e.Type, State: state, Text: describe(e), Severity: severity.String(), Time: e.Time, Seq: e.Seq,
		Namespec: e.Namespec(), Group: e.Group, Process: e.Process, Pid: e.Pid,
		From: e.From, Tries: e.Tries, Expected: e.Expected, Data: string(e.Data), Payload: string(e.Payload),
	}
	if x := e.Exit; x != nil {
		out.Status, out.Signal, out.Core, out.Uptime = x.Status, x.Signal, x.CoreDumped, x.Uptime
	}
	return out
}

// functions are what templates may call in addition to text/template's own.
func functions() template.FuncMap {
	return template.FuncMap{
		"upper":   strings.ToUpper,
		"lower":   strings.ToLower,
		"trim":    strings.TrimSpace,
		"line":    firstLine,
		"replace": func(old, new, s string) string { return strings.ReplaceAll(s, old, new) },
		"has":     func(part, s string) bool { return strings.Contains(s, part) },
		"cut":     func(n int, s string) string { return cutText(s, n) },
		"default": func(otherwise, s string) string {
			if s == "" {
				return otherwise
			}
			return s
		},
		"date":  func(layout string, t time.Time) string { return t.Format(layout) },
		"utc":   time.Time.UTC,
		"plus":  func(a, b int) int { return a + b },
		"minus": func(a, b int) int { return a - b },
	}
}

// cutText is at most n characters of s, the last of them an ellipsis where something is missing.
func cutText(s string, n int) string {
	if n < 1 || utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)[:n-1]
	return string(runes) + "…"
}

// templates are a notifier's two, parsed.
type templates struct{ title, body *template.Template }

// parseTemplates parses what is written; "" is the default one.
func parseTemplates(title, body string) (t templates, err error) {
	if t.title, err = parseTemplate("title_template", title, defaultTitle); err != nil {
		return t, err
	}
	t.body, err = parseTemplate("body_template", body, defaultBody)
	return t, err
}

// CheckTemplate reports what is wrong with a template of a title or a body: it is parsed and tried on sample events.
func CheckTemplate(text string) error {
	t, err := parseTemplate("template", text, text)
	if err != nil {
		return err
	}
	for _, sample := range sampleAlerts() {
		if _, err := render(t, sample, maxBody); err != nil {
			return err
		}
	}
	return nil
}

func parseTemplate(name, written, otherwise string) (*template.Template, error) {
	if written == "" {
		written = otherwise
	}
	if len(written) > maxTemplate {
		return nil, fmt.Errorf("cannot use a template of %d bytes; accepted: at most %d", len(written), maxTemplate)
	}
	t, err := template.New(name).Funcs(functions()).Parse(written)
	if err != nil {
		return nil, fmt.Errorf("cannot parse: %s", templatefault.Of(err))
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("cannot use define or block in a template")
	}
	if t.Tree != nil {
		if err := boundWork(t.Tree.Root, false); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// boundWork refuses what could make rendering take forever: templates that call templates, and ranges over anything
// but the alert's lists, or within another.
func boundWork(n parse.Node, inRange bool) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, child := range n.Nodes {
			if err := boundWork(child, inRange); err != nil {
				return err
			}
		}
	case *parse.TemplateNode:
		return errors.New("cannot use template in a template")
	case *parse.IfNode:
		return boundBranch(&n.BranchNode, inRange)
	case *parse.WithNode:
		return boundBranch(&n.BranchNode, inRange)
	case *parse.RangeNode:
		if inRange {
			return errors.New("cannot use a range within a range")
		}
		if !overList(n.Pipe) {
			return fmt.Errorf("line %d: cannot range over anything else; accepted: .Events and .Folded", n.Line)
		}
		return boundBranch(&n.BranchNode, true)
	}
	return nil
}

func boundBranch(n *parse.BranchNode, inRange bool) error {
	if err := boundWork(n.List, inRange); err != nil {
		return err
	}
	return boundWork(n.ElseList, inRange)
}

// overList reports whether a range is over one of an alert's lists.
func overList(p *parse.PipeNode) bool {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	var path []string
	switch arg := p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		path = arg.Ident
	case *parse.VariableNode:
		if path = arg.Ident; path[0] == "$" {
			path = path[1:]
		}
	}
	return len(path) == 1 && slices.Contains([]string{"Events", "Folded"}, path[0])
}

// limitedText takes text up to a bound.
type limitedText struct {
	strings.Builder
	max int
}

var errTooLong = errors.New("the text is too long")

func (t *limitedText) Write(b []byte) (int, error) {
	if room := t.max - t.Len(); len(b) > room {
		for room > 0 && !utf8.RuneStart(b[room]) {
			room--
		}
		t.Builder.Write(b[:room])
		return room, errTooLong
	}
	return t.Builder.Write(b)
}

// render fills in a template. What is longer than max bytes is cut.
func render(t *template.Template, a *Alert, max int) (string, error) {
	out := &limitedText{max: max}
	if err := t.Execute(out, a); err != nil && !errors.Is(err, errTooLong) {
		return "", fmt.Errorf("cannot fill in: %s", templatefault.Of(err))
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD"), nil
}

// texts are the title and body of a notification. An error is of the notifier's own templates; the texts
// are then those of the default ones.
func (t *templates) texts(a *Alert) (title, body string, err error) {
	title, err = render(t.title, a, maxBody)
	if err != nil {
		title, _ = render(t.fallback().title, a, maxBody)
	}
	body, bodyErr := render(t.body, a, maxBody)
	if bodyErr != nil {
		body, _ = render(t.fallback().body, a, maxBody)
	}
	return oneLine(title), body, errors.Join(err, bodyErr)
}

func (t *templates) fallback() templates {
	d, err := parseTemplates("", "")
	if err != nil {
		panic("internal error: a default template cannot be parsed: " + err.Error())
	}
	return d
}

// oneLine makes a title of a text.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return cutText(strings.TrimSpace(s), maxTitle)
}

// sampleAlerts are what templates are tried on: one event and several, about a process and about none.
func sampleAlerts() []*Alert {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	exited := sdk.Event{
		Seq: 1742, Type: "PROCESS_STATE_EXITED", Time: at, Group: "web", Process: "web_00", Pid: 4711, From: "RUNNING",
		Exit:    &sdk.Exit{Status: 1, Uptime: 12500 * time.Millisecond},
		Payload: []byte("processname:web_00 groupname:web from_state:RUNNING expected:0 pid:4711"),
	}
	fatal := sdk.Event{
		Seq: 1750, Type: "PROCESS_STATE_FATAL", Time: at.Add(time.Second), Group: "billing", Process: "billing", From: "BACKOFF",
		Payload: []byte("processname:billing groupname:billing from_state:BACKOFF"),
	}
	tick := sdk.Event{Seq: 1751, Type: "TICK_60", Time: at.Add(2 * time.Second), Payload: []byte("when:1772366400")}
	severities := map[string]sdk.Severity{exited.Type: sdk.Error, fatal.Type: sdk.Critical, tick.Type: sdk.Info}
	daemon := sdk.Daemon{Identifier: "supervisor", Hostname: "example", Version: "0.1.0"}
	make := func(a *alert, events ...sdk.Event) *Alert {
		for i := range events {
			a.entries = append(a.entries, entry{severity: severities[events[i].Type]})
		}
		return newAlert(a, "sample", daemon, events)
	}
	return []*Alert{
		make(&alert{severity: sdk.Error}, exited),
		make(&alert{severity: sdk.Critical, suppressed: 8, folded: []Folded{{"PROCESS_STATE_BACKOFF", 3}}}, exited, fatal, tick),
		make(&alert{severity: sdk.Info}, tick),
	}
}
