package eventlistener

import (
	"fmt"
	"os"
	"regexp"
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

// abstract are the types that are never sent.
func abstract(t Type) bool {
	for _, other := range Types() {
		if p, ok := other.Parent(); ok && p == t {
			return true
		}
	}
	return false
}

func TestProtocolNamesEveryTypeWithAnExample(t *testing.T) {
	doc := protocol(t)
	cat := Process{"cat", "cat", 2766}
	examples := map[Type]*Event{
		ProcessStateStarting:          NewProcessState(ProcessStateStarting, cat, "STOPPED", 0, false, Exit{}),
		ProcessStateRunning:           NewProcessState(ProcessStateRunning, cat, "STARTING", 0, false, Exit{}),
		ProcessStateBackoff:           NewProcessState(ProcessStateBackoff, cat, "STARTING", 1, false, Exit{}),
		ProcessStateStopping:          NewProcessState(ProcessStateStopping, cat, "RUNNING", 0, false, Exit{}),
		ProcessStateExited:            NewProcessState(ProcessStateExited, cat, "RUNNING", 0, false, Exit{}),
		ProcessStateStopped:           NewProcessState(ProcessStateStopped, cat, "STOPPING", 0, false, Exit{}),
		ProcessStateFatal:             NewProcessState(ProcessStateFatal, cat, "BACKOFF", 0, false, Exit{}),
		ProcessStateUnknown:           NewProcessState(ProcessStateUnknown, cat, "RUNNING", 0, false, Exit{}),
		ProcessLogStdout:              NewProcessLog(ProcessLogStdout, cat, []byte("two lines\nof output")),
		ProcessLogStderr:              NewProcessLog(ProcessLogStderr, cat, []byte("caf\xe9")),
		ProcessCommunicationStdout:    NewProcessCommunication(ProcessCommunicationStdout, cat, []byte("done: 17 of 20")),
		ProcessCommunicationStderr:    NewProcessCommunication(ProcessCommunicationStderr, cat, []byte("done: 18 of 20")),
		RemoteCommunication:           NewRemoteCommunication("deploy", "version 12"),
		SupervisorStateChangeRunning:  NewSupervisorState(SupervisorStateChangeRunning),
		SupervisorStateChangeStopping: NewSupervisorState(SupervisorStateChangeStopping),
		Tick5:                         NewTick(Tick5, 1201063880),
		Tick60:                        NewTick(Tick60, 1201063860),
		Tick3600:                      NewTick(Tick3600, 1201060800),
		ProcessGroupAdded:             NewProcessGroup(ProcessGroupAdded, "cat"),
		ProcessGroupRemoved:           NewProcessGroup(ProcessGroupRemoved, "cat"),
		ConfigReloaded:                NewConfigReloaded([]string{"web", "db"}, nil, []string{"old"}),
		EventsDiscarded:               NewEventsDiscarded("mylistener", 3),
		PluginStateStarting:           NewPluginState(PluginStateStarting, "slack", "BACKOFF", 0, ""),
		PluginStateRunning:            NewPluginState(PluginStateRunning, "slack", "STARTING", 2766, ""),
		PluginStateBackoff:            NewPluginState(PluginStateBackoff, "slack", "RUNNING", 0, "terminated by SIGKILL"),
		PluginStateFatal:              NewPluginState(PluginStateFatal, "slack", "BACKOFF", 0, "exit status 1: panic: no token"),
		PluginStateStopping:           NewPluginState(PluginStateStopping, "slack", "RUNNING", 2766, ""),
		PluginStateStopped:            NewPluginState(PluginStateStopped, "slack", "STOPPING", 0, ""),
		LogDropped:                    NewLogDropped(cat, "stdout", 4096),
	}
	shown := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```payload (\\w+)\n(.*?)\n```$").FindAllStringSubmatch(doc, -1) {
		shown[m[1]] = m[2]
	}
	for _, typ := range Types() {
		name := "`" + typ.String() + "`"
		if abstract(typ) {
			if !strings.Contains(doc, "*"+name+"*") {
				t.Errorf("%s is not named as one that is never sent", typ)
			}
			continue
		}
		if !strings.Contains(doc, "| "+name+" |") && !strings.Contains(doc, "\n"+name+" (") {
			t.Errorf("nothing reports when %s is sent", typ)
		}
		e, ok := examples[typ]
		if !ok {
			t.Errorf("this test knows no %s", typ)
			continue
		}
		if got, ok := shown[typ.String()]; !ok || got != string(e.Payload()) {
			t.Errorf("the example of %s is %q, %v; it would be %q", typ, got, ok, e.Payload())
		}
		delete(shown, typ.String())
	}
	for name := range shown {
		t.Errorf("there is an example of %s, which is no type", name)
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
