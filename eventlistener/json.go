package eventlistener

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// appendJSON writes the event as one JSON object. Its keys are those of
// Supervisor's payloads, with eventname, seq and time in front.
func (e *Event) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"eventname":`...)
	dst = AppendJSONString(dst, e.typ.String())
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, e.seq, 10)
	dst = append(dst, `,"time":"`...)
	dst = e.time.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, '"')
	if e.process.Name != "" {
		dst = appendMember(dst, "processname", e.process.Name)
		dst = appendMember(dst, "groupname", e.process.Group)
		dst = appendNumber(dst, "pid", int64(e.process.Pid))
	}
	switch t := e.typ; {
	case t.Is(ProcessState):
		dst = e.appendStateJSON(dst)
	case t.Is(ProcessLog):
		dst = e.appendData(appendMember(dst, "channel", e.text))
	case t.Is(ProcessCommunication):
		dst = e.appendData(dst)
	case t == RemoteCommunication:
		dst = appendMember(appendMember(dst, "type", e.text), "data", e.detail)
	case t.Is(TickEvent):
		dst = appendNumber(dst, "when", e.number)
	case t.Is(ProcessGroup):
		dst = appendMember(dst, "groupname", e.text)
	case t == ConfigReloaded:
		for i, key := range reloadKeys {
			dst = append(append(append(dst, `,"`...), key...), `":[`...)
			for j, name := range e.groups[i] {
				if j > 0 {
					dst = append(dst, ',')
				}
				dst = AppendJSONString(dst, name)
			}
			dst = append(dst, ']')
		}
	case t == EventsDiscarded:
		dst = appendNumber(appendMember(dst, "subscriber", e.text), "discarded", e.number)
	case t == LogDropped:
		dst = appendNumber(appendMember(dst, "channel", e.text), "bytes", e.number)
		if e.detail != "" {
			dst = appendMember(dst, "sink", e.detail)
		}
	case t.Is(PluginState):
		dst = appendMember(appendMember(dst, "pluginname", e.text), "from_state", e.change.From)
		dst = appendMember(appendNumber(dst, "pid", e.number), "reason", e.detail)
	}
	return append(dst, '}')
}

func (e *Event) appendStateJSON(dst []byte) []byte {
	dst = appendMember(dst, "from_state", e.change.From)
	dst = appendNumber(dst, "tries", int64(e.change.Tries))
	if e.typ == ProcessStateExited {
		dst = appendBool(dst, "expected", e.change.Expected)
	}
	x := &e.change.Exit
	if e.process.Pid != 0 {
		dst = appendSeconds(append(dst, `,"uptime":`...), x.Uptime)
	}
	if x.Ended {
		dst = appendNumber(dst, "exitstatus", int64(x.Status))
		dst = appendNumber(dst, "signal", int64(x.Signal))
		dst = appendBool(dst, "coredump", x.CoreDumped)
	}
	return dst
}

// appendData writes what a process said; in base64 where it is not UTF-8.
func (e *Event) appendData(dst []byte) []byte {
	if utf8.Valid(e.data) {
		dst = append(dst, `,"data":`...)
		return appendJSON(dst, e.data)
	}
	dst = append(dst, `,"data_base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, e.data)
	return append(dst, '"')
}

func appendMember(dst []byte, key, value string) []byte {
	dst = append(append(append(dst, `,"`...), key...), `":`...)
	return AppendJSONString(dst, value)
}

func appendNumber(dst []byte, key string, value int64) []byte {
	dst = append(append(append(dst, `,"`...), key...), `":`...)
	return strconv.AppendInt(dst, value, 10)
}

func appendBool(dst []byte, key string, value bool) []byte {
	dst = append(append(append(dst, `,"`...), key...), `":`...)
	return strconv.AppendBool(dst, value)
}

// AppendJSONString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendJSONString(dst []byte, s string) []byte { return appendJSON(dst, s) }

func appendJSON[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\t':
				dst = append(dst, '\\', 't')
			case '\r':
				dst = append(dst, '\\', 'r')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		// The two separators end a line in JavaScript, which JSON allows unescaped.
		if r == utf8.RuneError && n == 1 || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			if n == 1 {
				dst = append(dst, "\uFFFD"...)
			} else {
				dst = append(dst, '\\', 'u', '2', '0', '2', hex[r&15])
			}
			start = i + n
		}
		i += n
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
