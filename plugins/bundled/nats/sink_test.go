package nats

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

type closing interface {
	sdk.LogSink
	sdk.Closer
	sdk.HealthChecker
}

func sink(t *testing.T, s *natstest.Server, change func(*sinkConfig)) closing {
	t.Helper()
	c := sinkDefaults()
	c.Servers, c.Create, c.Idle, c.Timeout = []string{s.URL()}, true, time.Hour, 2*time.Second
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	made, err := newSink(c, instance())
	if err != nil {
		t.Fatal(err)
	}
	k := made.(closing)
	t.Cleanup(func() { _ = k.Close(context.Background()) })
	return k
}

func batch(seq, offset uint64, texts ...string) *sdk.LogBatch {
	b := &sdk.LogBatch{Seq: seq}
	for _, text := range texts {
		b.Records = append(b.Records, sdk.LogRecord{
			Group: "web", Process: "web.1", Pid: 12, Channel: "stderr", Time: time.Unix(1700000000, 5), Data: []byte(text), Offset: offset,
		})
		offset += uint64(len(text))
	}
	return b
}

func texts(s *natstest.Server) []string {
	var all []string
	for _, m := range s.Messages("HARK") {
		all = append(all, string(m.Data))
	}
	return all
}

func TestWhatArrivesOfOutput(t *testing.T) {
	for form, want := range map[string][]string{"line": {"one", "", "two \xff", "held", "0123456789", "ab"}, "chunk": {"one\n\ntwo \xff\nhe", "ld\n", "0123456789ab\n"}} {
		s := natstest.Start(t, nil)
		k := sink(t, s, func(c *sinkConfig) { c.Form, c.MaxLine = form, 64 })
		if form == "line" {
			want[4], want[5] = strings.Repeat("0123456789", 6)+"0123", "456789ab"
		} else {
			want[2] = strings.Repeat("0123456789", 7) + "ab\n"
		}
		for _, b := range []*sdk.LogBatch{batch(1, 0, "one\n\ntwo \xff\nhe", "ld\n"), batch(2, 17, strings.Repeat("0123456789", 7)+"ab\n")} {
			if err := k.Write(testkit.Soon(t), b); err != nil {
				t.Fatal(err)
			}
		}
		if got := texts(s); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", form, got, want)
		}
		all := s.Messages("HARK")
		last := all[len(all)-1]
		if last.Subject != "hark.logs.host1.web.web%2E1.stderr" || last.Header.Get(stream.HeaderProcess) != "web.1" || last.Header.Get(stream.HeaderPid) != "12" ||
			last.Header.Get(stream.HeaderContinued) != map[string]string{"line": "true"}[form] || last.Header.Get(stream.HeaderOffset) != map[string]string{"line": "81", "chunk": "17"}[form] {
			t.Errorf("%s: %s %v", form, last.Subject, last.Header)
		}
	}
}

// A batch that comes again, to the same sink or to one that has started again, is in the stream once.
func TestABatchThatComesAgain(t *testing.T) {
	for _, form := range []string{"line", "chunk"} {
		s := natstest.Start(t, nil)
		b := batch(1, 0, "one\ntwo\n", "three\n")
		for range 2 {
			if err := sink(t, s, func(c *sinkConfig) { c.Form = form }).Write(testkit.Soon(t), b); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.ReplaceAll(strings.Join(texts(s), ""), "\n", ""); got != "onetwothree" {
			t.Errorf("%s: %q", form, got)
		}
	}
}

func TestAnOutageOfTheSink(t *testing.T) {
	for _, form := range []string{"line", "chunk"} {
		s := natstest.Start(t, nil)
		k := sink(t, s, func(c *sinkConfig) { c.Form = form })
		var want bytes.Buffer
		offset := uint64(0)
		for seq := range uint64(6) {
			text := fmt.Sprintf("first of %d\nsecond of %d\n", seq, seq)
			want.WriteString(text)
			b := batch(seq+1, offset, text)
			offset += uint64(len(text))
			if seq%2 == 1 {
				s.Stop()
				if err := k.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) || k.Health() == nil {
					t.Fatalf("%s: final %v: %v", form, sdk.IsFinal(err), err)
				}
				s.Begin()
			}
			if err := k.Write(testkit.Soon(t), b); err != nil || k.Health() != nil {
				t.Fatalf("%s: %v", form, err)
			}
		}
		got := strings.ReplaceAll(strings.Join(texts(s), "\n")+"\n", "\n\n", "\n")
		if got != want.String() {
			t.Errorf("%s: %q", form, got)
		}
	}
}

