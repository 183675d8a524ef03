package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/cmdline"
	"github.com/hark-supervisor/hark/core/disk"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// unusable is a configuration that reads well and cannot be used.
type unusable struct {
	name string
	conf func(base string) string // DIR and PORT are replaced
	key  string                   // of the section, that is named: "[section] key: "
	said string                   // the first sentence, Supervisor's where it has one
}

// onceReplaced has one line of the base configuration replaced.
func onceReplaced(line, by string) func(string) string {
	return func(base string) string { return strings.Replace(base, line, by, 1) }
}

func more(sections string) func(string) string {
	return func(base string) string { return base + sections }
}

const cannotOpen = "Cannot open an HTTP server: "

func unusables() []unusable {
	return []unusable{
		{"a port in use", more("[inet_http_server]\nport=127.0.0.1:PORT\n"), "[inet_http_server] port: ", "Another program is already listening on a port"},
		{"the port of the second server in use", more("[inet_http_server:b]\nport=127.0.0.1:PORT\n"), "[inet_http_server:b] port: ", "Another program is already listening on a port"},
		{"another machine's address", more("[inet_http_server]\nport=192.0.2.1:9001\n"), "[inet_http_server] port: ", cannotOpen + "socket.error reported errno.EADDRNOTAVAIL"},
		{"a host that nobody has", more("[inet_http_server]\nport=no-such-host.invalid:9001\n"), "[inet_http_server] port: ", cannotOpen},
		{"a socket in a missing directory", onceReplaced("file=DIR/s.sock", "file=DIR/none/s.sock"), "[unix_http_server] file: ", cannotOpen + "socket.error reported errno.ENOENT (2)"},
		{"a socket that is a directory", onceReplaced("file=DIR/s.sock", "file=DIR/dir"), "[unix_http_server] file: ", cannotOpen},
		{"a socket that is a file", onceReplaced("file=DIR/s.sock", "file=DIR/supervisord.conf"), "[unix_http_server] file: ", cannotOpen},
		{"a socket below a file", onceReplaced("file=DIR/s.sock", "file=DIR/supervisord.conf/s.sock"), "[unix_http_server] file: ", cannotOpen + "socket.error reported errno.ENOTDIR"},
		{"a socket of too long a path", onceReplaced("file=DIR/s.sock", "file=DIR/"+strings.Repeat("x", 107)), "[unix_http_server] file: ", cannotOpen + "socket.error reported AF_UNIX path too long"},
		{"half a certificate", more("[inet_http_server]\nport=127.0.0.1:FREE\ncertfile=DIR/half.pem\nkeyfile=DIR/half.pem\n"), "[inet_http_server] certfile: ", "cannot load the certificate of [inet_http_server]"},
		{"a log that is a directory", onceReplaced("logfile=DIR/supervisord.log", "logfile=DIR/dir"), "[supervisord] logfile: ", "cannot open log file"},
		{"a log that cannot be made", onceReplaced("logfile=DIR/supervisord.log", "logfile=/proc/nobody-can-write"), "[supervisord] logfile: ", "cannot open log file"},
		{"a childlogdir that takes no file", onceReplaced("childlogdir=DIR", "childlogdir=/proc"), "[supervisord] childlogdir: ", `cannot create the stdout log of "a"`},
		{"an identifier with a slash", onceReplaced("nodaemon=true", "nodaemon=true\nidentifier=a/b"), "[supervisord] identifier: ", `cannot create the stdout log of "a"`},
	}
}

// onlyRestart are values with which a first start begins all the same, as Supervisor's does.
func onlyRestart() []unusable {
	return []unusable{
		{"a pidfile that is a directory", onceReplaced("pidfile=DIR/supervisord.pid", "pidfile=DIR/dir"), "[supervisord] pidfile: ", "could not write pidfile"},
		{"a pidfile that cannot be made", onceReplaced("pidfile=DIR/supervisord.pid", "pidfile=/proc/nobody-can-write"), "[supervisord] pidfile: ", "could not write pidfile /proc/nobody-can-write: no such file or directory"},
		{"a FastCGI port in use", more("[fcgi-program:f]\nsocket=tcp://127.0.0.1:PORT\ncommand=/bin/cat\n"), "[fcgi-program:f] socket: ", "cannot listen at tcp://127.0.0.1:"},
		{"a FastCGI socket that is a file", more("[fcgi-program:f]\nsocket=unix://DIR/supervisord.conf\ncommand=/bin/cat\n"), "[fcgi-program:f] socket: ", "cannot listen at unix:///"},
		{"a FastCGI socket in a missing directory", more("[fcgi-program:f]\nsocket=unix://DIR/none/f.sock\ncommand=/bin/cat\n"), "[fcgi-program:f] socket: ", "cannot listen at unix:///"},
	}
}

