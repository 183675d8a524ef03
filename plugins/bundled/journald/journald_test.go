//go:build linux

package journald

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func instance() sdk.Instance {
	return sdk.Instance{Name: "journal", Log: hclog.NewNullLogger(), Daemon: sdk.Daemon{Hostname: "host1", Identifier: "supervisor"}}
}

func openSink(t *testing.T, path string, change func(*sinkConfig)) *lines.Feed {
	t.Helper()
	c := sinkDefaults()
	c.Socket, c.Idle, c.Timeout = path, time.Hour, testkit.Patience
	if change != nil {
		change(&c)
	}
	if err := sdk.CheckConfig(&c); err != nil {
		t.Fatal(err)
	}
	s := newSink(c, instance())
	t.Cleanup(func() { _ = s.Close(testkit.Soon(t)) })
	return s
}

// output makes batches of one program's output.
type output struct{ seq, offset uint64 }

func (o *output) batch(data string) *sdk.LogBatch {
	o.seq++
	b := &sdk.LogBatch{Seq: o.seq, Records: []sdk.LogRecord{{
		Group: "web", Process: "web_00", Pid: 12, Channel: "stdout", Time: time.UnixMicro(1700000000123456), Data: []byte(data), Offset: o.offset,
	}}}
	o.offset += uint64(len(data))
	return b
}

func write(t *testing.T, s *lines.Feed, b *sdk.LogBatch) {
	t.Helper()
	if err := s.Write(testkit.Soon(t), b); err != nil {
		t.Fatal(err)
	}
}

func TestAnEntry(t *testing.T) {
	r := listen(t, socketPath(t))
	s := openSink(t, r.path, func(c *sinkConfig) { c.Fields = map[string]string{"DEPLOYMENT": "prod", "NOTE": "two\nlines"} })
	b := (&output{}).batch("a line\tof \"text\" = ž\n\n")
	b.Records = append(b.Records, b.Records[0])
	b.Records[1].Channel, b.Records[1].Data = "stderr", []byte("bytes \xff\x00\n")
	write(t, s, b)
	got := r.wait(t, 2)
	want := map[string]string{
		"MESSAGE": "a line\tof \"text\" = ž", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "web_00", "SYSLOG_PID": "12", "OBJECT_PID": "12", "HARK_GROUP": "web",
		"HARK_PROCESS": "web_00", "HARK_CHANNEL": "stdout", "HARK_OFFSET": "0", "HARK_TIMESTAMP": "1700000000123456", "HARK_IDENTIFIER": "supervisor",
		"DEPLOYMENT": "prod", "NOTE": "two\nlines",
	}
	if !maps.Equal(got[0].fields, want) || got[0].long["MESSAGE"] || !got[0].long["NOTE"] {
		t.Errorf("got  %q\nwant %q", got[0].fields, want)
	}
	if f := got[1].fields; f["MESSAGE"] != "bytes \xff\x00" || f["PRIORITY"] != "3" || f["HARK_CHANNEL"] != "stderr" || !got[1].long["MESSAGE"] {
		t.Errorf("%q", f)
	}
}

func TestWhatEntriesAreCalledBy(t *testing.T) {
	r := listen(t, socketPath(t))
	for key, want := range map[string]string{"process": "web_00", "namespec": "web:web_00", "group": "web", "identifier": "supervisor"} {
		s := openSink(t, r.path, func(c *sinkConfig) { c.Identifier, c.StdoutPriority = key, "debug" })
		write(t, s, (&output{}).batch("x\n"))
		if f := r.wait(t, 1)[0].fields; f["SYSLOG_IDENTIFIER"] != want || f["PRIORITY"] != "7" {
			t.Errorf("%s: %q", key, f)
		}
	}
}

