package webhook

import (
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

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

// typePrefix begins the types of our CloudEvents: a reversed domain name, as the specification requires.
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
