package stream

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTokens(t *testing.T) {
	for name, token := range map[string]string{
		"": "-", "-": "%2D", "--": "--", "web_00": "web_00", "a.b": "a%2Eb", "a b": "a%20b", "*": "%2A", ">": "%3E", "%": "%25", "%2D": "%252D",
		"ž": "%C5%BE", "\xff\x00\n": "%FF%00%0A", "web:1/2": "web%3A1%2F2", "$JS": "%24JS", "-.": "-%2E",
	} {
		if got := Token(name); got != token {
			t.Errorf("%q: %q, want %q", name, got, token)
		}
		if got, err := Name(token); err != nil || got != name {
			t.Errorf("%q: %q, want %q (%v)", token, got, name, err)
		}
	}
	for _, token := range []string{"%", "%2", "a%", "%zz", "%2d", "a~0123456789abcdef"} {
		if got, err := Name(token); err == nil {
			t.Errorf("%q is %q", token, got)
		}
	}
}

// Whatever a name is, its token is one, and is made of no other name.
func FuzzTokens(f *testing.F) {
	f.Add("web_00")
	f.Add("a.b *>-%\xff\r\n")
	f.Fuzz(func(t *testing.T, name string) {
		token := Token(name)
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n") {
			t.Fatalf("%q becomes %q", name, token)
		}
		if len(token) > maxToken {
			t.Fatalf("%q becomes a token of %d bytes", name, len(token))
		}
		if got, err := Name(token); (err != nil || got != name) && !strings.Contains(token, cutMark) {
			t.Fatalf("%q becomes %q and then %q (%v)", name, token, got, err)
		}
		h := header(name)
		if strings.TrimSpace(h) != h || strings.ContainsAny(h, "\r\n") {
			t.Fatalf("%q is %q in a header", name, h)
		}
		if got, err := unescape(h); err != nil || got != name {
			t.Fatalf("%q is %q in a header, and then %q (%v)", name, h, got, err)
		}
	})
}

func TestATokenIsBounded(t *testing.T) {
	for _, unit := range []string{"x", "ž", "a.", "aa*"} {
		whole := strings.Repeat(unit, 3000)
		token, other := Token(whole), Token(whole+"y")
		if len(token) > maxToken || len(token) < maxToken-len("%00") || token == other || token != Token(whole) {
			t.Errorf("%q: %d bytes, %q and %q", unit, len(token), token, other)
		}
		head, digest, ok := strings.Cut(token, cutMark)
		if name, err := unescape(head); err != nil || !strings.HasPrefix(whole, name) || !ok || len(digest) != digestSize {
			t.Errorf("%q is cut within a character (%v)", token, err)
		}
	}
	if exact := strings.Repeat("x", maxToken); Token(exact) != exact {
		t.Error("a token that is just short enough is cut")
	}
	if CheckPrefix(strings.Repeat("x", maxPrefix)) != nil || CheckPrefix(strings.Repeat("x", maxPrefix+1)) == nil {
		t.Error("the prefix is not bounded")
	}
}

// wired is what a listener pool of Hark's sends of an event.
func wired(e *eventlistener.Event, server, pool string, serial, poolSerial int64) []byte {
	payload := e.Payload()
	h := eventlistener.AppendHeader(nil, eventlistener.Header{
		Server: server, Serial: serial, Pool: pool, PoolSerial: poolSerial, EventName: e.Type().String(), Len: e.CharLen(), Bytes: len(payload),
	})
	return append(h, payload...)
}

func TestAListenerReadsSupervisorsBytes(t *testing.T) {
	p := eventlistener.Process{Name: "a.b c", Group: "ž%\n", Pid: 7}
	for _, e := range []*eventlistener.Event{
		eventlistener.NewProcessState(eventlistener.ProcessStateExited, p, "RUNNING", 0, true, eventlistener.Exit{Ended: true, Status: 2}),
		eventlistener.NewProcessLog(eventlistener.ProcessLogStdout, p, []byte("žluť\n\r\n \xff")),
		eventlistener.NewRemoteCommunication("ž", "x\n\n"),
		eventlistener.NewTick(eventlistener.Tick60, 1700000040),
		eventlistener.NewProcessGroup(eventlistener.ProcessGroupAdded, "web"),
		eventlistener.NewSupervisorState(eventlistener.SupervisorStateChangeRunning),
	} {
		s := Source{Prefix: "hark", Stream: "HARK", Identifier: "host 1.example", Hostname: "host1"}
		about, _ := e.Process()
		m := s.Event(&Published{Seq: 12, Type: e.Type().String(), Time: time.Unix(5, 6), Group: about.Group, Process: about.Name, Payload: e.Payload()})
		got, err := Read(m.Header, m.Data)
		if err != nil || got.Group != about.Group || got.Process != about.Name {
			t.Errorf("%s: %+v (%v)", e.Type(), got, err)
		}
		if wire, want := got.Wire("bridge", 34), wired(e, "host 1.example", "bridge", 12, 34); !bytes.Equal(wire, want) {
			t.Errorf("got\n%q, want\n%q", wire, want)
		}
		tokens := strings.Split(m.Subject, ".")
		if len(tokens) != 6 || tokens[2] != "host%201%2Eexample" || tokens[5] != e.Type().String() {
			t.Errorf("the subject is %s", m.Subject)
		}
		group, _ := Name(tokens[3])
		process, _ := Name(tokens[4])
		if group != about.Group || process != about.Name {
			t.Errorf("the subject %s is about %q:%q", m.Subject, group, process)
		}
	}
}

