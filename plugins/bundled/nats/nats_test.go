package nats

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestMain(m *testing.M) {
	if natstest.Main() {
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const secret = "s3cr3tXXXXXXXXXXXXXXXXXX"

func configured(t *testing.T, s *natstest.Server, change func(*connection)) connection {
	t.Helper()
	c := defaults()
	c.Servers, c.Create = []string{s.URL()}, true
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

func instance() sdk.Instance {
	return sdk.Instance{Name: "fleet", Log: hclog.NewNullLogger(), Daemon: sdk.Daemon{Identifier: "host1", Hostname: "host1.example"}}
}

func made(t *testing.T, s *natstest.Server, change func(*connection)) *notifier {
	t.Helper()
	n, err := newNotifier(configured(t, s, change), instance())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(context.Background()) })
	return n
}

func subjects(all []*jetstream.RawStreamMsg) string {
	var b strings.Builder
	for _, m := range all {
		b.WriteString(m.Subject + "\n")
	}
	return b.String()
}

func TestWhatArrivesOfEvents(t *testing.T) {
	s := natstest.Start(t, nil)
	m := sdktest.Sample(2)
	m.Events[1] = sdk.Event{Seq: 9, Type: "TICK_5", Time: time.Unix(1700000000, 7), Payload: []byte("when:1700000000")}
	if err := made(t, s, nil).Notify(testkit.Soon(t), m); err != nil {
		t.Fatal(err)
	}
	all := s.Messages("HARK")
	if got := subjects(all); got != "hark.events.host1.web.web_00.PROCESS_STATE_EXITED\nhark.events.host1.-.-.TICK_5\n" {
		t.Fatal(got)
	}
	for name, want := range map[string]string{
		stream.HeaderEvent: "PROCESS_STATE_EXITED", stream.HeaderSeq: "1", stream.HeaderTime: "2026-01-02T03:04:05Z", stream.HeaderIdentifier: "host1",
		stream.HeaderHostname: "host1.example", stream.HeaderGroup: "web", stream.HeaderProcess: "web_00", stream.HeaderPid: "4711",
		stream.HeaderFrom: "RUNNING", stream.HeaderTries: "0", stream.HeaderExpectedly: "false", stream.HeaderStatus: "3", stream.HeaderSignal: "0",
		stream.HeaderCore: "false", stream.HeaderUptime: "90.000", stream.HeaderVersion: "1", stream.HeaderTest: "",
	} {
		if got := all[0].Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !bytes.Equal(all[0].Data, m.Events[0].Payload) || !bytes.Equal(all[1].Data, m.Events[1].Payload) {
		t.Errorf("%q %q", all[0].Data, all[1].Data)
	}
}

func TestATestNotificationTellsThatItIsOne(t *testing.T) {
	s := natstest.Start(t, nil)
	m := sdktest.Sample(1)
	m.ID = "test-1234"
	if err := made(t, s, nil).Notify(testkit.Soon(t), m); err != nil {
		t.Fatal(err)
	}
	if all := s.Messages("HARK"); len(all) != 1 || all[0].Header.Get(stream.HeaderTest) != "true" {
		t.Error("it does not")
	}
}

func TestTheMachinesName(t *testing.T) {
	for _, c := range []struct{ key, identifier, hostname, want string }{
		{"", "host1", "h", "host1"}, {"", "supervisor", "h", "h"}, {"", "supervisor", "", "supervisor"}, {"supervisor", "host1", "h", "supervisor"}, {"x", "supervisor", "h", "x"},
	} {
		set := connection{Identifier: c.key}
		if got := set.source(sdk.Daemon{Identifier: c.identifier, Hostname: c.hostname}).Identifier; got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A notification that comes again, from a plugin that has started again too, is in the stream once.
func TestNothingIsThereTwice(t *testing.T) {
	s := natstest.Start(t, nil)
	for range 3 {
		if err := made(t, s, nil).Notify(testkit.Soon(t), sdktest.Sample(250)); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Count("HARK"); n != 250 {
		t.Errorf("%d messages", n)
	}
}

func TestOrderAndASmallWindow(t *testing.T) {
	s := natstest.Start(t, nil)
	if err := made(t, s, func(c *connection) { c.Window = 3 }).Notify(testkit.Soon(t), sdktest.Sample(100)); err != nil {
		t.Fatal(err)
	}
	for i, m := range s.Messages("HARK") {
		if m.Header.Get(stream.HeaderSeq) != fmt.Sprint(i+1) {
			t.Fatalf("message %d is of event %s", i, m.Header.Get(stream.HeaderSeq))
		}
	}
}

func TestTheStreamThatIsMade(t *testing.T) {
	s := natstest.Start(t, nil)
	n := made(t, s, func(c *connection) { c.MaxAge, c.MaxBytes, c.Prefix = time.Hour, 1<<30, "acme.hark" })
	if err := n.Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
		t.Fatal(err)
	}
	_, js := s.Connect()
	found, err := js.Stream(testkit.Soon(t), "HARK")
	if err != nil {
		t.Fatal(err)
	}
	if c := found.CachedInfo().Config; c.MaxAge != time.Hour || c.MaxBytes != 1<<30 || c.Duplicates != defaultDuplicates || c.Replicas != 1 ||
		c.Storage != jetstream.FileStorage || fmt.Sprint(c.Subjects) != "[acme.hark.>]" {
		t.Errorf("%+v", c)
	}
	// one that is there stays as it is
	if err := made(t, s, func(c *connection) { c.Prefix = "acme.hark" }).Notify(testkit.Soon(t), sdktest.Sample(2)); err != nil {
		t.Fatal(err)
	}
	if found, err = js.Stream(testkit.Soon(t), "HARK"); err != nil || found.CachedInfo().Config.MaxAge != time.Hour || found.CachedInfo().State.Msgs != 2 {
		t.Errorf("%+v (%v)", found.CachedInfo(), err)
	}
}

// What is wrong with the stream may be mended by somebody, so the host tries again, and the error says what to do.
func TestStreamsThatDoNotTakeIt(t *testing.T) {
	s := natstest.Start(t, nil)
	n := made(t, s, func(c *connection) { c.Create = false })
	err := n.Notify(testkit.Soon(t), sdktest.Sample(3))
	if err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), "no stream accepts hark.events.host1.web.web_00.PROCESS_STATE_EXITED: create the stream HARK with the subjects hark.>") {
		t.Errorf("no stream: %v", err)
	}
	if n.Health() == nil {
		t.Error("its health is good")
	}
	other := s.Stream(jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"hark.>"}})
	if err := n.Notify(testkit.Soon(t), sdktest.Sample(3)); err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), "the stream HARK does not accept") {
		t.Errorf("another stream: %v", err)
	}
	if info, err := other.Info(testkit.Soon(t)); err != nil || info.State.Msgs != 0 {
		t.Errorf("it got it: %+v (%v)", info, err)
	}
	_, js := s.Connect()
	if err := js.DeleteStream(testkit.Soon(t), "OTHER"); err != nil {
		t.Fatal(err)
	}
	full := s.Stream(jetstream.StreamConfig{Name: "HARK", Subjects: []string{"hark.>"}, MaxMsgs: 2, Discard: jetstream.DiscardNew})
	if err := n.Notify(testkit.Soon(t), sdktest.Sample(3)); err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), "maximum messages exceeded") {
		t.Errorf("a full stream: %v", err)
	}
	if err := full.Purge(testkit.Soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := n.Notify(testkit.Soon(t), sdktest.Sample(3)); err != nil || n.Health() != nil {
		t.Errorf("there is room again: %v, %v", err, n.Health())
	}
	if got := subjects(s.Messages("HARK")); got != "hark.events.host1.web.web_02.PROCESS_STATE_EXITED\n" {
		t.Errorf("what was taken before came again: %s", got)
	}
}

