package webhook

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// document is a notification as JSON. Members are only added; one that changes its meaning raises Version.
type document struct {
	Version    int        `json:"version"` // 1
	ID         string     `json:"id"`      // the same at every try
	Severity   string     `json:"severity"`
	Title      string     `json:"title"`
	Body       string     `json:"body"`
	Attempt    int        `json:"attempt"`
	Suppressed uint64     `json:"suppressed"` // events held back since the last notification
	Daemon     daemonDoc  `json:"daemon"`
	Events     []eventDoc `json:"events"` // oldest first
}

type daemonDoc struct {
	Identifier string `json:"identifier"`
	Hostname   string `json:"hostname"`
	Version    string `json:"version"`
}

type eventDoc struct {
	Seq      uint64          `json:"seq"`
	Type     string          `json:"type"`
	Time     time.Time       `json:"time"`
	Group    string          `json:"group,omitempty"`
	Process  string          `json:"process,omitempty"`
	Namespec string          `json:"namespec,omitempty"`
	Pid      int             `json:"pid,omitempty"`
	From     string          `json:"from_state,omitempty"`
	Tries    int             `json:"tries,omitempty"`
	Expected bool            `json:"expected"`
	Exit     *exitDoc        `json:"exit,omitempty"`
	Data     string          `json:"data,omitempty"`
	Payload  string          `json:"payload,omitempty"` // what listeners read
	Extended json.RawMessage `json:"event,omitempty"`   // the JSON form of the payload (PROTOCOL.md)
}

type exitDoc struct {
	Status     int     `json:"status"`
	Signal     int     `json:"signal,omitempty"`
	CoreDumped bool    `json:"core_dumped,omitempty"`
	Uptime     float64 `json:"uptime"` // seconds
}

func documentOf(n *sdk.Notification) document {
	d := document{
		Version: 1, ID: n.ID, Severity: n.Severity.String(), Title: n.Title, Body: n.Body, Attempt: n.Attempt,
		Suppressed: n.Suppressed, Daemon: daemonDoc(n.Daemon), Events: make([]eventDoc, len(n.Events)),
	}
	for i := range n.Events {
		e := &n.Events[i]
		d.Events[i] = eventDoc{
			Seq: e.Seq, Type: e.Type, Time: e.Time.UTC(), Group: e.Group, Process: e.Process, Namespec: e.Namespec(), Pid: e.Pid,
			From: e.From, Tries: e.Tries, Expected: e.Expected,
			Data: text(e.Data), Payload: text(e.Payload),
		}
		if e.Exit != nil {
			d.Events[i].Exit = &exitDoc{e.Exit.Status, e.Exit.Signal, e.Exit.CoreDumped, e.Exit.Uptime.Seconds()}
		}
		if json.Valid(e.JSON) {
			d.Events[i].Extended = e.JSON
		}
	}
	return d
}

func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// cloudEvent is a CloudEvent 1.0 (github.com/cloudevents/spec, cloudevents/formats/json-format.md).
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject,omitempty"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Severity    string    `json:"severity"` // an extension
	Data        any       `json:"data,omitempty"`
}

// typePrefix begins the types of our CloudEvents, as the specification wants: a domain turned round.
const typePrefix = "io.github.hark-supervisor."

func cloudEventOf(n *sdk.Notification) cloudEvent {
	c := cloudEvent{
		SpecVersion: "1.0", ID: n.ID, Source: "/hark/" + segment(n.Daemon.Hostname) + "/" + segment(n.Daemon.Identifier),
		Type: typePrefix + "notification", ContentType: "application/json", Severity: n.Severity.String(),
	}
	if len(n.Events) > 0 {
		c.Time = n.Events[0].Time.UTC()
		c.Subject = n.Events[0].Namespec()
	}
	if len(n.Events) == 1 {
		c.Type = typePrefix + n.Events[0].Type
	}
	for i := range n.Events {
		if n.Events[i].Namespec() != c.Subject {
			c.Subject = ""
		}
	}
	return c
}

// compact is JSON with the characters that HTML minds left as they are: they stand for themselves in a title.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
