package eventlistener

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// field is one value of a payload: a token key:value of the first line, and a member of the JSON object. Exactly one of text,
// num, truth, dur and names is set; it must not use the table rows, which refers to the field.
type field struct {
	key   string
	means string // for PROTOCOL.md

	text  func(e *Event) string
	num   func(e *Event) int64
	truth func(e *Event) bool // 1 or 0 as a token
	dur   func(e *Event) time.Duration
	names func(e *Event) []string // separated by commas as a token

	// read stores the member of that key in an event; nil: it belongs to the process, or another field stores it.
	read func(e *Event, m *jsonMembers, key string)

	// has reports whether the event has the value; nil: always. Supervisor's form shows the token even if has is false, unless the
	// token is optional.
	has      func(e *Event) bool
	optional bool
	member   *field // the one that JSON shows in its place; nil: itself
}

func (f *field) appendToken(dst []byte, e *Event) []byte {
	dst = append(append(dst, f.key...), ':')
	switch {
	case f.text != nil:
		return append(dst, f.text(e)...)
	case f.num != nil:
		return strconv.AppendInt(dst, f.num(e), 10)
	case f.dur != nil:
		return appendSeconds(dst, f.dur(e))
	case f.names != nil:
		return append(dst, strings.Join(f.names(e), ",")...)
	case f.truth(e):
		return append(dst, '1')
	}
	return append(dst, '0')
}

func (f *field) appendMember(dst []byte, e *Event) []byte {
	dst = appendKey(dst, f.key)
	switch {
	case f.text != nil:
		return AppendJSONString(dst, f.text(e))
	case f.num != nil:
		return strconv.AppendInt(dst, f.num(e), 10)
	case f.dur != nil:
		return appendSeconds(dst, f.dur(e))
	case f.names != nil:
		dst = append(dst, '[')
		for i, name := range f.names(e) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSONString(dst, name)
		}
		return append(dst, ']')
	}
	return strconv.AppendBool(dst, f.truth(e))
}

// The functions that decide whether an event has a value.
func isNamed(e *Event) bool { return e.process.Name != "" }
func hasPid(e *Event) bool  { return e.process.Pid != 0 }
func ended(e *Event) bool   { return e.change.Exit.Ended }

// The functions that store the values of fields in the event.
func toText(e *Event, m *jsonMembers, key string)   { e.text = m.text(key) }
func toDetail(e *Event, m *jsonMembers, key string) { e.detail = m.text(key) }
func toNumber(e *Event, m *jsonMembers, key string) { e.number = m.number(key) }
func toState(e *Event, m *jsonMembers, key string)  { e.change.From = m.text(key) }

func toExit(e *Event, m *jsonMembers, key string) {
	_, e.change.Exit.Ended = m.all[key]
	e.change.Exit.Status = int(m.number(key))
}

func toGroups(list int) func(e *Event, m *jsonMembers, key string) {
	return func(e *Event, m *jsonMembers, key string) {
		if e.groups == nil {
			e.groups = new([reloadLists][]string)
		}
		m.value(key, &e.groups[list])
	}
}