func TestAnEntryTooLargeForADatagram(t *testing.T) {
	r := listen(t, socketPath(t))
	s := openSink(t, r.path, func(c *sinkConfig) { c.MaxLine = 1 << 20 })
	long := strings.Repeat("0123456789abcde\t", 60000)
	var o output
	write(t, s, o.batch(long[:500000]))
	write(t, s, o.batch(long[500000:]+"\nsmall\n"))
	got := r.wait(t, 2)
	if got[0].fields["MESSAGE"] != long || !got[0].file || got[1].fields["MESSAGE"] != "small" || got[1].file {
		t.Errorf("%d bytes, by a file %v; %.100q", len(got[0].fields["MESSAGE"]), got[0].file, got[1].fields["MESSAGE"])
	}
}

func TestALineTooLongComesInPieces(t *testing.T) {
	r := listen(t, socketPath(t))
	s := openSink(t, r.path, nil)
	long := strings.Repeat("x", 100<<10)
	write(t, s, (&output{}).batch(long+"\n"))
	whole := ""
	for i, p := range r.wait(t, 3) {
		if (p.fields["HARK_CONTINUED"] == "1") != (i > 0) || p.fields["HARK_OFFSET"] != fmt.Sprint(len(whole)) {
			t.Errorf("piece %d: continued %q, offset %s", i, p.fields["HARK_CONTINUED"], p.fields["HARK_OFFSET"])
		}
		whole += p.fields["MESSAGE"]
	}
	if whole != long {
		t.Errorf("%d bytes", len(whole))
	}
}

func TestAJournalThatComesAndGoes(t *testing.T) {
	path := socketPath(t)
	s := openSink(t, path, nil)
	var o output
	b := o.batch("one\ntwo\nunfinished")
	for range 3 {
		if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), path) || s.Health() == nil {
			t.Fatalf("there is no journal: %v", err)
		}
	}
	r := listen(t, path)
	write(t, s, b)
	write(t, s, o.batch(" line\n"))
	got := r.wait(t, 3)
	for i, want := range []string{"one", "two", "unfinished line"} {
		if got[i].fields["MESSAGE"] != want {
			t.Errorf("%q, want %q", got[i].fields["MESSAGE"], want)
		}
	}
	r.close() // it is restarted, and nothing is lost
	r = listen(t, path)
	write(t, s, o.batch("after\n"))
	if got := r.wait(t, 1)[0].fields["MESSAGE"]; got != "after" || s.Health() != nil {
		t.Errorf("%q, %v", got, s.Health())
	}
	r.close() // its socket is there, but nobody listens
	if err := s.Write(testkit.Soon(t), o.batch("given up\n")); err == nil || sdk.IsFinal(err) {
		t.Errorf("nobody listens: %v", err)
	}
	r = listen(t, path)
	write(t, s, o.batch("the next\n"))
	if got := r.wait(t, 1)[0].fields["MESSAGE"]; got != "the next" {
		t.Errorf("%q", got)
	}
}

