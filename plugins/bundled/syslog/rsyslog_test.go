package syslog

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
)

const rsyslogd = "/usr/sbin/rsyslogd"

// rsyslog is Debian's, on ports and sockets of this test.
type rsyslog struct {
	tcp, tls, udp, local, stream string
	out                          string
}

// freePort is a port that is free for now, for what cannot tell which it took.
func freePort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	return port
}

func startRsyslog(t *testing.T, authority *remotetest.Authority) *rsyslog {
	t.Helper()
	if _, err := os.Stat(rsyslogd); err != nil {
		t.Skipf("there is no %s: make test installs it", rsyslogd)
	}
	dir := testkit.Dir(t)
	_, cert, key := authority.Issue("log.example")
	udp := freePort(t)
	conf := fmt.Sprintf(`
global(workDirectory="%[1]s" defaultNetstreamDriverCAFile="%[2]s" defaultNetstreamDriverCertFile="%[3]s" defaultNetstreamDriverKeyFile="%[4]s")
module(load="imudp")
module(load="imtcp")
module(load="imptcp")
module(load="imuxsock" sysSock.use="off")
input(type="imudp" address="127.0.0.1" port="%[5]s")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="%[1]s/tcp.port")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="%[1]s/tls.port" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imptcp" path="%[1]s/stream")
input(type="imuxsock" socket="%[1]s/local" usePIDFromSystem="off")
template(name="fields" type="list" option.jsonf="on") {
	property(outname="host" name="hostname" format="jsonf")
	property(outname="app" name="app-name" format="jsonf")
	property(outname="proc" name="procid" format="jsonf")
	property(outname="id" name="msgid" format="jsonf")
	property(outname="sd" name="structured-data" format="jsonf")
	property(outname="pri" name="pri" format="jsonf")
	property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
	property(outname="text" name="msg" format="jsonf")
}
*.* action(type="omfile" file="%[1]s/out" template="fields")
`, dir, authority.File, cert, key, udp)
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.Command(rsyslogd, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Log(said.String())
		}
	})
	r := &rsyslog{udp: "127.0.0.1:" + udp, local: filepath.Join(dir, "local"), stream: filepath.Join(dir, "stream"), out: filepath.Join(dir, "out")}
	port := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		return strings.TrimSpace(string(b))
	}
	testkit.Await(t, func() bool {
		select {
		case <-exited:
			t.Fatalf("rsyslogd has ended: %s", &said)
		default:
		}
		_, err := os.Stat(r.local)
		_, err2 := os.Stat(r.stream)
		return err == nil && err2 == nil && port("tcp.port") != "" && port("tls.port") != ""
	}, func() string { return "rsyslogd does not listen" })
	r.tcp, r.tls = "127.0.0.1:"+port("tcp.port"), "127.0.0.1:"+port("tls.port")
	return r
}

type fields struct{ Host, App, Proc, ID, SD, Pri, Time, Text string }