func TestALineTooLargeForTheServer(t *testing.T) {
	s := natstest.Start(t, func(o *server.Options) { o.MaxPayload = 2048 })
	k := sink(t, s, nil)
	err := k.Write(testkit.Soon(t), batch(1, 0, "one\n", strings.Repeat("x", 3000)+"\n", "two\n"))
	if !sdk.IsFinal(err) || !strings.Contains(err.Error(), "1 of 3 messages were refused: hark.logs.host1.web.web%2E1.stderr has 3") {
		t.Errorf("final %v: %v", sdk.IsFinal(err), err)
	}
	if err := k.Write(testkit.Soon(t), batch(2, 3009, "three\n")); err != nil {
		t.Error(err)
	}
	if got := texts(s); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("%q", got)
	}
}

func TestSinkConformance(t *testing.T) {
	for _, form := range []string{"line", "chunk"} {
		t.Run(form, func(t *testing.T) {
			s := natstest.Start(t, func(o *server.Options) { o.Authorization = secret })
			values := map[string]string{"servers": s.URL(), "token": secret, "create_stream": "true", "form": form}
			sdktest.TestLogSink(t, Plugin(), sdktest.LogSinkOptions{Options: sdktest.Options{
				Values: values, Hang: map[string]string{"servers": sdktest.Hanging(t), "token": secret, "timeout": "1"},
				Late: map[string]string{},
				Bad: []sdktest.Bad{
					{Name: "no form", Set: map[string]string{"form": "x"}, Key: "form"},
					{Name: "a line too long", Set: map[string]string{"max_line": "1MB"}, Key: "max_line"},
					{Name: "no server", Set: map[string]string{"servers": "ftp://tell-no-value"}, Key: "servers"},
				},
			}})
		})
	}
}

// Whatever a program is called, what it writes is found where somebody looks for it, and the connection stays: a server closes it permanently on a subject
// over 4 KiB, and takes one with * or an empty token without a word.
func TestNamesThatAreNoSubjects(t *testing.T) {
	s := natstest.Start(t, nil)
	out := sink(t, s, func(c *sinkConfig) { c.Prefix = "org.example" })
	n := made(t, s, func(c *connection) { c.Prefix = "org.example" })
	names := []string{"*", ">", "a.*.b", "a..b", ".", "", "-", "a b", "a\tb", "$JS.API", "žluť", strings.Repeat("x", 4000), strings.Repeat("ž", 4000), "plain"}
	b, m := &sdk.LogBatch{Seq: 1}, sdktest.Sample(1)
	event := m.Events[0]
	m.Events = nil
	for i, name := range names {
		b.Records = append(b.Records, sdk.LogRecord{
			Group: name, Process: name, Pid: i + 1, Channel: "stdout", Time: time.Unix(1700000000, 0), Data: fmt.Appendf(nil, "line %d\n", i),
		})
		e := event
		e.Seq, e.Group, e.Process = uint64(i+1), name, name
		m.Events = append(m.Events, e)
	}
	if err := out.Write(testkit.Soon(t), b); err != nil {
		t.Fatal(err)
	}
	if err := n.Notify(testkit.Soon(t), m); err != nil {
		t.Fatal(err)
	}
	all := s.Messages("HARK")
	if len(all) != 2*len(names) {
		t.Fatalf("%d messages for %d names", len(all), len(names))
	}
	for i, got := range all {
		name := names[i%len(names)]
		tokens := strings.Split(got.Subject, ".")
		if len(tokens) != 7 || len(got.Subject) > 4000 || tokens[4] != stream.Token(name) || tokens[5] != stream.Token(name) || slices.Contains(tokens, "") {
			t.Errorf("%.40q is stored as %.400s", name, got.Subject)
		}
		if of := got.Header.Get(stream.HeaderProcess); of != name && !strings.Contains(of, "%") {
			t.Errorf("%.40q has the header %.40q", name, of)
		}
	}
}
