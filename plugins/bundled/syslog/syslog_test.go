package syslog

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func moment() time.Time { return time.Date(2024, 1, 5, 13, 5, 6, 123456789, time.UTC) }

func instance() sdk.Instance {
	return sdk.Instance{Name: "central", Log: hclog.NewNullLogger(), Daemon: sdk.Daemon{Hostname: "host1", Identifier: "supervisor"}}
}

func openSink(t *testing.T, address string, change func(*sinkConfig)) *sink {
	t.Helper()
	c := sinkDefaults()
	c.Address, c.Idle = address, time.Hour
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := newSink(c, instance())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(testkit.Soon(t)) })
	return s
}

// output makes batches of one program's output.
type output struct {
	seq    uint64
	offset map[string]uint64
}

func (o *output) batch(chunks ...string) *sdk.LogBatch {
	if o.offset == nil {
		o.offset = map[string]uint64{}
	}
	o.seq++
	b := &sdk.LogBatch{Seq: o.seq}
	for _, chunk := range chunks {
		channel := "stdout"
		if text, ok := strings.CutPrefix(chunk, "2>"); ok {
			channel, chunk = "stderr", text
		}
		b.Records = append(b.Records, sdk.LogRecord{
			Group: "web", Process: "web_00", Pid: 12, Channel: channel, Time: moment(), Data: []byte(chunk), Offset: o.offset[channel],
		})
		o.offset[channel] += uint64(len(chunk))
	}
	return b
}

func write(t *testing.T, s *sink, b *sdk.LogBatch) {
	t.Helper()
	if err := s.Write(testkit.Soon(t), b); err != nil {
		t.Fatal(err)
	}
}

func TestAMessageOfRFC5424(t *testing.T) {
	r := listen(t, "udp", "127.0.0.1:0", "", nil)
	s := openSink(t, "udp://"+r.address, func(c *sinkConfig) { c.Facility, c.StderrFacility = "local3", "daemon" })
	var o output
	write(t, s, o.batch("a line\n", "2>an error: \"x\"]\n"))
	got := r.wait(t, 2)
	const want = `<158>1 2024-01-05T13:05:06.123456Z host1 web_00 12 stdout [hark@32473 group="web" process="web_00" pid="12" seq="1" offset="0"] a line`
	if got[0] != want {
		t.Errorf("got  %s\nwant %s", got[0], want)
	}
	p, err := parse(got[1])
	if err != nil || p.facility != 3 || p.severity != 3 || p.id != "stderr" || p.text != `an error: "x"]` || p.params["seq"] != "2" {
		t.Errorf("%+v (%v)", p, err)
	}
}

func TestAMessageOfRFC3164(t *testing.T) {
	path := socketPath(t)
	r := listen(t, "unixgram", path, "", nil)
	s := openSink(t, "unix://"+path, func(c *sinkConfig) { c.AppName = "namespec" })
	var o output
	write(t, s, o.batch("a line\n"))
	stamp := moment().Local().Format(time.Stamp)
	if got, want := r.wait(t, 1)[0], "<14>"+stamp+" web.web_00[12]: a line"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	u := listen(t, "udp", "127.0.0.1:0", "", nil)
	s = openSink(t, "udp://"+u.address, func(c *sinkConfig) { c.Format = "rfc3164" })
	write(t, s, o.batch("with a host\n"))
	if got, want := u.wait(t, 1)[0], "<14>"+stamp+" host1 web_00[12]: with a host"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTransports(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	_, cert, key := authority.Issue("client")
	for name, c := range map[string]struct {
		network, framing, scheme string
		want                     string // framing that the receiver expects
		tls                      bool
	}{
		"udp": {"udp", "auto", "udp", "", false}, "datagrams": {"unixgram", "auto", "unixgram", "", false},
		"tcp": {"tcp", "auto", "tcp", "octet", false}, "tcp, lines": {"tcp", "newline", "tcp", "newline", false}, "tcp, nul": {"tcp", "nul", "tcp", "nul", false},
		"tls": {"tls", "auto", "tls", "octet", true}, "a stream": {"unix", "auto", "unixstream", "newline", false},
		"either, a stream": {"unix", "octet", "unix", "octet", false}, "either, datagrams": {"unixgram", "auto", "unix", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			address := "127.0.0.1:0"
			if strings.HasPrefix(c.network, "unix") {
				address = socketPath(t)
			}
			var r *receiver
			if c.tls {
				r = listen(t, c.network, address, c.want, authority.Server("log.example", true))
			} else {
				r = listen(t, c.network, address, c.want, nil)
			}
			s := openSink(t, c.scheme+"://"+r.address, func(conf *sinkConfig) {
				conf.Format, conf.Framing = "rfc5424", c.framing
				if c.tls {
					conf.CA, conf.Cert, conf.Key, conf.ServerName = authority.File, cert, key, "log.example"
				}
			})
			var o output
			for i := range 50 {
				write(t, s, o.batch(fmt.Sprintf("line %d\n", i), "2>žluť\n"))
			}
			for i, p := range r.parsedOnes(t, 100) {
				if want := fmt.Sprintf("line %d", i/2); i%2 == 0 && p.text != want || i%2 == 1 && p.text != "žluť" {
					t.Fatalf("message %d is %q", i, p.text)
				}
			}
		})
	}
}

