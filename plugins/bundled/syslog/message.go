package syslog

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// message is one message before it has a form.
type message struct {
	facility, severity int
	time               time.Time
	app, proc, id      string
	data               []param
	text               string
}

// param is one parameter of structured data.
type param struct{ name, value string }

// Bounds of a header's fields, in bytes (RFC 5424, 6), and of the tag of RFC 3164 (5.3), and ours of a parameter.
const (
	maxHostname = 255
	maxApp      = 48
	maxProc     = 128
	maxID       = 32
	maxTag      = 32
	maxParam    = 128
)

// facilities and severities are in the order of their numbers (RFC 5424, 6.2.1).
func facilities() []string {
	return []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
}

func severities() []string {
	return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

func facility(name string) int { return slices.Index(facilities(), name) }
func severity(name string) int { return slices.Index(severities(), name) }

// form makes bytes of messages.
type form struct {
	old      bool   // RFC 3164
	hostname string // "" leaves it out, which only the old form can
	sd       string // name of the structured data; "" for none
	max      int    // bytes of a message
	buf      []byte // scratch
}

// render hands the message to take, in pieces where it is too long: each has the header, and all but the first a mark. The
// bytes are only good within take.
func (f *form) render(m *message, take func([]byte)) {
	text := clean(m.text)
	for piece := 0; ; piece++ {
		b := f.header(f.buf[:0], m, piece)
		room := max(f.max-len(b), headerRoom)
		n := len(text)
		if n > room {
			n = cut(text, room)
		}
		f.buf = append(b, text[:n]...)
		take(f.buf)
		if text = text[n:]; text == "" {
			return
		}
	}
}

// room is how many bytes of text fit into one message after its header.
func (f *form) room(m *message) int {
	f.buf = f.header(f.buf[:0], m, 0)
	return max(f.max-len(f.buf), headerRoom)
}

func (f *form) header(b []byte, m *message, piece int) []byte {
	if f.old {
		return f.header3164(b, m)
	}
	return f.header5424(b, m, piece)
}

func (f *form) header5424(b []byte, m *message, piece int) []byte {
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(m.facility*8+m.severity), 10)
	b = append(b, ">1 "...)
	b = m.time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	for _, field := range []struct {
		value string
		most  int
	}{{f.hostname, maxHostname}, {m.app, maxApp}, {m.proc, maxProc}, {m.id, maxID}} {
		b = append(b, ' ')
		b = append(b, orNil(sanitize(field.value, field.most))...)
	}
	b = append(b, ' ')
	if f.sd == "" || len(m.data) == 0 {
		b = append(b, '-')
	} else {
		b = append(b, '[')
		b = append(b, f.sd...)
		for _, p := range m.data {
			b = appendParam(b, p)
		}
		if piece > 0 {
			b = appendParam(b, param{"piece", strconv.Itoa(piece + 1)})
		}
		b = append(b, ']')
	}
	return append(b, ' ')
}

func (f *form) header3164(b []byte, m *message) []byte {
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(m.facility*8+m.severity), 10)
	b = append(b, '>')
	b = m.time.Local().AppendFormat(b, time.Stamp)
	if f.hostname != "" {
		b = append(b, ' ')
		b = append(b, sanitize(f.hostname, maxHostname)...)
	}
	b = append(b, ' ')
	tag := strings.NewReplacer(":", ".", "[", "(", "]", ")").Replace(sanitize(m.app, maxTag)) // what ends a tag must not be in one
	b = append(b, orNil(tag)...)
	if m.proc != "" {
		b = append(b, '[')
		b = append(b, sanitize(m.proc, maxProc)...)
		b = append(b, ']')
	}
	return append(b, ": "...)
}

func orNil(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// appendParam writes a parameter; three characters are escaped (RFC 5424, 6.3.3).
func appendParam(b []byte, p param) []byte {
	value := clean(p.value)
	if len(value) > maxParam {
		value = value[:cut(value, maxParam)]
	}
	b = append(b, ' ')
	b = append(b, p.name...)
	b = append(b, `="`...)
	for i := range len(value) {
		if c := value[i]; c == '"' || c == '\\' || c == ']' {
			b = append(b, '\\')
		}
		b = append(b, value[i])
	}
	return append(b, '"')
}

// sanitize makes a field of a header: printable ASCII without spaces, at most n bytes.
func sanitize(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	return s[:min(len(s), n)]
}

// clean makes text UTF-8 without what would end a message on its way: NUL and line feed.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsAny(s, "\x00\n\r") {
		s = strings.NewReplacer("\x00", " ", "\r\n", " ", "\n", " ", "\r", " ").Replace(s)
	}
	return s
}

// cut is where a text is parted: at most at n, not within a character.
func cut(s string, n int) int {
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return n
}
