//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// daemon is a daemon of syslog that writes PROGRAM<tab>TEXT to a file.
type daemon struct {
	program
	out  string
	lead string // what it puts before each text
}

func (d *daemon) lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(d.out)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(b)) {
		line, whole := strings.CutSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, name+"\t"); ok && whole {
			all = append(all, strings.TrimPrefix(text, d.lead))
		} else if !strings.Contains(line, "\t") && whole {
			t.Fatalf("a message that nobody has sent: %.200q", line)
		}
	}
	return all
}

// syslogNG is Debian's, out of its package: the one of rsyslog and that cannot be installed both.
func syslogNG(t *testing.T) (d *daemon, network, syslog, local string) {
	t.Helper()
	path := find(t, "syslog-ng", "deb/usr/sbin")
	root := filepath.Dir(filepath.Dir(filepath.Dir(path)))
	lib := filepath.Join(root, "usr", "lib", "syslog-ng")
	dir := testkit.Dir(t)
	network, syslog, local = freePort(t), freePort(t), filepath.Join(dir, "log")
	conf := write(t, filepath.Join(dir, "conf"), `@version: 3.38
options { keep-hostname(yes); };
source all {
	network(ip("127.0.0.1") port(%s) transport("tcp") flags(syslog-protocol));
	syslog(ip("127.0.0.1") port(%s) transport("tcp"));
	unix-dgram("%s");
};
destination file { file("%s/out" template("${PROGRAM}\t${MESSAGE}\n")); };
log { source(all); destination(file); };
`, network, syslog, local, dir)
	d = &daemon{out: filepath.Join(dir, "out")}
	d.argv = []string{
		path, "-F", "--no-caps", "-f", conf, "-R", filepath.Join(dir, "persist"), "-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "ctl"),
		"--module-path=" + filepath.Join(lib, "3.38"),
	}
	d.env = []string{"LD_LIBRARY_PATH=" + lib}
	d.ready = func() bool {
		_, err := os.Stat(local)
		return err == nil && listens("127.0.0.1:"+network) && listens("127.0.0.1:"+syslog)
	}
	d.start(t)
	return d, network, syslog, local
}

func TestSyslogNG(t *testing.T) {
	for name, sink := range map[string]string{
		"network":   "address=tcp://127.0.0.1:NETWORK\nframing=newline",
		"syslog":    "address=tcp://127.0.0.1:SYSLOG",
		"the most":  "address=tcp://127.0.0.1:SYSLOG\nmax_message=64KB",
		"datagrams": "address=unixgram:///LOCAL",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, network, syslog, local := syslogNG(t)
			sink = strings.NewReplacer("NETWORK", network, "SYSLOG", syslog, "//LOCAL", "/"+local).Replace(sink)
			startTalker(t, "plugin=syslog\n"+sink).hears(d, inSyslog)
		})
	}
}

func TestRsyslog(t *testing.T) {
	path := find(t, "rsyslogd")
	for name, sink := range map[string]string{
		"tcp": "address=tcp://127.0.0.1:PORT", "newlines": "address=tcp://127.0.0.1:PORT\nframing=newline", "the local socket": "address=unix://DIR/log",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, port := testkit.Dir(t), freePort(t)
			conf := write(t, filepath.Join(dir, "conf"), `
global(workDirectory="%[1]s" parser.escapeControlCharactersOnReceive="off")
module(load="imtcp")
module(load="imuxsock" sysSock.use="off")
input(type="imtcp" address="127.0.0.1" port="%[2]s")
input(type="imuxsock" socket="%[1]s/log" usePIDFromSystem="off" rateLimit.interval="0")
template(name="text" type="string" string="%%app-name%%\t%%msg%%\n")
*.* action(type="omfile" file="%[1]s/out" template="text")
`, dir, port)
			d := &daemon{out: filepath.Join(dir, "out")}
			d.argv = []string{path, "-n", "-f", conf, "-i", filepath.Join(dir, "pid")}
			d.ready = func() bool {
				_, err := os.Stat(filepath.Join(dir, "log"))
				return err == nil && listens("127.0.0.1:"+port)
			}
			d.start(t)
			sink = strings.NewReplacer("PORT", port, "DIR", dir).Replace(sink)
			if name == "the local socket" {
				d.lead = " " // of RFC 3164 the space behind the tag is part of the text
			}
			startTalker(t, "plugin=syslog\n"+sink).hears(d, inSyslog)
		})
	}
}