func TestWhatIsTooLargeIsFinalAndTheRestIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		server func(*server.Options)
		stream jetstream.StreamConfig
		says   string
	}{
		"for the server": {func(o *server.Options) { o.MaxPayload = 2048 }, jetstream.StreamConfig{}, "the server accepts 2048"},
		"for the stream": {nil, jetstream.StreamConfig{MaxMsgSize: 2048}, "which the stream does not accept"},
	} {
		s := natstest.Start(t, c.server)
		c.stream.Name, c.stream.Subjects = "HARK", []string{"hark.>"}
		s.Stream(c.stream)
		m := sdktest.Sample(3)
		m.Events[1].Payload = bytes.Repeat([]byte("x"), 3000)
		n := made(t, s, nil)
		if err := n.Notify(testkit.Soon(t), m); !sdk.IsFinal(err) || !strings.Contains(err.Error(), "1 of 3 messages were refused: hark.events.host1.web.web_01.") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: final %v: %v", name, sdk.IsFinal(err), err)
		}
		if got := s.Count("HARK"); got != 2 {
			t.Errorf("%s: %d are there", name, got)
		}
		next := sdktest.Sample(1)
		next.ID, next.Events[0].Seq = "next", 100
		if err := n.Notify(testkit.Soon(t), next); err != nil || s.Count("HARK") != 3 {
			t.Errorf("%s: the next: %v", name, err)
		}
	}
}