// The fields. JSON has those of a type in this order.
var (
	processName = &field{key: "processname", means: "the process's own name", has: isNamed, text: func(e *Event) string { return e.process.Name }}
	groupName   = &field{key: "groupname", means: "its group", has: isNamed, text: func(e *Event) string { return e.process.Group }}
	pid         = &field{key: "pid", means: "its process id; 0: there is none", has: isNamed, num: func(e *Event) int64 { return int64(e.process.Pid) }}
	anyPid      = &field{key: "pid", has: hasPid, num: pid.num, member: pid}
	subject     = &field{key: "groupname", read: toText, means: "the group", text: func(e *Event) string { return e.text }}
	kind        = &field{key: "type", read: toText, means: "the first argument of the call; it may hold anything", text: func(e *Event) string { return e.text }}
	pluginName  = &field{key: "pluginname", read: toText, means: "the plugin", text: func(e *Event) string { return e.text }}
	subscriber  = &field{key: "subscriber", read: toText, means: "the name of the pool, the notifier or the log sink", text: func(e *Event) string { return e.text }}
	fromState   = &field{key: "from_state", read: toState, means: "the state it left", text: func(e *Event) string { return e.change.From }}
	pluginPid   = &field{key: "pid", read: toNumber, means: "its process id; 0: there is none", num: func(e *Event) int64 { return e.number }}
	tries       = &field{key: "tries", read: func(e *Event, m *jsonMembers, key string) { e.change.Tries = int(m.number(key)) }, means: "starts that failed in a row so far", num: func(e *Event) int64 { return int64(e.change.Tries) }}
	expected    = &field{key: "expected", read: func(e *Event, m *jsonMembers, key string) { m.value(key, &e.change.Expected) }, means: "1 if its status is one of `exitcodes`, else 0", truth: func(e *Event) bool { return e.change.Expected }}
	uptime      = &field{key: "uptime", read: func(e *Event, m *jsonMembers, key string) { e.change.Exit.Uptime = m.seconds(key) }, means: "how long it was up, in seconds", has: hasPid, dur: func(e *Event) time.Duration { return e.change.Exit.Uptime }}
	exitStatus  = &field{key: "exitstatus", read: toExit, means: "its exit status", has: ended, num: func(e *Event) int64 { return int64(e.change.Exit.Status) }}
	signal      = &field{key: "signal", read: func(e *Event, m *jsonMembers, key string) { e.change.Exit.Signal = int(m.number(key)) }, means: "the number of the signal that ended it; 0: it exited", has: ended, num: func(e *Event) int64 { return int64(e.change.Exit.Signal) }}
	coreDump    = &field{key: "coredump", read: func(e *Event, m *jsonMembers, key string) { m.value(key, &e.change.Exit.CoreDumped) }, means: "1 if it left a core file, else 0", has: ended, truth: func(e *Event) bool { return e.change.Exit.CoreDumped }}
	channel     = &field{key: "channel", read: toText, means: "`stdout` or `stderr`", text: func(e *Event) string { return e.text }}
	when        = &field{key: "when", read: toNumber, means: "the first second of the period, since the epoch", num: func(e *Event) int64 { return e.number }}
	discarded   = &field{key: "discarded", read: toNumber, means: "how many since the last time", num: func(e *Event) int64 { return e.number }}
	lostBytes   = &field{key: "bytes", read: toNumber, means: "how many bytes", num: func(e *Event) int64 { return e.number }}
	sink        = &field{key: "sink", read: toDetail, means: "the log sink, where it is one that lacks the output", optional: true,
		has: func(e *Event) bool { return e.detail != "" }, text: func(e *Event) string { return e.detail }}
	added   = &field{key: "added", read: toGroups(0), means: "groups, separated by commas", names: func(e *Event) []string { return e.groups[0] }}
	changed = &field{key: "changed", read: toGroups(1), means: "groups, separated by commas", names: func(e *Event) []string { return e.groups[1] }}
	removed = &field{key: "removed", read: toGroups(2), means: "groups, separated by commas", names: func(e *Event) []string { return e.groups[2] }}
)

// reloadLists is how many lists of groups CONFIG_RELOADED has: added, changed, removed.
const reloadLists = 3

// memberOrder is every field that is a member of JSON, in the order in which it has them.
var memberOrder = []*field{
	processName, groupName, pid, subject, kind, pluginName, subscriber, fromState, pluginPid, tries, expected, uptime, exitStatus, signal, coreDump,
	channel, when, discarded, lostBytes, sink, added, changed, removed,
}

// membersOf has for each type the fields that its JSON shows.
var membersOf = func() (of [numTypes][]*field) {
	for t := range rows {
		shown := make(map[*field]bool)
		for _, f := range slices.Concat(rows[t].tokens, rows[t].extended) {
			if f.member != nil {
				f = f.member
			}
			shown[f] = true
		}
		for _, f := range memberOrder {
			if shown[f] {
				of[t] = append(of[t], f)
			}
		}
	}
	return of
}()

// body is what stands behind the line feed that ends a payload's tokens.
type body struct {
	means        string                            // for PROTOCOL.md
	append       func(dst []byte, e *Event) []byte // behind the line feed; nil: nothing
	appendMember func(dst []byte, e *Event) []byte // in JSON; nil: nothing
	read         func(e *Event, m *jsonMembers)    // of JSON; nil: nothing
}

// The bodies.
var (
	output = &body{
		means:  "what was read, or what was between the tags",
		append: func(dst []byte, e *Event) []byte { return appendText(dst, e.data) },
		read:   func(e *Event, m *jsonMembers) { e.data = m.data() },
		appendMember: func(dst []byte, e *Event) []byte {
			if utf8.Valid(e.data) {
				return appendJSON(appendKey(dst, "data"), e.data)
			}
			dst = append(appendKey(dst, "data_base64"), '"')
			return append(base64.StdEncoding.AppendEncode(dst, e.data), '"')
		},
	}
	remoteData = &body{
		means:        "the second argument of the call",
		append:       func(dst []byte, e *Event) []byte { return append(dst, e.detail...) },
		appendMember: func(dst []byte, e *Event) []byte { return AppendJSONString(appendKey(dst, "data"), e.detail) },
		read:         func(e *Event, m *jsonMembers) { toDetail(e, m, "data") },
	}
	reason = &body{
		means:        "why it failed, in free text, or nothing",
		append:       remoteData.append,
		appendMember: func(dst []byte, e *Event) []byte { return AppendJSONString(appendKey(dst, "reason"), e.detail) },
		read:         func(e *Event, m *jsonMembers) { toDetail(e, m, "reason") },
	}
	nothing = &body{means: "nothing"}
)