func TestLinesAreWholeHoweverTheyCome(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	s := openSink(t, "tcp://"+r.address, nil)
	var o output
	write(t, s, o.batch("a li", "2>err", "ne\r\n\n\nnext ", "2>or\n"))
	write(t, s, o.batch("line\nhe", "ld"))
	got := r.parsedOnes(t, 3)
	if got[0].text != "a line" || got[1].text != "error" || got[2].text != "next line" || got[2].params["offset"] != "10" {
		t.Errorf("%+v", got)
	}
	if err := s.Close(testkit.Soon(t)); err != nil {
		t.Fatal(err)
	}
	if p := r.parsedOnes(t, 1)[0]; p.text != "held" || p.params["offset"] != "20" {
		t.Errorf("%+v", p)
	}
}

func TestAnUnfinishedLineIsSentWhenNothingFollows(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	s := openSink(t, "tcp://"+r.address, func(c *sinkConfig) { c.Idle = 10 * time.Millisecond })
	var o output
	write(t, s, o.batch("password: "))
	if p := r.parsedOnes(t, 1)[0]; p.text != "password: " {
		t.Errorf("%+v", p)
	}
}

func TestLongLinesArePartedBetweenCharacters(t *testing.T) {
	r := listen(t, "udp", "127.0.0.1:0", "", nil)
	s := openSink(t, "udp://"+r.address, func(c *sinkConfig) { c.MaxMessage = minMessage })
	long := strings.Repeat("žluťoučký kůň ", 300)
	var o output
	write(t, s, o.batch(long[:1000], long[1000:]+"\n"))
	var text strings.Builder
	r2 := func() []parsed {
		testkit.Await(t, func() bool {
			text.Reset()
			for _, raw := range r.all(t) {
				p, err := parse(raw)
				if err != nil {
					t.Fatal(err)
				}
				text.WriteString(p.text)
			}
			return text.Len() >= len(long)
		}, func() string { return fmt.Sprintf("%d bytes of %d", text.Len(), len(long)) })
		return r.parsedOnes(t, len(r.all(t)))
	}()
	if text.String() != long {
		t.Errorf("got %q", text.String())
	}
	for i, p := range r2 {
		if p.size > minMessage || (p.params["continued"] == "" && p.params["piece"] == "") != (i == 0) {
			t.Errorf("piece %d has %d bytes, %v", i, p.size, p.params)
		}
	}
}

