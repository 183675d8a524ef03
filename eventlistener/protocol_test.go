package eventlistener

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func protocol(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProtocolTablesGolden: what PROTOCOL.md says of the types between its marks "events: FAMILY" and "end of events" is what the table of types
// says. UPDATE_GOLDEN=1 writes it.
func TestProtocolTablesGolden(t *testing.T) {
	doc := protocol(t)
	named := make(map[string]bool)
	marked := regexp.MustCompile("(?s)<!-- events: (\\w+) -->\n.*?<!-- end of events -->")
	want := marked.ReplaceAllStringFunc(doc, func(old string) string {
		family := marked.FindStringSubmatch(old)[1]
		if named[family] {
			t.Errorf("%s is there twice", family)
		}
		named[family] = true
		text := keysTable()
		if family != "keys" {
			root, ok := ParseType(family)
			if !ok {
				t.Fatalf("there is no type %s", family)
			}
			text = familyTable(root)
		}
		return "<!-- events: " + family + " -->\n" + text + "<!-- end of events -->"
	})
	for _, typ := range Types() {
		family, _ := typ.Parent()
		if family == AnyEvent {
			family = typ
		}
		if typ.IsSent() && !named[family.String()] {
			t.Errorf("%s has no table: there is no mark for %s", typ, family)
		}
		if !typ.IsSent() && !strings.Contains(doc, "*`"+typ.String()+"`*") {
			t.Errorf("%s is not named as one that is never sent", typ)
		}
	}
	if !named["keys"] {
		t.Error("there is no mark for the keys")
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile("../PROTOCOL.md", []byte(want), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
		return
	}
	if want != doc {
		t.Error("PROTOCOL.md does not say what the table of types says; UPDATE_GOLDEN=1 go test -run Golden ./eventlistener writes it")
	}
}

// keysTable is every key of a payload and where it is shown.
func keysTable() string {
	var b strings.Builder
	b.WriteString("| key | what | shown with |\n|---|---|---|\n")
	for _, f := range memberOrder {
		where := strings.Join(showing(func(r *row) []*field { return r.tokens }, f), ", ")
		if where == "" {
			where = strings.Join(showing(func(r *row) []*field { return r.extended }, f), ", ") + ", only with `payload=extended` or `json`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.key, f.means, where)
	}
	return b.String()
}

// showing are the types that have a field among those of a list; FAMILY_* where all of a family's have it.
func showing(list func(*row) []*field, f *field) []string {
	var names []string
	for _, root := range Types() {
		var with []string
		all := true
		for _, typ := range Types() {
			if parent, isChild := typ.Parent(); !typ.IsSent() || !isChild || parent != root {
				continue
			}
			if slices.Contains(list(&rows[typ]), f) {
				with = append(with, "`"+typ.String()+"`")
			} else {
				all = false
			}
		}
		if all && len(with) > 1 {
			with = []string{"`" + root.String() + "_*`"}
		}
		names = append(names, with...)
	}
	return names
}

// familyTable is the types that are sent directly below one, or that one itself, with an example of each.
func familyTable(root Type) string {
	var table, examples strings.Builder
	table.WriteString("| type | sent when | keys | behind a line feed |\n|---|---|---|---|\n")
	for _, typ := range Types() {
		parent, _ := typ.Parent()
		if !typ.IsSent() || typ != root && parent != root {
			continue
		}
		r := &rows[typ]
		var keys []string
		for _, f := range r.tokens {
			keys = append(keys, "`"+f.key+"`")
		}
		behind := ""
		if r.body != nil {
			behind = r.body.means
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", typ, r.when, strings.Join(keys, ", "), behind)
		fmt.Fprintf(&examples, "```payload %s\n%s\n```\n", typ, Sample(typ, Process{"cat", "cat", 2766}, r.example).Payload())
	}
	return table.String() + "\n" + examples.String()
}

// Every type that is sent says when, and everything that it shows is shown by JSON too.
func TestRowsAreComplete(t *testing.T) {
	for _, typ := range Types() {
		r := &rows[typ]
		if r.name == "" || typ.IsSent() != (r.when != "") || !typ.IsSent() && (r.tokens != nil || r.body != nil) {
			t.Errorf("the row of %d is %+v", typ, r)
		}
		for _, f := range slices.Concat(r.tokens, r.extended) {
			if f.member != nil {
				f = f.member
			}
			if !slices.Contains(memberOrder, f) || f.means == "" {
				t.Errorf("%s: %s is not in memberOrder, or does not say what it means", typ, f.key)
			}
		}
		if !typ.IsSent() {
			continue
		}
		if e := Sample(typ, Process{"cat", "cat", 1}, "x"); e.Type() != typ {
			t.Errorf("the sample of %s is of %s", typ, e.Type())
		}
	}
}

func TestProtocolDialogues(t *testing.T) {
	all := regexp.MustCompile("(?ms)^([^\n]*)\n\n```dialogue([^\n]*)\n(.*?)\n```$").FindAllStringSubmatch(protocol(t), -1)
	if len(all) < 10 {
		t.Fatalf("%d dialogues", len(all))
	}
	for _, m := range all {
		t.Run(m[1], func(t *testing.T) { playProtocol(t, m[2], m[3]) })
	}
}

var (
	tickHappens   = regexp.MustCompile(`^\((TICK_\d+) at (\d+)\)$`)
	remoteHappens = regexp.MustCompile(`^\(remote (\w+) (.*)\)$`)
	stateHappens  = regexp.MustCompile(`^\(process (\w+):(\w+) with pid (\d+) is (\w+) from (\w+)\)$`)
)

// playProtocol plays a dialogue of PROTOCOL.md: what the listener writes (-->) and
// what happens (in parentheses), and compares what it is sent (<--) and its state (=).
func playProtocol(t *testing.T, settings, text string) {
	c := PoolConfig{Name: "mylistener", Server: "supervisor", BufferSize: 10}
	for _, word := range strings.Fields(settings) {
		key, value, _ := strings.Cut(word, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "buffer_size":
			c.BufferSize = n
		case "max_in_flight":
			c.MaxInFlight = n
		case "payload":
			c.Payload, _ = ParseForm(value)
		default:
			t.Fatalf("unknown setting %q", word)
		}
	}
	b := NewBus()
	b.Now = func() time.Time { return time.Unix(1700000000, 250e6) }
	p := NewPool(b, c)
	b.Subscribe(p, []Type{AnyEvent})
	m := p.Add("mylistener")
	in := &stdin{}
	start := func() {
		m.Started()
		m.Running(in)
	}
	start()
	breaks := strings.NewReplacer(`\n`, "\n")
	for line := range strings.SplitSeq(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word != "<--" && word != "=" && len(in.sent) > 0 {
			t.Fatalf("before %q the listener is sent %q", line, in.sent)
		}
		switch word {
		case "-->":
			m.Feed([]byte(breaks.Replace(rest)))
		case "<--":
			want := breaks.Replace(rest)
			if got := string(in.sent); got != want {
				t.Fatalf("sent %q\nwant %q", got, want)
			}
			in.sent = nil
		case "=":
			if m.State().String() != rest {
				t.Fatalf("the state is %v, want %s", m.State(), rest)
			}
		default:
			if e := happens(line); e != nil {
				b.Publish(e)
			} else if line == "(the process ends)" {
				m.Exited()
			} else if line == "(the process is started and RUNNING)" {
				start()
			} else {
				t.Fatalf("unknown line %q", line)
			}
		}
		p.Dispatch()
	}
	if len(in.sent) > 0 {
		t.Fatalf("at the end the listener is sent %q", in.sent)
	}
}

func happens(line string) *Event {
	if m := tickHappens.FindStringSubmatch(line); m != nil {
		typ, _ := ParseType(m[1])
		var when int64
		_, _ = fmt.Sscan(m[2], &when)
		return NewTick(typ, when)
	}
	if m := remoteHappens.FindStringSubmatch(line); m != nil {
		return NewRemoteCommunication(m[1], m[2])
	}
	if m := stateHappens.FindStringSubmatch(line); m != nil {
		typ, _ := ParseType(m[4])
		pid, _ := strconv.Atoi(m[3])
		return NewProcessState(typ, Process{m[2], m[1], pid}, m[5], 0, false, Exit{Ended: true, Status: 3, Uptime: 1500 * time.Millisecond})
	}
	return nil
}
