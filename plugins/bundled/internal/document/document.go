// Package document is a notification as JSON, the form in which plugins hand it on.
package document

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// Document is a notification as JSON. Members are only added; one that changes its meaning raises Version.
type Document struct {
	Version    int     `json:"version"` // 1
	ID         string  `json:"id"`      // the same at every try
	Severity   string  `json:"severity"`
	Title      string  `json:"title"`
	Body       string  `json:"body"`
	Attempt    int     `json:"attempt"`
	Suppressed uint64  `json:"suppressed"` // events held back since the last notification
	Daemon     Daemon  `json:"daemon"`
	Events     []Entry `json:"events"` // oldest first
}

// Daemon is the supervisord that it comes from.
type Daemon struct {
	Identifier string `json:"identifier"`
	Hostname   string `json:"hostname"`
	Version    string `json:"version"`
}

// Entry is one event of a Document.
type Entry struct {
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
	Exit     *End            `json:"exit,omitempty"`
	Data     string          `json:"data,omitempty"`
	Payload  string          `json:"payload,omitempty"` // what listeners read
	Extended json.RawMessage `json:"event,omitempty"`   // the JSON form of the payload (PROTOCOL.md)
}

// End is how a process ended.
type End struct {
	Status     int     `json:"status"`
	Signal     int     `json:"signal,omitempty"`
	CoreDumped bool    `json:"core_dumped,omitempty"`
	Uptime     float64 `json:"uptime"` // seconds
}

// Of is the document of a notification.
func Of(n *sdk.Notification) Document {
	d := Document{
		Version: 1, ID: n.ID, Severity: n.Severity.String(), Title: n.Title, Body: n.Body, Attempt: n.Attempt,
		Suppressed: n.Suppressed, Daemon: Daemon(n.Daemon), Events: make([]Entry, len(n.Events)),
	}
	for i := range n.Events {
		d.Events[i] = EntryOf(&n.Events[i])
	}
	return d
}

// EntryOf is the document of an event.
func EntryOf(e *sdk.Event) Entry {
	d := Entry{
		Seq: e.Seq, Type: e.Type, Time: e.Time.UTC(), Group: e.Group, Process: e.Process, Namespec: e.Namespec(), Pid: e.Pid,
		From: e.From, Tries: e.Tries, Expected: e.Expected,
		Data: text(e.Data), Payload: text(e.Payload),
	}
	if e.Exit != nil {
		d.Exit = &End{e.Exit.Status, e.Exit.Signal, e.Exit.CoreDumped, e.Exit.Uptime.Seconds()}
	}
	if json.Valid(e.JSON) {
		d.Extended = e.JSON
	}
	return d
}

func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// Compact is JSON with the characters that HTML minds left as they are: they stand for themselves in a title.
func Compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