// Header and text are measured together: every message but the last is as long as it may be, or nearly, and none is a crumb.
func TestALongLineIsCutOnce(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	s := openSink(t, "tcp://"+r.address, nil)
	long := strings.Repeat("0123456789", 30_000)
	var o output
	write(t, s, o.batch(long[:70_000], long[70_000:]+"\n", "next\n"))
	const room = 7800 // of 8000, with our header
	got := r.parsedOnes(t, len(long)/room+2)
	var text strings.Builder
	for i, p := range got[:len(got)-1] {
		text.WriteString(p.text)
		if p.size > 8000 || p.size < 7900 && i < len(got)-2 || p.params["piece"] != "" || (p.params["continued"] == "1") != (i > 0) {
			t.Errorf("message %d has %d bytes and %v", i, p.size, p.params)
		}
	}
	if last := got[len(got)-1]; text.String() != long || last.text != "next" || last.params["continued"] != "" {
		t.Errorf("%d of %d bytes arrived, then %q", text.Len(), len(long), last.text)
	}
}

func TestLinesOfOneReadComeInTheirOrder(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	s := openSink(t, "tcp://"+r.address, nil)
	write(t, s, (&output{}).batch(strings.Repeat("x\n", 1000)))
	got := r.parsedOnes(t, 1000)
	for i := range got[1:] {
		if !got[i+1].time.After(got[i].time) {
			t.Fatalf("line %d is of %v, the one before of %v", i+1, got[i+1].time, got[i].time)
		}
	}
}

func TestWhatIsNoText(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "newline", nil)
	s := openSink(t, "tcp://"+r.address, func(c *sinkConfig) { c.Framing = "newline" })
	b := (&output{}).batch("a\xff\xfe\x00b\rc\x1b[31m\n")
	b.Records[0].Process, b.Records[0].Group = "we b\n]\"\\\xffž", strings.Repeat("g", 500)
	write(t, s, b)
	p := r.parsedOnes(t, 1)[0]
	if p.text != "a\uFFFD b c\x1b[31m" || p.app != `we_b_]"\__` || p.params["process"] != "we b ]\"\\\uFFFDž" || len(p.params["group"]) != maxParam {
		t.Errorf("%+v", p)
	}
}

func TestAReceiverThatComesAndGoes(t *testing.T) {
	path := socketPath(t)
	s := openSink(t, "unixstream://"+path, func(c *sinkConfig) { c.Format = "rfc5424" })
	var o output
	b := o.batch("one\n", "two\n", "unfinished")
	for range 3 {
		if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) || s.Health() == nil {
			t.Fatalf("nobody listens: %v", err)
		}
	}
	r := listen(t, "unix", path, "newline", nil)
	write(t, s, b) // the same batch again
	write(t, s, o.batch(" line\n"))
	got := r.parsedOnes(t, 3)
	if got[0].text != "one" || got[1].text != "two" || got[2].text != "unfinished line" || s.Health() != nil {
		t.Errorf("%+v, health %v", got, s.Health())
	}
	// it restarts: what is written then is not lost, since the end of the stream is seen
	dead := s.o.dead
	r.drop()
	<-dead
	write(t, s, o.batch("after\n"))
	if p := r.parsedOnes(t, 1)[0]; p.text != "after" {
		t.Errorf("%+v", p)
	}
	// it is gone permanently, and the host gives the batch up for another
	dead = s.o.dead
	r.close()
	<-dead
	if err := s.Write(testkit.Soon(t), o.batch("given up\n")); err == nil {
		t.Error("nobody listens, and it is written")
	}
	r = listen(t, "unix", path, "newline", nil)
	write(t, s, o.batch("the next\n"))
	if p := r.parsedOnes(t, 1)[0]; p.text != "the next" {
		t.Errorf("%+v", p)
	}
}

func TestAReceiverThatTakesNothingHindersNobodyElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	slow := openSink(t, "tcp://"+l.Addr().String(), func(c *sinkConfig) { c.Timeout = time.Hour })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var o output
	stuck := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			err = slow.Write(ctx, o.batch(strings.Repeat(strings.Repeat("x", 1000)+"\n", 200)))
		}
		stuck <- err
	}()
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	s := openSink(t, "tcp://"+r.address, nil)
	write(t, s, (&output{}).batch("goes on\n"))
	r.wait(t, 1)
	cancel()
	if err := <-stuck; err == nil || sdk.IsFinal(err) {
		t.Errorf("%v", err)
	}
}