// A server that goes in the middle and comes back: nothing is lost, nothing twice.
func TestAnOutage(t *testing.T) {
	s := natstest.Start(t, nil)
	n := made(t, s, func(c *connection) { c.Timeout = 2 * time.Second })
	next := 0
	notification := func() *sdk.Notification {
		m := sdktest.Sample(50)
		m.ID = fmt.Sprint("n", next)
		for i := range m.Events {
			m.Events[i].Seq = uint64(next*50 + i)
		}
		next++
		return m
	}
	for round := range 3 {
		if err := n.Notify(testkit.Soon(t), notification()); err != nil {
			t.Fatal(err)
		}
		m := notification()
		if round == 1 { // within a notification
			go s.Stop()
		} else {
			s.Stop()
		}
		var err error
		for err == nil {
			if err = n.Notify(testkit.Soon(t), m); err == nil {
				m = notification()
			}
		}
		if sdk.IsFinal(err) || n.Health() == nil {
			t.Fatalf("final %v: %v", sdk.IsFinal(err), err)
		}
		s.Stop()
		s.Begin()
		for end := time.Now().Add(time.Minute); err != nil; err = n.Notify(testkit.Soon(t), m) {
			if time.Now().After(end) {
				t.Fatal(err)
			}
		}
	}
	seen := map[string]bool{}
	for _, m := range s.Messages("HARK") {
		seq := m.Header.Get(stream.HeaderSeq)
		if seen[seq] {
			t.Errorf("event %s is there twice", seq)
		}
		seen[seq] = true
	}
	if len(seen) != next*50 {
		t.Errorf("%d events, want %d", len(seen), next*50)
	}
}

// Several servers: one that is there will do.
func TestOneOfTheServersIsEnough(t *testing.T) {
	s := natstest.Start(t, nil)
	n := made(t, s, func(c *connection) {
		c.Servers = []string{"nats://127.0.0.1:1", "nats://nowhere.invalid:4222", s.URL()}
	})
	if err := n.Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
		t.Error(err)
	}
}

func TestNotifierConformance(t *testing.T) {
	s := natstest.Start(t, func(o *server.Options) { o.Username, o.Password = "hark", secret })
	values := map[string]string{"servers": s.URL(), "username": "hark", "password": secret, "create_stream": "true", "window": "50"}
	hang := map[string]string{"servers": sdktest.Hanging(t), "username": "hark", "password": secret}
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{Options: sdktest.Options{
		Values: values, Hang: hang,
		Late: map[string]string{
			"too long a memory": "it depends on how large another key's value is",
			"no authority":      "it is about a file",
		},
		Bad: []sdktest.Bad{
			{Name: "no server", Set: map[string]string{"servers": "http://tell-no-value"}, Key: "servers"},
			{Name: "a password in the address", Set: map[string]string{"servers": "nats://u:tell-no-value@h"}, Key: "servers"},
			{Name: "no prefix", Set: map[string]string{"prefix": "hark.*"}, Key: "prefix"},
			{Name: "no stream", Set: map[string]string{"stream": "a.b"}, Key: "stream"},
			{Name: "no nkey", Set: map[string]string{"nkey": "tell-no-value", "username": sdktest.Unset, "password": sdktest.Unset}, Key: "nkey"},
			{Name: "no credentials", Set: map[string]string{"creds": "tell-no-value", "username": sdktest.Unset, "password": sdktest.Unset}, Key: "creds"},
			{Name: "two ways", Set: map[string]string{"token": "tell-no-value"}, Key: "username"},
			{Name: "a password alone", Set: map[string]string{"username": sdktest.Unset}, Key: "username"},
			{Name: "too many replicas", Set: map[string]string{"stream_replicas": "6"}, Key: "stream_replicas"},
			{Name: "too long a memory", Set: map[string]string{"stream_max_age": "1m", "stream_duplicates": "1h"}, Key: "stream_duplicates"},
			{Name: "no window", Set: map[string]string{"window": "0"}, Key: "window"},
			{Name: "no time", Set: map[string]string{"timeout": "0"}, Key: "timeout"},
			{Name: "no authority", Set: map[string]string{"tls_ca": "/nonexistent"}, Key: "tls_ca"},
		},
	}})
}
