package email

import (
	"bytes"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

const (
	// maxRows is how many events a mail lists; the others are counted.
	maxRows = 500
	// maxBody bounds the text of the host's template, in bytes.
	maxBody = 256 << 10
	// summaryFrom is from how many events on a mail begins with how many of which type there are.
	summaryFrom = 5
)

// digest is the content of a mail, before it is rendered as text or HTML.
type digest struct {
	Title, Body, Severity, Colour string
	Summary                       string
	Rows                          []row // of several events
	More                          int   // events beyond Rows
	Suppressed                    uint64
	Footer                        string
}

type row struct{ Time, Type, Name, Detail string }

func digestOf(m *sdk.Notification) *digest {
	d := &digest{
		Title: oneLine(m.Title), Body: clean(m.Body), Severity: m.Severity.String(), Colour: colour(m.Severity),
		Suppressed: m.Suppressed, Footer: footer(m.Daemon),
	}
	if len(m.Events) < 2 {
		return d
	}
	shown := m.Events[:min(len(m.Events), maxRows)]
	d.More = len(m.Events) - len(shown)
	for i := range shown {
		e := &shown[i]
		d.Rows = append(d.Rows, row{
			Time: e.Time.UTC().Format("2006-01-02 15:04:05"), Type: oneLine(e.Type), Name: oneLine(e.Namespec()), Detail: detail(e),
		})
	}
	if len(m.Events) >= summaryFrom {
		d.Summary = summary(m.Events)
	}
	return d
}

func colour(s sdk.Severity) string {
	switch s {
	case sdk.Warning:
		return "#b7791f"
	case sdk.Error:
		return "#c53030"
	case sdk.Critical:
		return "#7b0000"
	}
	return "#2f855a"
}

// detail is the content of an event except its name.
func detail(e *sdk.Event) string {
	var parts []string
	if e.From != "" {
		parts = append(parts, "from "+oneLine(e.From))
	}
	if e.Pid != 0 {
		parts = append(parts, fmt.Sprintf("pid %d", e.Pid))
	}
	if x := e.Exit; x != nil {
		end := fmt.Sprintf("status %d", x.Status)
		if x.Signal != 0 {
			end = fmt.Sprintf("signal %d", x.Signal)
		}
		if x.CoreDumped {
			end += " (core dumped)"
		}
		if x.Uptime > 0 {
			end += " after " + x.Uptime.Round(time.Millisecond).String()
		}
		parts = append(parts, end)
		if strings.HasSuffix(e.Type, "_EXITED") && !e.Expected {
			parts = append(parts, "not expected")
		}
	}
	if e.Tries > 0 {
		parts = append(parts, fmt.Sprintf("%d tries", e.Tries))
	}
	return strings.Join(parts, ", ")
}

// summary counts: "12 events about 3 programs: 9 EXITED, 3 FATAL".
func summary(events []sdk.Event) string {
	types, names := map[string]int{}, map[string]bool{}
	for i := range events {
		types[strings.TrimPrefix(oneLine(events[i].Type), "PROCESS_STATE_")]++
		if name := events[i].Namespec(); name != "" {
			names[name] = true
		}
	}
	sorted := slices.SortedFunc(maps.Keys(types), func(a, b string) int {
		if types[a] != types[b] {
			return types[b] - types[a]
		}
		return strings.Compare(a, b)
	})
	const most = 8
	var counts []string
	for _, t := range sorted[:min(len(sorted), most)] {
		counts = append(counts, fmt.Sprintf("%d %s", types[t], t))
	}
	s := fmt.Sprintf("%d events", len(events))
	if len(names) > 0 {
		s += fmt.Sprintf(" about %d programs", len(names))
	}
	s += ": " + strings.Join(counts, ", ")
	if len(sorted) > most {
		s += ", …"
	}
	return s
}

func footer(d sdk.Daemon) string {
	s := "supervisord"
	if d.Identifier != "" && d.Identifier != "supervisor" {
		s += " " + oneLine(d.Identifier)
	}
	if d.Hostname != "" {
		s += " on " + oneLine(d.Hostname)
	}
	return s + ", times in UTC"
}

// clean makes what a program may have written fit for a mail.
func clean(s string) string {
	if len(s) > maxBody {
		s = s[:maxBody] + "\n…"
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if isControl(r) && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, s))
}

func (d *digest) text() string {
	var b strings.Builder
	paragraph := func(s string) {
		if s != "" {
			b.WriteString(s + "\n\n")
		}
	}
	paragraph(d.Title)
	paragraph(d.Body)
	paragraph(d.Summary)
	if len(d.Rows) > 0 {
		table := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		for _, r := range d.Rows {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.Time, r.Type, r.Name, r.Detail)
		}
		_ = table.Flush() // a strings.Builder does not fail
		if d.More > 0 {
			fmt.Fprintf(&b, "and %d more\n", d.More)
		}
		b.WriteByte('\n')
	}
	if d.Suppressed > 0 {
		paragraph(fmt.Sprintf("%d events were held back before.", d.Suppressed))
	}
	b.WriteString("-- \n" + d.Footer + "\n")
	return b.String()
}

func (d *digest) html(page *template.Template) (string, error) {
	var b bytes.Buffer
	err := page.Execute(&b, d)
	return b.String(), err
}

// newPage is the mail as HTML. Mail readers know little of it, so it is a table with styles at each element.
func newPage() *template.Template {
	return template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>
<body style="margin:0;padding:16px;font:15px/1.45 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif;color:#1a202c;background:#fff">
<div style="border-left:4px solid {{.Colour}};padding:2px 0 2px 12px;margin-bottom:16px">
<div style="font-size:12px;text-transform:uppercase;letter-spacing:.05em;color:{{.Colour}}">{{.Severity}}</div>
<div style="font-size:18px;font-weight:600">{{.Title}}</div></div>
{{with .Body}}<div style="white-space:pre-wrap;margin-bottom:16px">{{.}}</div>
{{end}}{{with .Summary}}<p style="margin:0 0 12px">{{.}}</p>
{{end}}{{if .Rows}}<table style="border-collapse:collapse;font-size:13px;margin-bottom:16px">
<tr style="text-align:left"><th style="padding:4px 12px 4px 0">Time</th><th style="padding:4px 12px 4px 0">Event</th><th style="padding:4px 12px 4px 0">Program</th><th style="padding:4px 0">Details</th></tr>
{{range .Rows}}<tr style="border-top:1px solid #e2e8f0"><td style="padding:4px 12px 4px 0;white-space:nowrap">{{.Time}}</td><td style="padding:4px 12px 4px 0">{{.Type}}</td><td style="padding:4px 12px 4px 0">{{.Name}}</td><td style="padding:4px 0">{{.Detail}}</td></tr>
{{end}}</table>
{{if .More}}<p style="margin:0 0 12px">and {{.More}} more</p>
{{end}}{{end}}{{if .Suppressed}}<p style="margin:0 0 12px">{{.Suppressed}} events were held back before.</p>
{{end}}<div style="font-size:12px;color:#718096">{{.Footer}}</div>
</body></html>
`))
}