// got are the messages of a program, as rsyslog understood them.
func (r *rsyslog) got(t *testing.T, app string) []fields {
	t.Helper()
	b, _ := os.ReadFile(r.out)
	var all []fields
	for line := range strings.Lines(string(b)) {
		var f fields
		if !strings.HasSuffix(line, "\n") {
			break // it is at it
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if f.App == app {
			all = append(all, f)
		}
	}
	return all
}

func TestRsyslogUnderstands(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	r := startRsyslog(t, authority)
	for i, c := range []struct {
		address string
		change  func(*sinkConfig)
		old     bool // RFC 3164
		local   bool
	}{
		{"udp://" + r.udp, nil, false, false},
		{"udp://" + r.udp, func(c *sinkConfig) { c.Format = "rfc3164" }, true, false},
		{"tcp://" + r.tcp, nil, false, false},
		{"tcp://" + r.tcp, func(c *sinkConfig) { c.Framing = "newline" }, false, false},
		{"tcp://" + r.tcp, func(c *sinkConfig) { c.Format = "rfc3164" }, true, false},
		{"tls://" + r.tls, func(c *sinkConfig) { c.CA, c.ServerName = authority.File, "log.example" }, false, false},
		{"unixstream://" + r.stream, func(c *sinkConfig) { c.Format = "rfc5424" }, false, false},
		{"unixstream://" + r.stream, func(c *sinkConfig) { c.Format, c.Framing = "rfc5424", "octet" }, false, false},
		{"unix://" + r.local, nil, true, true},
	} {
		t.Run(fmt.Sprint(i, " ", strings.SplitN(c.address, ":", 2)[0]), func(t *testing.T) {
			s := openSink(t, c.address, c.change)
			app := fmt.Sprint("app", i)
			var o output
			for n := range 20 {
				b := o.batch(fmt.Sprintf("line %d \"žluť\"\n", n), "2>error ]\n")
				for i := range b.Records {
					b.Records[i].Process = app
				}
				write(t, s, b)
			}
			testkit.Await(t, func() bool { return len(r.got(t, app)) >= 40 }, func() string { return fmt.Sprintf("%d of 40", len(r.got(t, app))) })
			got := r.got(t, app)
			for n := range 20 {
				out, errs := got[2*n], got[2*n+1]
				text := strings.TrimPrefix(out.Text, " ") // of the old form it is part of the text
				if text != fmt.Sprintf("line %d \"žluť\"", n) || strings.TrimPrefix(errs.Text, " ") != "error ]" || out.Pri != "14" || errs.Pri != "11" || out.Proc != "12" {
					t.Fatalf("%+v %+v", out, errs)
				}
				if !c.local && out.Host != "host1" {
					t.Errorf("host %q", out.Host)
				}
				at := moment().Add(time.Duration(n) * time.Microsecond).Format("2006-01-02T15:04:05.000000") // lines of one time are a tick apart
				if !c.old && (out.ID != "stdout" || out.Time != at+"+00:00" && out.Time != at+"Z" ||
					!strings.HasPrefix(out.SD, `[hark@32473 group="web" process="app`)) {
					t.Errorf("%+v", out)
				}
			}
		})
	}
}

// What rsyslog takes in one message is what we send in one: nothing is torn, and what was one line is one again.
func TestRsyslogTakesALineOf300KB(t *testing.T) {
	r := startRsyslog(t, remotetest.NewAuthority(t))
	for i, c := range []struct{ address, framing string }{{"tcp://" + r.tcp, "octet"}, {"tcp://" + r.tcp, "newline"}, {"unixstream://" + r.stream, "auto"}} {
		app := fmt.Sprint("long", i)
		s := openSink(t, c.address, func(o *sinkConfig) { o.Framing, o.Format = c.framing, "rfc5424" })
		long := strings.Repeat("žluťoučký kůň ", 300_000/18)
		b := (&output{}).batch(long+"\n", "the next\n")
		for i := range b.Records {
			b.Records[i].Process = app
		}
		write(t, s, b)
		text := func() string {
			var b strings.Builder
			for _, m := range r.got(t, app) {
				b.WriteString(m.Text)
			}
			return b.String()
		}
		want := long + "the next"
		testkit.Await(t, func() bool { return len(text()) >= len(want) }, func() string { return fmt.Sprintf("%d bytes of %d", len(text()), len(want)) })
		if text() != want {
			t.Errorf("%+v: another text has come", c)
		}
		all, _ := os.ReadFile(r.out)
		if n := strings.Count(string(all), "\n"); n != r.count(t, i) {
			t.Errorf("%+v: %d messages are in the log, %d of them ours", c, n, r.count(t, i))
		}
	}
}

// count is how many messages the programs long0 to longN have.
func (r *rsyslog) count(t *testing.T, n int) (all int) {
	for i := range n + 1 {
		all += len(r.got(t, fmt.Sprint("long", i)))
	}
	return all
}
