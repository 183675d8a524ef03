package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// The tests of clients that take all they can get, against a real daemon.

// inetSection is a TCP server with an owner's password and one for those who only read.
func inetSection(address string) string {
	return fmt.Sprintf("[inet_http_server]\nport=%s\nusername=owner\npassword=o\nread_only_username=reader\nread_only_password=r\n", address)
}

// attackedConf is what takes a daemon much memory to answer about: a big log, which bigLog makes, and many processes.
const attackedConf = `[program:big]
command=/bin/cat
autostart=false
stdout_logfile=DIR/big.log
stdout_logfile_maxbytes=0
[program:idle]
command=/bin/cat
numprocs=200
process_name=%(program_name)s_%(process_num)d
autostart=false
`

// bigLog writes the log of the program big.
func bigLog(t testing.TB, dir string, size int) {
	t.Helper()
	line := []byte("0123456789 <&> and so on, as logs are\n")
	if err := os.WriteFile(filepath.Join(dir, "big.log"), bytes.Repeat(line, size/len(line)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// besiege keeps so many connections to an address open, each of which sends a text and makes room for the next when it is closed, until
// the function returned is called.
func besiege(t testing.TB, address string, clients int, send string) (end func()) {
	t.Helper()
	stop := make(chan struct{})
	var all, there sync.WaitGroup
	for range clients {
		there.Add(1)
		all.Go(func() {
			arrived := sync.OnceFunc(there.Done)
			defer arrived()
			for {
				c, err := net.DialTimeout("tcp", address, 5*time.Second)
				if err == nil {
					_ = c.SetDeadline(time.Now().Add(testkit.Patience))
					_, _ = c.Write([]byte(send))
					arrived()
					closed := make(chan struct{})
					go func() {
						defer close(closed)
						_, _ = c.Read(make([]byte, 1))
					}()
					select {
					case <-closed:
					case <-stop:
					}
					_ = c.Close()
					<-closed
				}
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
	there.Wait()
	return func() {
		close(stop)
		all.Wait()
	}
}

// Connections without a password, as many as there are descriptors, keep no program from being started.
func TestConnectionsLeaveDescriptorsForPrograms(t *testing.T) {
	address := freeAddress(t)
	in := prepare(t, hark(t), baseConf+inetSection(address)+`
[program:again]
command=/bin/sh -c "sleep 0.05"
startsecs=0
startretries=1000
autorestart=true
[program:still]
command=/bin/sleep 1000
autostart=false
startsecs=0
startretries=0
[group:many]
programs=a,b,c
[program:a]
command=/bin/cat
numprocs=50
process_name=%(program_name)s%(process_num)d
autostart=false
startretries=0
[program:b]
command=/bin/cat
[program:c]
command=/bin/cat
`)
	in.cmd.Args = append([]string{"/bin/sh", "-c", `ulimit -n 1024; exec "$0" "$@"`}, in.cmd.Args...)
	in.cmd.Path = "/bin/sh"
	in.launch()
	in.waitServing()
	end := besiege(t, address, 1100, "")
	defer end()
	for range 5 {
		if v, err := in.call("supervisor.startProcess", "still"); err != nil || v != true {
			t.Fatalf("cannot start a program: %v, %v", v, err)
		}
		in.must("supervisor.stopProcess", "still")
	}
	in.must("supervisor.startProcessGroup", "many", true)
	before := strings.Count(in.log(), "spawned: 'again'")
	testkit.Until(t, "a program is restarted again and again", func() bool { return strings.Count(in.log(), "spawned: 'again'") > before+5 })
	for _, name := range []string{"many:a0", "many:a49", "many:b", "many:c"} {
		if state := in.state(name); state != "RUNNING" {
			t.Errorf("%s is %s", name, state)
		}
	}
	if log := in.log(); strings.Contains(log, "FATAL") || strings.Contains(log, "spawnerr") {
		t.Errorf("log: %s", tailOf(log, 3000))
	}
}

// Where the programs have nearly all descriptors, connections that say nothing give up theirs to a start, and the owner keeps his.
func TestSilentConnectionsGiveTheirDescriptorsToAStart(t *testing.T) {
	address := freeAddress(t)
	in := prepare(t, hark(t), strings.Replace(baseConf, "nodaemon=true\n", "nodaemon=true\nminfds=200\n", 1)+inetSection(address)+`
[program:many]
command=/bin/cat
process_name=%(program_name)s%(process_num)d
numprocs=41
startsecs=0
[program:again]
command=/bin/sh -c "sleep 0.05"
startsecs=0
autorestart=true
[program:still]
command=/bin/sleep 1000
autostart=false
startsecs=0
`)
	in.cmd.Args = append([]string{"/bin/sh", "-c", `ulimit -n 256; exec "$0" "$@"`}, in.cmd.Args...)
	in.cmd.Path = "/bin/sh"
	in.launch()
	in.waitServing()
	in.waitState("many:many40", "RUNNING")
	kept := newWay("kept", "http://localhost/RPC2", "tcp", address, true)
	defer kept.client.CloseIdleConnections()
	must := func(method string, args ...any) {
		t.Helper()
		if _, err := kept.call(method, args...); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
	}
	must("supervisor.getState")
	end := besiege(t, address, 500, "")
	defer end()
	for range 10 {
		must("supervisor.startProcess", "still")
		must("supervisor.stopProcess", "still")
	}
	before := strings.Count(in.log(), "spawned: 'again'")
	testkit.Until(t, "a program is restarted again and again", func() bool { return strings.Count(in.log(), "spawned: 'again'") > before+5 })
	if n := kept.dialed.Load(); n != 1 {
		t.Errorf("the owner had to connect %d times", n)
	}
	if log := in.log(); strings.Contains(log, "FATAL") || strings.Contains(log, "spawnerr") {
		t.Errorf("log: %s", tailOf(log, 3000))
	}
}

// descriptors is how many the daemon has open.
func (in *instance) descriptors() int {
	in.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", in.cmd.Process.Pid))
	if err != nil {
		in.t.Fatal(err)
	}
	return len(entries)
}

// rawCall is the bytes of a call.
func rawCall(t testing.TB, user, password, method string, args ...any) string {
	t.Helper()
	body, err := xmlrpc.AppendCall(nil, method, args...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, "http://localhost/RPC2", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	var raw bytes.Buffer
	if err := r.Write(&raw); err != nil {
		t.Fatal(err)
	}
	return raw.String()
}

// Whoever waits for a process and goes away leaves nothing behind.
func TestWaitsEndWithTheirClients(t *testing.T) {
	address := freeAddress(t)
	in := start(t, hark(t), inetSection(address)+"[program:never]\ncommand=/bin/cat\nautostart=false\n")
	ctl := supervisorctl(t)
	before := in.descriptors()
	settled := func(what string) {
		t.Helper()
		testkit.Until(t, what+" have left nothing behind", func() bool { return in.descriptors() <= before })
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			args := []string{"1", ctl, "-c", in.conf, "wait", "never"}
			if i%2 == 0 {
				args = []string{"1", ctl, "-s", "http://" + address, "-u", "reader", "-p", "r", "wait", "never"}
			}
			if out, err := exec.Command("timeout", args...).CombinedOutput(); err == nil || len(out) > 0 {
				t.Errorf("supervisorctl wait: %v, %s", err, out)
			}
		})
	}
	all.Wait()
	settled("twenty supervisorctl wait")
	for network, to := range map[string]string{"unix": in.sock, "tcp": address} {
		wait := rawCall(t, "reader", "r", "hark.waitProcesses", []any{"never"}, []any{"RUNNING"}, 3600)
		for range 1100 {
			c, err := net.Dial(network, to)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte(wait))
			_ = c.Close()
		}
		in.must("supervisor.getState")
		settled("1,100 waits over " + network)
	}
}
