package notify

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/sdk"
)

func TestDefaultTemplates(t *testing.T) {
	d, err := parseTemplates("", "")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"[ERROR] example: web:web_00 exited unexpectedly with status 1 after 12.5s\n" +
			"2026-03-01 12:00:00 UTC  web:web_00 exited unexpectedly with status 1 after 12.5s\n",
		"[CRITICAL] example: billing could not be started and is FATAL (and 5 more)\n" +
			"2026-03-01 12:00:00 UTC  web:web_00 exited unexpectedly with status 1 after 12.5s\n" +
			"2026-03-01 12:00:01 UTC  billing could not be started and is FATAL\n" +
			"2026-03-01 12:00:02 UTC  TICK_60 when:1772366400\n" +
			"and 3 more of PROCESS_STATE_BACKOFF\n8 events were held back since the last notification.\n",
		"[INFO] example: TICK_60 when:1772366400\n2026-03-01 12:00:02 UTC  TICK_60 when:1772366400\n",
	} {
		title, body, err := d.texts(sampleAlerts()[i])
		if got := title + "\n" + body; err != nil || got != want {
			t.Errorf("%v:\n%s\nnot\n%s", err, got, want)
		}
	}
}

func TestCheckTemplate(t *testing.T) {
	for _, good := range []string{
		"plain", "{{.Severity}}", "{{.Worst.Text}} {{.Worst.Namespec}}", `{{with index .Events 0}}{{.Text | upper | cut 10}}{{end}}`,
		`{{range .Events}}{{if .Signal}}{{.Signal}}{{else}}{{default "-" .Process}}{{end}}{{end}}{{range $f := $.Folded}}{{$f.Type}}{{end}}`,
		`{{date "15:04" (utc (index .Events 0).Time)}} {{plus 1 .Count}} {{minus .Count 1}} {{replace "a" "b" .Notifier}} {{has "x" .Notifier}} {{trim .Notifier}} {{line .Notifier}} {{lower .Notifier}}`,
		"{{- /* a comment */ -}}",
	} {
		if err := CheckTemplate(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, why := range map[string]string{
		"{{":                             "parse",
		"{{.Nothing}}":                   "fill in",
		"{{nothing 1}}":                  "function",
		"{{(index .Events 0).Password}}": "fill in",
		"{{index .Events 7}}":            "fill in",
		"{{range .Events}}{{range $.Events}}{{end}}{{end}}":             "range within",
		"{{range .Count}}{{end}}":                                       "range over",
		"{{range 1000000000}}{{end}}":                                   "range over",
		"{{$n := 1000000000}}{{range $n}}{{end}}":                       "range over",
		`{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`:         "define",
		`{{template "template"}}`:                                       "template",
		`{{if true}}{{else}}{{with 1}}{{range 5}}{{end}}{{end}}{{end}}`: "range over",
		strings.Repeat("x", maxTemplate+1):                              "at most",
	} {
		if err := CheckTemplate(bad); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60s: %v", bad, err)
		}
	}
}

// What is wrong with a template is told without its words, which may be a secret.
func TestErrorsOfTemplatesQuoteNothing(t *testing.T) {
	for bad, want := range map[string]string{
		"hunter2 {{":                            "cannot parse: line 1: an action is not closed",
		"{{hunter2 1}}":                         "cannot parse: line 1: there is no such function",
		"\n{{$hunter2}}":                        "cannot parse: line 2: there is no such variable",
		`{{"hunter2`:                            "cannot parse: line 1: a quotation is not closed",
		"{{if .hunter2}}":                       "cannot parse: line 1: it ends before an {{end}}",
		"{{end}} hunter2":                       "cannot parse: line 1: an {{end}} closes nothing",
		"{{/* hunter2":                          "cannot parse: line 1: a comment is not closed",
		"{{.Severity hunter2=}}":                "cannot parse: line 1: it is not well formed",
		"{{hunter2!}}":                          "cannot parse: line 1: it is not well formed",
		"{{'hunter2'}}":                         "cannot parse: line 1: it is not well formed",
		"{{.hunter2}}":                          "cannot fill in: line 1, byte 2: there is no such field",
		`{{upper "hunter2" "hunter2"}}`:         "cannot fill in: line 1, byte 2: a function has too few or too many arguments",
		`{{index .Events "hunter2"}}`:           "cannot fill in: line 1, byte 2: it is of no use there",
		`{{index .Events 7 | hunter2}}`:         "cannot parse: line 1: there is no such function",
		`{{minus "hunter2" 1}}`:                 "cannot fill in: line 1, byte 8: a value is of the wrong type",
		`{{eq 1 "hunter2"}}`:                    "cannot fill in: line 1, byte 2: two values are of different types",
		`{{range hunter2}}{{end}}`:              "cannot parse: line 1: there is no such function",
		`{{range $.Count}}hunter2{{end}}`:       "line 1: cannot range over anything else; accepted: .Events and .Folded",
		`{{with "hunter2"}}{{.Nothing}}{{end}}`: "cannot fill in: line 1, byte 20: there is no such field",
	} {
		if err := CheckTemplate(bad); err == nil || err.Error() != want {
			t.Errorf("%s: %v, not %s", bad, err, want)
		}
	}
}

func TestTemplatesAreBounded(t *testing.T) {
	d, err := parseTemplates("{{range .Events}}{{.Data}}\n{{end}}", "{{range .Events}}{{.Data}}{{end}}")
	if err != nil {
		t.Fatal(err)
	}
	a := sampleAlerts()[0]
	a.Events[0].Data = strings.Repeat("é\x00\n", 100000)
	title, body, err := d.texts(a)
	if err != nil || utf8.RuneCountInString(title) != maxTitle || strings.ContainsAny(title, "\n\x00") || len(body) > maxBody || !utf8.ValidString(body) {
		t.Errorf("%v: a title of %d characters, a body of %d bytes", err, utf8.RuneCountInString(title), len(body))
	}
}

func TestTemplateThatFailsGivesWayToTheDefaultOne(t *testing.T) {
	d, err := parseTemplates("{{(index .Events 1).Text}}", "{{(index .Events 1).Text}}") // there need not be two
	if err != nil {
		t.Fatal(err)
	}
	title, body, err := d.texts(sampleAlerts()[0])
	if err == nil || !strings.HasPrefix(title, "[ERROR] example: ") || !strings.Contains(body, "web:web_00") {
		t.Errorf("%v: %q, %q", err, title, body)
	}
}

func TestDescribe(t *testing.T) {
	for want, e := range map[string]sdk.Event{
		"web exited with status 0":                           {Type: "PROCESS_STATE_EXITED", Process: "web", Expected: true, Exit: &sdk.Exit{}},
		"web exited unexpectedly by signal 11 (core dumped)": {Type: "PROCESS_STATE_EXITED", Process: "web", Exit: &sdk.Exit{Signal: 11, CoreDumped: true}},
		"web exited too soon after its start (2 in a row)":   {Type: "PROCESS_STATE_BACKOFF", Process: "web", Tries: 2},
		"web is RUNNING":                {Type: "PROCESS_STATE_RUNNING", Process: "web"},
		"web wrote: one":                {Type: "PROCESS_LOG_STDOUT", Process: "web", Data: []byte("\none\ntwo")},
		"REMOTE_COMMUNICATION deployed": {Type: "REMOTE_COMMUNICATION", Data: []byte("deployed"), Payload: []byte("type:x\ndeployed")},
		"web LOG_DROPPED processname:web groupname:web pid:7 bytes:3": {Type: "LOG_DROPPED", Process: "web", Payload: []byte("processname:web groupname:web pid:7 bytes:3")},
		"SUPERVISOR_STATE_CHANGE_RUNNING":                             {Type: "SUPERVISOR_STATE_CHANGE_RUNNING"},
	} {
		if got := describe(&e); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