func TestWhatIsNoEvent(t *testing.T) {
	s := Source{Prefix: "hark", Stream: "HARK", Identifier: "host1"}
	good := func() nats.Header { return s.Event(&Published{Seq: 1, Type: "TICK_5"}).Header }
	for name, change := range map[string]func(nats.Header){
		"no event":         func(h nats.Header) { h.Del(HeaderEvent) },
		"not Hark's":       func(h nats.Header) { h.Del(HeaderVersion) },
		"of later":         func(h nats.Header) { h.Set(HeaderVersion, "2") },
		"no number":        func(h nats.Header) { h.Set(HeaderSeq, "-1") },
		"a header more":    func(h nats.Header) { h.Set(HeaderEvent, "TICK_5 len:7") },
		"a line more":      func(h nats.Header) { h.Set(HeaderIdentifier, "a%0Ab") },
		"a broken escape":  func(h nats.Header) { h.Set(HeaderIdentifier, "a%") },
		"a broken process": func(h nats.Header) { h.Set(HeaderProcess, "%%") },
	} {
		h := good()
		change(h)
		if r, err := Read(h, nil); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := Read(good(), []byte{0xff}); err == nil {
		t.Error("what is not UTF-8 is taken")
	}
	if _, err := Read(nil, nil); err == nil {
		t.Error("a message without headers is taken")
	}
}

func TestIDs(t *testing.T) {
	s := Source{Prefix: "hark", Stream: "HARK", Identifier: "a", Hostname: "h"}
	other := s
	other.Identifier = "b"
	at := time.Unix(1, 2)
	seen := map[string]bool{}
	for _, m := range []*nats.Msg{
		s.Event(&Published{Seq: 1, Time: at}), s.Event(&Published{Seq: 2, Time: at}), s.Event(&Published{Seq: 1, Time: at.Add(1)}), other.Event(&Published{Seq: 1, Time: at}),
		s.Output(&Output{Group: "a/b", Process: "c", Channel: "stdout", Time: at}), s.Output(&Output{Group: "a", Process: "b/c", Channel: "stdout", Time: at}),
		s.Output(&Output{Group: "a", Process: "b", Channel: "stdout", Time: at, Offset: 1}), s.Output(&Output{Group: "a", Process: "b", Channel: "stderr", Time: at, Offset: 1}),
	} {
		id := m.Header.Get(HeaderID)
		if id == "" || seen[id] {
			t.Errorf("%q is there twice", id)
		}
		seen[id] = true
	}
	if a, b := s.Event(&Published{Seq: 1, Time: at}), s.Event(&Published{Seq: 1, Time: at.UTC()}); a.Header.Get(HeaderID) != b.Header.Get(HeaderID) {
		t.Error("the same event has two ids")
	}
}

func TestServers(t *testing.T) {
	got, err := CheckServers([]string{" nats://a:4223", "tls://b/", "c", "10.0.0.1:5", "", "nats://[::1]"})
	if want := "[nats://a:4223 tls://b:4222 nats://c:4222 nats://10.0.0.1:5 nats://[::1]:4222]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v (%v)", got, err)
	}
	for _, wrong := range []string{"", "http://a", "nats://user:s3cr3t@a", "nats://", "nats://a/s3cr3t", "nats://a?s3cr3t", "a b\x00s3cr3t"} {
		if got, err := CheckServers([]string{wrong}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v (%v)", wrong, got, err)
		}
	}
	for _, check := range []error{CheckNKey("s3cr3t"), CheckCreds("s3cr3t"), CheckPrefix("a..b"), CheckPrefix("a b"), CheckPrefix(""), CheckPrefix("ž"), CheckStream("a.b"), CheckStream("")} {
		if check == nil || strings.Contains(check.Error(), "s3cr3t") {
			t.Error(check)
		}
	}
	if CheckPrefix("acme.hark-1") != nil || CheckStream("HARK_1") != nil {
		t.Error("what is right is refused")
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := Servers{Addresses: []string{"nats://127.0.0.1:1"}, Timeout: time.Minute}
	if conn, err := s.Connect(ctx); err == nil {
		conn.Close()
		t.Error("it connects")
	}
}
