package email

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/sdk"
	gomail "github.com/wneessen/go-mail"
)

// maxSubject is the longest subject, in characters: mail readers show less.
const maxSubject = 200

// compose makes the mail, headers and all.
func (n *notifier) compose(m *sdk.Notification) ([]byte, error) {
	d := digestOf(m)
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(n.from.String()); err != nil {
		return nil, err
	}
	for _, err := range []error{msg.To(n.c.To...), msg.Cc(n.c.Cc...)} { // those of bcc only stand in the envelope
		if err != nil {
			return nil, err
		}
	}
	if n.c.ReplyTo != "" {
		if err := msg.ReplyTo(n.c.ReplyTo); err != nil {
			return nil, err
		}
	}
	msg.Subject(subject(n.c.SubjectPrefix, m))
	msg.SetDateWithValue(time.Now())
	if m.ID != "" {
		msg.SetMessageIDWithValue(n.messageID(m.ID + "." + n.i.Name))
	}
	if topic := topic(m.Events); n.c.Thread && topic != "" {
		msg.SetGenHeader(gomail.HeaderReferences, "<"+n.messageID("program."+topic)+">")
	}
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: keeps auto-responders from answering
	msg.SetGenHeader("X-Hark-Severity", m.Severity.String())
	if m.Severity == sdk.Critical {
		msg.SetImportance(gomail.ImportanceHigh)
	}
	for _, name := range slices.Sorted(maps.Keys(n.c.Headers)) {
		msg.SetGenHeader(gomail.Header(name), n.c.Headers[name])
	}
	msg.SetBodyString(gomail.TypeTextPlain, d.text())
	if n.c.HTML {
		page, err := d.html(n.page)
		if err != nil {
			return nil, err
		}
		msg.AddAlternativeString(gomail.TypeTextHTML, page)
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func subject(prefix string, m *sdk.Notification) string {
	s := oneLine(m.Title)
	if s == "" {
		s = m.Severity.String() + " of " + oneLine(m.Daemon.Hostname)
	}
	if prefix = strings.TrimSpace(prefix); prefix != "" {
		s = prefix + " " + s
	}
	if utf8.RuneCountInString(s) > maxSubject {
		s = string([]rune(s)[:maxSubject-1]) + "…"
	}
	return s
}

// messageID is an identifier of a mail (RFC 5322, 3.6.4), without the angle brackets.
func (n *notifier) messageID(id string) string {
	const longest = 200
	id = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_+=", r) {
			return r
		}
		return '.'
	}, id)
	for strings.Contains(id, "..") {
		id = strings.ReplaceAll(id, "..", ".")
	}
	return strings.Trim(id[:min(len(id), longest)], ".") + "@" + n.host
}

// topic is the one program that events are about, "" where there are several or none.
func topic(events []sdk.Event) string {
	if len(events) == 0 {
		return ""
	}
	name := events[0].Namespec()
	for i := range events {
		if events[i].Namespec() != name {
			return ""
		}
	}
	return name
}

// oneLine makes a text fit for a header.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}