func TestAJournalThatTakesNoMore(t *testing.T) {
	path, conn, queued := stuck(t)
	s := openSink(t, path, func(c *sinkConfig) { c.Timeout = time.Second })
	b := (&output{}).batch("one\ntwo\n")
	for range 2 {
		if err := s.Write(testkit.Soon(t), b); !errors.Is(err, os.ErrDeadlineExceeded) || sdk.IsFinal(err) || !strings.Contains(err.Error(), "accepts no more") {
			t.Fatal(err)
		}
	}
	large := openSink(t, path, func(c *sinkConfig) { c.Timeout, c.MaxLine = time.Second, 1<<20 })
	if err := large.Write(testkit.Soon(t), (&output{}).batch(strings.Repeat("x", 1<<20)+"\n")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	// another instance has another journal, and does not wait
	other := listen(t, socketPath(t))
	write(t, openSink(t, other.path, nil), (&output{}).batch("goes on\n"))
	other.wait(t, 1)
	// one that waits can be told to stop
	patient := openSink(t, path, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- patient.Write(ctx, (&output{}).batch("never\n")) }()
	cancel()
	if err := <-ended; err == nil || sdk.IsFinal(err) {
		t.Errorf("%v", err)
	}
	// it goes on: what waits comes, once
	r := serve(t, path, conn)
	r.wait(t, queued)
	write(t, s, b)
	got := r.wait(t, 2)
	if got[0].fields["MESSAGE"] != "one" || got[1].fields["MESSAGE"] != "two" {
		t.Errorf("%v", got)
	}
}

// A batch that goes out in part goes on where it stopped.
func TestABatchThatStopsWithin(t *testing.T) {
	path := socketPath(t)
	conn := bind(t, path)
	s := openSink(t, path, func(c *sinkConfig) { c.Timeout = time.Second })
	var text strings.Builder
	const n = 3000
	for i := range n {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	b := (&output{}).batch(text.String())
	if err := s.Write(testkit.Soon(t), b); err == nil {
		t.Fatal("a queue that nobody reads takes everything")
	}
	r := serve(t, path, conn)
	testkit.Await(t, func() bool { return s.Write(testkit.Soon(t), b) == nil }, func() string { return "the rest is not taken" })
	for i, p := range r.wait(t, n) {
		if want := fmt.Sprint("line ", i); p.fields["MESSAGE"] != want {
			t.Fatalf("%q, want %q", p.fields["MESSAGE"], want)
		}
	}
}

func TestASocketThatIsNone(t *testing.T) {
	file := socketPath(t)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stream := socketPath(t)
	l, err := net.Listen("unix", stream)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	for _, path := range []string{file, stream} {
		if err := openSink(t, path, nil).Write(testkit.Soon(t), (&output{}).batch("x\n")); err == nil || sdk.IsFinal(err) {
			t.Errorf("%v", err)
		} else {
			t.Log(err)
		}
	}
}

func TestEvents(t *testing.T) {
	r := listen(t, socketPath(t))
	c := notifierDefaults()
	c.Socket, c.Fields = r.path, map[string]string{"TEAM": "web"}
	if err := sdk.CheckConfig(&c); err != nil {
		t.Fatal(err)
	}
	n := newNotifier(c, instance())
	defer n.Close(testkit.Soon(t)) //nolint:errcheck // a test
	m := sdktest.Sample(1)
	if err := n.Notify(testkit.Soon(t), m); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"MESSAGE": "web:web_00 exited unexpectedly", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "supervisord", "HARK_EVENT": "PROCESS_STATE_EXITED",
		"HARK_SEQ": "1", "HARK_NOTIFICATION": "sample-1", "HARK_TIMESTAMP": fmt.Sprint(m.Events[0].Time.UnixMicro()), "HARK_GROUP": "web",
		"HARK_PROCESS": "web_00", "HARK_FROM_STATE": "RUNNING", "OBJECT_PID": "4711", "HARK_EXIT_STATUS": "3", "HARK_IDENTIFIER": "supervisor", "TEAM": "web",
		"HARK_PAYLOAD": "processname:web_00 groupname:web from_state:RUNNING expected:0 pid:4711",
	}
	if got := r.wait(t, 1)[0].fields; !maps.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	m = sdktest.Sample(3)
	m.Severity = sdk.Critical
	m.Events[0].Exit.Signal = 9
	if err := n.Notify(testkit.Soon(t), m); err != nil {
		t.Fatal(err)
	}
	for i, p := range r.wait(t, 3) {
		if want := fmt.Sprintf("PROCESS_STATE_EXITED processname:web_%02d groupname:web from_state:RUNNING expected:0 pid:%d", i, 4711+i); p.fields["MESSAGE"] != want || p.fields["PRIORITY"] != "2" {
			t.Errorf("%q", p.fields)
		}
	}
	r.close()
	if err := n.Notify(testkit.Soon(t), m); err == nil || sdk.IsFinal(err) || n.Health() == nil {
		t.Errorf("there is no journal: %v", err)
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		key    string
		change func(*sinkConfig)
	}{
		{"socket", func(c *sinkConfig) { c.Socket = "run/socket" }},
		{"socket", func(c *sinkConfig) { c.Socket = "/" + strings.Repeat("x", 107) }},
		{"timeout", func(c *sinkConfig) { c.Timeout = 0 }},
		{"max_line", func(c *sinkConfig) { c.MaxLine = 63 }},
		{"max_line", func(c *sinkConfig) { c.MaxLine = 1<<20 + 1 }},
		{"flush_after", func(c *sinkConfig) { c.Idle = 0 }},
		{"fields", func(c *sinkConfig) { c.Fields = map[string]string{"lower": "x"} }},
		{"fields", func(c *sinkConfig) { c.Fields = map[string]string{"_PID": "1"} }},
		{"fields", func(c *sinkConfig) { c.Fields = map[string]string{"MESSAGE": "x"} }},
		{"fields", func(c *sinkConfig) { c.Fields = map[string]string{"HARK_GROUP": "x"} }},
		{"fields", func(c *sinkConfig) {
			c.Fields = map[string]string{}
			for i := range 33 {
				c.Fields[fmt.Sprint("F", i)] = "x"
			}
		}},
	} {
		conf := sinkDefaults()
		c.change(&conf)
		sdktest.RefusedEarly(t, &conf, "")
		if err, ok := sdk.CheckConfig(&conf).(*sdk.ConfigError); !ok || err.Key != c.key {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}

// streams are what channels wrote: their entries put together again.
func (s *server) streams(t *testing.T) map[string]string {
	all := map[string]string{}
	for _, p := range s.all(t) {
		k := p.fields["HARK_PROCESS"] + " " + p.fields["HARK_CHANNEL"]
		if all[k] != "" && p.fields["HARK_CONTINUED"] == "" {
			all[k] += "\n"
		}
		all[k] += p.fields["MESSAGE"]
	}
	return all
}

func TestConformanceOfTheLogSink(t *testing.T) {
	r := listen(t, socketPath(t))
	full, _, _ := stuck(t)
	sdktest.TestLogSink(t, Plugin(), sdktest.LogSinkOptions{
		Options: sdktest.Options{
			Values: map[string]string{"socket": r.path},
			Hang:   map[string]string{"socket": full, "timeout": "1"},
			Late:   map[string]string{},
			Bad: []sdktest.Bad{
				{Name: "no socket", Set: map[string]string{"socket": ""}, Key: "socket"},
				{Name: "no path", Set: map[string]string{"socket": "tell-no-value"}, Key: "socket"},
				{Name: "no field", Set: map[string]string{"fields": `a-b="tell-no-value"`}, Key: "fields"},
			},
		},
		Written: func(t *testing.T, records []sdk.LogRecord) {
			want := map[string]string{}
			for _, rec := range records {
				want[rec.Process+" "+rec.Channel] += string(rec.Data)
			}
			for k, text := range want {
				var all []string
				for line := range strings.SplitSeq(text, "\n") {
					if line = strings.TrimSuffix(line, "\r"); line != "" {
						all = append(all, line)
					}
				}
				want[k] = strings.Join(all, "\n")
			}
			testkit.Await(t, func() bool {
				got := r.streams(t)
				for k := range want { // what several instances wrote at the same time is in no order
					if len(got[k]) != len(want[k]) {
						return false
					}
				}
				return len(got) == len(want)
			}, func() string { return fmt.Sprintf("got %.3000q, want %.3000q", r.streams(t), want) })
			if got := r.streams(t); !strings.Contains(t.Name(), "at_the_same_time") && !maps.Equal(got, want) {
				t.Errorf("got %.500q, want %.500q", got, want)
			}
			r.clear()
		},
	})
}

func TestConformanceOfTheNotifier(t *testing.T) {
	r := listen(t, socketPath(t))
	full, _, _ := stuck(t)
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{Options: sdktest.Options{
		Values: map[string]string{"socket": r.path}, Hang: map[string]string{"socket": full},
	}})
	if len(r.all(t)) == 0 {
		t.Error("nothing has come")
	}
}

func FuzzAppendField(f *testing.F) {
	f.Add("a line", "two\nlines")
	f.Add("\xff\x00", "=")
	f.Fuzz(func(t *testing.T, one, two string) {
		p, err := parse(appendField(appendField(appendField(nil, "MESSAGE", "x"), "ONE", one), "TWO", two))
		if err != nil || p.fields["ONE"] != one || p.fields["TWO"] != two || len(p.fields) != 3 {
			t.Errorf("%q %q: %q (%v)", one, two, p.fields, err)
		}
	})
}