// broken is the configuration with one program.
func (u unusable) broken(t *testing.T, port int) string {
	t.Helper()
	const program = "[program:a]\ncommand=/bin/cat\nstartsecs=0\n"
	conf := u.conf(baseConf + program)
	if conf == baseConf+program {
		t.Fatal("nothing was replaced")
	}
	return strings.NewReplacer("PORT", fmt.Sprint(port), "FREE", fmt.Sprint(testkit.FreePort(t))).Replace(conf)
}

// surroundings are what the values lead to.
func (in *instance) surroundings() {
	in.t.Helper()
	if err := errors.Join(
		os.Mkdir(filepath.Join(in.dir, "dir"), 0o755),
		os.WriteFile(filepath.Join(in.dir, "half.pem"), []byte("-----BEGIN CERTIFICATE-----\nMIIB"), 0o600),
	); err != nil {
		in.t.Fatal(err)
	}
}

// listing is what is in the instance's directory, but for logs that grow.
func (in *instance) listing() string {
	in.t.Helper()
	entries, err := os.ReadDir(in.dir)
	if err != nil {
		in.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func heldPort(t *testing.T) int {
	t.Helper()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	return taken.Addr().(*net.TCPAddr).Port
}

// What the next life needs is prepared before anything is stopped.
func TestAValueThatCannotBeUsedIsNoReasonToStop(t *testing.T) {
	port := heldPort(t)
	in := ready(t, baseConf+"[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	in.surroundings()
	in.launch()
	in.waitServing()
	in.waitState("a", "RUNNING")
	child, before := in.pid("a"), in.listing()
	const line = " ERRO cannot restart with the current configuration, so everything continues: "
	for _, u := range append(unusables(), onlyRestart()...) {
		t.Run(u.name, func(t *testing.T) {
			in.writeConf(u.broken(t, port))
			told := strings.Count(in.log(), line)
			in.signal(syscall.SIGHUP)
			testkit.Until(t, "the log says why not", func() bool { return strings.Count(in.log(), line) > told })
			if text := in.log()[strings.LastIndex(in.log(), line):]; !strings.Contains(text, in.conf+":") || !strings.Contains(text, u.key) {
				t.Errorf("the log says %q", text)
			}
			if fault := in.fault("supervisor.restart"); fault.Code != 92 || !strings.HasPrefix(fault.String, "CANT_REREAD: "+u.said) {
				t.Errorf("restart: %v", fault)
			}
			if in.pid("a") != child || in.state("a") != "RUNNING" {
				t.Error("the program was disturbed")
			}
			if now := in.listing(); now != before {
				t.Errorf("there is now %s, and was %s", now, before)
			}
		})
	}
	in.writeConf(baseConf + "[program:b]\ncommand=/bin/cat\nstartsecs=0\n")
	in.signal(syscall.SIGHUP)
	testkit.Until(t, "a mended configuration is used", func() bool {
		_, err := in.call("supervisor.getProcessInfo", "b")
		return err == nil
	})
}

// A first start that cannot be says all that is in its way, each with its place, and leaves nothing.
func TestAFirstStartTellsAllThatIsInItsWay(t *testing.T) {
	port := heldPort(t)
	conf := baseConf + "[program:a]\ncommand=/bin/cat\n"
	var keys []string
	for _, u := range unusables() {
		switch u.name {
		case "a port in use", "another machine's address", "a socket that is a directory", "a log that is a directory", "an identifier with a slash":
			u.conf = asOneOfSeveral(u)
			conf = u.conf(conf)
			keys = append(keys, u.key)
		}
	}
	in := ready(t, strings.ReplaceAll(conf, "PORT", fmt.Sprint(port)))
	in.surroundings()
	before := in.listing()
	out, status := in.daemonize()
	if status != 2 || !strings.HasPrefix(out, "Error: cannot open log file") {
		t.Errorf("status %d, output %q", status, out)
	}
	for _, key := range keys {
		key = strings.Replace(key, "[inet_http_server]", "[inet_http_server", 1)
		if !strings.Contains(out, in.conf+":") || !strings.Contains(out, strings.TrimSuffix(key, " port: ")) {
			t.Errorf("it does not name %q: %s", key, out)
		}
	}
	if now := in.listing(); now != before {
		t.Errorf("there is now %s, and was %s", now, before)
	}
	for _, u := range unusables() {
		t.Run(u.name, func(t *testing.T) {
			alone := ready(t, u.broken(t, port))
			alone.surroundings()
			before := alone.listing()
			out, status := alone.daemonize()
			if at := strings.Index(out, "Error: "); at > 0 {
				out = out[at:] // the log goes there, too
			}
			if status != 2 || !strings.HasPrefix(out, "Error: "+u.said) || !strings.Contains(out, u.key) {
				t.Errorf("status %d, output %q", status, out)
			}
			if now := strings.Replace(alone.listing(), " supervisord.log", "", 1); now != before {
				t.Errorf("there is now %s, and was %s", now, before)
			}
		})
	}
}

// asOneOfSeveral gives a second inet server a section of its own.
func asOneOfSeveral(u unusable) func(string) string {
	return func(base string) string {
		conf := u.conf(base)
		if u.name == "another machine's address" {
			conf = strings.Replace(conf, "[inet_http_server]\nport=192", "[inet_http_server:far]\nport=192", 1)
		}
		return conf
	}
}

// Only what happens between the check and the start can still fail, and then the last good configuration goes on.
func TestARestartThatFailsAllTheSameGoesOnWithTheLastGoodConfiguration(t *testing.T) {
	port := testkit.FreePort(t)
	conf := func(host, more string) string {
		return baseConf + fmt.Sprintf("[inet_http_server]\nport=%s:%d\n", host, port) + more + `
[program:slow]
command=/bin/sh -c "trap 'while [ ! -e DIR/go ]; do sleep 0.02; done; exit' TERM; echo up; while :; do sleep 0.02; done"
stdout_logfile=DIR/slow.log
stopwaitsecs=1000
startsecs=0
`
	}
	in := run(t, conf("127.0.0.1", ""))
	in.waitFile("slow.log", "up\n")
	// On all addresses only when our own socket is out of the way.
	in.writeConf(conf("*", "[program:new]\ncommand=/bin/cat\nstartsecs=0\n"))
	in.must("supervisor.restart")
	in.waitLog("waiting for slow to die")
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // only held
	in.script("go", "")
	in.waitLog("CRIT cannot start again, so the last good configuration is used: Another program is already listening on a port")
	in.waitServing()
	in.waitState("slow", "RUNNING")
	if fault := in.fault("supervisor.getProcessInfo", "new"); fault.Code != 10 {
		t.Errorf("the new program: %v", fault)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = taken.Close()
	in.signal(syscall.SIGHUP)
	testkit.Until(t, "the new configuration is used once it can be", func() bool {
		_, err := in.call("supervisor.getProcessInfo", "new")
		return err == nil
	})
}

// When not even the last good configuration can be used any more, whatever can first is; and a signal ends the waiting.
func TestADaemonThatCannotStartAgainGoesOnTrying(t *testing.T) {
	dir := testkit.Dir(t)
	file := filepath.Join(dir, "supervisord.conf")
	text := strings.ReplaceAll(baseConf+"[program:a]\ncommand=/bin/cat\n", "DIR", dir)
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	d := &daemon{given: &cmdline.Given{}, program: "supervisord", path: file, dir: dir, turns: disk.NewTurns(), sockets: rpc.NewSockets(nil)}
	conf, err := d.load(file)
	if err != nil {
		t.Fatal(err)
	}
	conf.Supervisord.ChildLogDir = "/proc" // as if it had become so
	d.conf = conf
	write("[nonsense\n")
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	if p := d.comeBack(signals, errors.New("a test")); p != nil {
		p.discard()
		t.Fatal("there are provisions though nothing can be used")
	}
	back := make(chan *provisions)
	go func() { back <- d.comeBack(signals, errors.New("a test")) }()
	write(text)
	p := <-back
	if p == nil {
		t.Fatal("the mended file is not used")
	}
	if p.conf.Supervisord.ChildLogDir != dir {
		t.Errorf("it is not the file that is used: %q", p.conf.Supervisord.ChildLogDir)
	}
	p.discard()
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	d.conf = conf
	conf.Supervisord.ChildLogDir = dir
	write("[nonsense\n")
	if p = d.comeBack(signals, errors.New("a test")); p == nil || !strings.Contains(p.conf.Criticals[len(p.conf.Criticals)-1], "so the last good configuration is used: a test") {
		t.Errorf("the last good configuration: %v", p)
	}
	p.discard()
	if n := len(conf.Criticals); n > 0 && strings.Contains(conf.Criticals[n-1], "last good") {
		t.Error("the last good configuration was written to")
	}
}

// Who calls while the daemon starts again is answered when it has.
func TestTheSocketsStayBoundOverARestart(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	in := run(t, "[inet_http_server]\nport="+address+"\n[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	in.waitState("a", "RUNNING")
	inode := func() uint64 {
		info, err := os.Lstat(in.sock)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	before := inode()
	for range 15 {
		in.must("supervisor.restart")
		// At once: who connects now is answered by the next life.
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		// A connection of before may still be answered by the life that ends, as in Supervisor; none is refused.
		testkit.Until(t, "the next life answers", func() bool {
			got, err := in.call("supervisor.getState")
			if err != nil && !strings.Contains(err.Error(), "SHUTDOWN_STATE") {
				t.Fatal(err)
			}
			return err == nil && strings.Contains(fmt.Sprint(got), "RUNNING")
		})
	}
	if now := inode(); now != before {
		t.Errorf("the socket was made again: %d, was %d", now, before)
	}
	if out, _ := in.ctl("reload"); out != "Restarted supervisord\n" {
		t.Errorf("reload: %q", out)
	}
	if out, status := in.ctl("status"); !strings.HasPrefix(out, "a  ") || status > 3 {
		t.Errorf("status just after it: %d, %q", status, out)
	}
}

// What a restart had prepared when the daemon was killed is removed by the next start.
func TestADaemonThatIsKilledInARestartLeavesNothingForGood(t *testing.T) {
	conf := baseConf + "[program:stays]\ncommand=/bin/sh -c \"trap '' TERM; echo up; read end\"\nstdout_logfile=DIR/stays.log\nstopwaitsecs=1000\nstartsecs=0\n"
	in := run(t, conf)
	in.waitFile("stays.log", "up\n")
	temporary := func() (all []string) {
		for name := range strings.FieldsSeq(in.listing()) {
			if strings.HasPrefix(name, ".") {
				all = append(all, name)
			}
		}
		return all
	}
	in.writeConf(strings.Replace(conf, "file=DIR/s.sock", "file=DIR/s.sock\nchmod=0770", 1) + "[fcgi-program:f]\nsocket=unix://DIR/f.sock\ncommand=/bin/cat\n")
	in.must("supervisor.restart")
	in.waitLog("waiting for stays to die")
	if left := temporary(); len(left) < 3 {
		t.Errorf("a restart has prepared %q", left)
	}
	in.signal(syscall.SIGKILL)
	<-in.exited
	if left := temporary(); len(left) < 3 {
		t.Errorf("what was killed has left %q", left)
	}
	next := in.again()
	next.writeConf(baseConf + "[fcgi-program:f]\nsocket=unix://DIR/f.sock\ncommand=/bin/sleep 1000\n")
	next.launch()
	next.waitServing()
	next.waitState("f:f", "RUNNING")
	if left := temporary(); len(left) > 0 {
		t.Errorf("the next start has left %q", left)
	}
}