func TestUDPWithNobodyThere(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := conn.LocalAddr().String()
	_ = conn.Close()
	s := openSink(t, "udp://"+address, nil)
	var o output
	testkit.Await(t, func() bool { return s.Write(testkit.Soon(t), o.batch("x\n")) != nil }, func() string { return "the system does not tell that nobody listens" })
}

func TestTLSThatIsNotRight(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	r := listen(t, "tls", "127.0.0.1:0", "octet", authority.Server("log.example", false))
	plain := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	for name, c := range map[string]struct {
		address string
		change  func(*sinkConfig)
	}{
		"an authority we do not know": {"tls://" + r.address, nil},
		"another name":                {"tls://" + r.address, func(c *sinkConfig) { c.CA, c.ServerName = authority.File, "other.example" }},
		"no name in the address's":    {"tls://name.invalid", nil},
		"no TLS there": {"tls://" + plain.address, func(c *sinkConfig) {
			c.Timeout = 300 * time.Millisecond
		}},
	} {
		s := openSink(t, c.address, c.change)
		if err := s.Write(testkit.Soon(t), (&output{}).batch("x\n")); err == nil || sdk.IsFinal(err) {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

func openNotifier(t *testing.T, address string) *notifier {
	t.Helper()
	c := notifierDefaults()
	c.Address = address
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := newNotifier(c, instance())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(context.Background()) })
	return n
}

func TestEvents(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	n := openNotifier(t, "tcp://"+r.address)
	if err := n.Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
		t.Fatal(err)
	}
	p := r.parsedOnes(t, 1)[0]
	if p.facility != 1 || p.severity != 3 || p.app != "supervisord" || p.proc != "-" || p.id != "PROCESS_STATE_EXITED" ||
		p.text != "web:web_00 exited unexpectedly" || p.params["process"] != "web_00" || p.params["status"] != "3" || p.params["pid"] != "4711" {
		t.Errorf("%+v", p)
	}
	m := sdktest.Sample(3)
	m.Severity = sdk.Critical
	if err := n.Notify(testkit.Soon(t), m); err != nil {
		t.Fatal(err)
	}
	for i, p := range r.parsedOnes(t, 3) {
		if want := fmt.Sprintf("PROCESS_STATE_EXITED processname:web_%02d groupname:web from_state:RUNNING expected:0 pid:%d", i, 4711+i); p.text != want || p.severity != 2 {
			t.Errorf("%+v", p)
		}
	}
	r.close()
	testkit.Await(t, func() bool { return n.Notify(testkit.Soon(t), m) != nil }, func() string { return "nobody listens, and it is delivered" })
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		key    string
		change func(*sinkConfig)
		late   string
	}{
		{"address", func(c *sinkConfig) { c.Address = "/dev/log" }, ""},
		{"address", func(c *sinkConfig) { c.Address = "http://x" }, ""},
		{"address", func(c *sinkConfig) { c.Address = "unix://host/x" }, ""},
		{"address", func(c *sinkConfig) { c.Address = "udp://u:p@x" }, ""},
		{"address", func(c *sinkConfig) { c.Address = "tcp://x/y" }, ""},
		{"address", func(c *sinkConfig) { c.Address = "%zz" }, ""},
		{"framing", func(c *sinkConfig) { c.Address, c.Framing = "udp://x", "octet" }, "it depends on a part of another key's value"},
		{"max_message", func(c *sinkConfig) { c.MaxMessage = 100 }, ""},
		{"max_message", func(c *sinkConfig) { c.Address, c.MaxMessage = "tcp://x", 64<<10+1 }, ""},
		{"max_message", func(c *sinkConfig) { c.Address, c.MaxMessage = "udp://x", 1<<17 }, ""},
		{"sd_id", func(c *sinkConfig) { c.SDID = "hark" }, ""},
		{"sd_id", func(c *sinkConfig) { c.SDID = "ha]rk@1" }, ""},
		{"hostname", func(c *sinkConfig) { c.Hostname = "a b" }, ""},
		{"timeout", func(c *sinkConfig) { c.Timeout = 0 }, ""},
		{"flush_after", func(c *sinkConfig) { c.Idle = 0 }, ""},
	} {
		conf := sinkDefaults()
		c.change(&conf)
		sdktest.RefusedEarly(t, &conf, c.late)
		if err, ok := sdk.CheckConfig(&conf).(*sdk.ConfigError); !ok || err.Key != c.key {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}

// stream is what a channel wrote: its messages put together again.
func (r *receiver) streams(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, raw := range r.all(t) {
		p, err := parse(raw)
		if err != nil {
			t.Error(err)
			continue
		}
		k := p.params["process"] + " " + p.id
		if all[k] != "" && p.params["continued"] == "" && p.params["piece"] == "" {
			all[k] += "\n"
		}
		all[k] += p.text
	}
	return all
}

func TestConformanceOfTheLogSink(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	sdktest.TestLogSink(t, Plugin(), sdktest.LogSinkOptions{
		Options: sdktest.Options{
			Values: map[string]string{"address": "tcp://" + r.address},
			Hang:   map[string]string{"address": "tcp://" + sdktest.Hanging(t), "timeout": "1"},
			Late:   map[string]string{},
			Bad:    []sdktest.Bad{{Name: "no address", Set: map[string]string{"address": "tell-no-value"}, Key: "address"}},
		},
		Written: func(t *testing.T, records []sdk.LogRecord) {
			want := map[string]string{}
			for _, rec := range records {
				want[rec.Process+" "+rec.Channel] += string(rec.Data)
			}
			for k, text := range want {
				var lines []string
				for _, line := range strings.Split(text, "\n") {
					if line = clean(strings.TrimSuffix(line, "\r")); line != "" {
						lines = append(lines, line)
					}
				}
				want[k] = strings.Join(lines, "\n")
			}
			same := func() bool {
				got := r.streams(t)
				for k := range want { // what several instances wrote at the same time is in no order
					if len(got[k]) != len(want[k]) {
						return false
					}
				}
				return len(got) == len(want)
			}
			testkit.Await(t, same, func() string { return fmt.Sprintf("got %.3000q, want %.3000q", r.streams(t), want) })
			if !strings.Contains(t.Name(), "at_the_same_time") {
				for k, text := range r.streams(t) {
					if text != want[k] {
						t.Errorf("%s: got %.500q, want %.500q", k, text, want[k])
					}
				}
			}
			r.mu.Lock()
			r.got = nil
			r.mu.Unlock()
		},
	})
}

func TestConformanceOfTheNotifier(t *testing.T) {
	r := listen(t, "tcp", "127.0.0.1:0", "octet", nil)
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{Options: sdktest.Options{
		Values: map[string]string{"address": "tcp://" + r.address}, Hang: map[string]string{"address": "tls://" + sdktest.Hanging(t)},
	}})
	for _, raw := range r.all(t) {
		if _, err := parse(raw); err != nil {
			t.Error(err)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("web", "a line", "web_00", 1000)
	f.Add("\xff]\"\\", "\x00\n\r", "", 480)
	f.Fuzz(func(t *testing.T, group, text, app string, size int) {
		form := form{hostname: "h", sd: "hark@32473", max: max(size%10000, minMessage)}
		var whole strings.Builder
		form.render(&message{facility: 1, severity: 6, time: moment(), app: app, proc: group, id: app, text: text, data: []param{{"group", group}}}, func(b []byte) {
			p, err := parse(string(b))
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > form.max && len(p.text) > headerRoom {
				t.Errorf("%d bytes of %d", len(b), form.max)
			}
			whole.WriteString(p.text)
		})
		if whole.String() != clean(text) || bytes.ContainsAny([]byte(whole.String()), "\x00\n") {
			t.Errorf("got %q", whole.String())
		}
	})
}
