package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// fcgiServer answers each connection on its standard input with its pid, then ends
// when it is told to.
const fcgiServer = `#!/usr/bin/python3
import os, socket, sys
listening = socket.socket(fileno=0)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"%d %d\n" % (os.getpid(), listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)))
    if connection.recv(100) == b"end":
        os._exit(0)
    connection.close()
`

// visit connects to a FastCGI socket and gives the pid that answers.
func visit(t testing.TB, network, address, say string) int {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // read to its end
	if err := conn.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, listens, _ := strings.Cut(strings.TrimSpace(line), " ")
	if listens != "1" {
		t.Errorf("standard input does not listen: %q", line)
	}
	_, _ = conn.Write([]byte(say))
	n, _ := strconv.Atoi(pid)
	return n
}

func TestFastCGIProgramsShareASocketThatOutlivesThem(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp := free.Addr().String()
	_ = free.Close()
	for _, tc := range []struct{ name, network, address, url, conf string }{
		{"unix", "unix", "DIR/f.sock", "unix://DIR/f.sock", "socket_mode=0750\nsocket_backlog=7\n"},
		{"tcp", "tcp", tcp, "tcp://" + tcp, "socket_backlog=7\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.network == "unix" && isRoot(t) {
				tc.conf += "socket_owner=nobody:nogroup\n"
			}
			in := ready(t, baseConf+`
[fcgi-program:f]
socket=`+tc.url+`
command=DIR/server
process_name=f%(process_num)d
numprocs=2
startsecs=0
stopsignal=KILL
autorestart=true
`+tc.conf)
			in.script("server", fcgiServer)
			in.launch()
			in.waitServing()
			address := strings.ReplaceAll(tc.address, "DIR", in.dir)
			url := strings.ReplaceAll(tc.url, "DIR", in.dir)
			in.waitState("f:f0", "RUNNING")
			in.waitState("f:f1", "RUNNING")
			first := visit(t, tc.network, address, "")
			if first != in.pid("f:f0") && first != in.pid("f:f1") {
				t.Errorf("pid %d answered", first)
			}
			if tc.network == "unix" {
				info, err := os.Stat(address)
				if err != nil {
					t.Fatal(err)
				}
				if info.Mode().Perm() != 0o750 {
					t.Errorf("the socket's mode is %v", info.Mode())
				}
				if uid := info.Sys().(*syscall.Stat_t).Uid; os.Getuid() == 0 && uid != 65534 {
					t.Errorf("the socket's owner is %d", uid)
				}
			}
			// One ends by itself, the other is stopped: neither takes the socket along.
			ended := visit(t, tc.network, address, "end")
			testkit.Until(t, "it has been replaced", func() bool {
				a, b := in.pid("f:f0"), in.pid("f:f1")
				return a != 0 && b != 0 && a != ended && b != ended
			})
			in.must("supervisor.stopProcess", "f:f0")
			if answered := visit(t, tc.network, address, ""); answered != in.pid("f:f1") {
				t.Errorf("pid %d answered, f1 is %d", answered, in.pid("f:f1"))
			}
			in.must("supervisor.startProcess", "f:f0")
			if n := strings.Count(in.log(), "INFO Creating socket "+url+"\n"); n != 1 {
				t.Errorf("the socket was created %d times", n)
			}
			if strings.Contains(in.log(), "Closing socket") {
				t.Error("the socket was closed")
			}
			// A connection made while nobody accepts waits for the next program.
			in.must("supervisor.signalProcess", "f:f0", "STOP")
			in.must("supervisor.signalProcess", "f:f1", "STOP")
			testkit.Until(t, "both are stopped", func() bool {
				return strings.HasPrefix(procStatus(in.pid("f:f0"), "State"), "T") && strings.HasPrefix(procStatus(in.pid("f:f1"), "State"), "T")
			})
			waits, err := net.Dial(tc.network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer waits.Close() //nolint:errcheck // read to its end
			if err := waits.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
				t.Fatal(err)
			}
			in.must("supervisor.stopProcess", "f:f0")
			in.must("supervisor.startProcess", "f:f0")
			line, err := bufio.NewReader(waits).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, fmt.Sprint(in.pid("f:f0"))+" ") {
				t.Errorf("whoever waited got %q, %v", line, err)
			}
			in.must("supervisor.stopProcessGroup", "f")
			in.waitLog("INFO Closing socket " + url + "\n")
			if conn, err := net.Dial(tc.network, address); err == nil {
				_ = conn.Close()
				t.Error("somebody still listens")
			}
			in.must("supervisor.startProcessGroup", "f")
			visit(t, tc.network, address, "")
			if n := strings.Count(in.log(), "INFO Creating socket "+url+"\n"); n != 2 {
				t.Errorf("the socket was created %d times", n)
			}
		})
	}
}

// Who connects while a restart is under way is answered by the program of the next life; a section that goes takes its socket along.
func TestAFastCGISocketStaysOpenOverARestart(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			address, url := "DIR/f.sock", "unix://DIR/f.sock"
			if network == "tcp" {
				address = fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
				url = "tcp://" + address
			}
			conf := func(section string) string {
				return baseConf + section + `
[program:slow]
command=/bin/sh -c "trap 'while [ ! -e DIR/go ]; do sleep 0.02; done; exit' TERM; echo up; while :; do sleep 0.02; done"
stdout_logfile=DIR/slow.log
stopwaitsecs=1000
startsecs=0
priority=1
`
			}
			web := "[fcgi-program:f]\nsocket=" + url + "\ncommand=DIR/server\nstartsecs=0\nstopsignal=KILL\n"
			in := ready(t, conf(web))
			in.script("server", fcgiServer)
			in.launch()
			in.waitServing()
			address, url = strings.ReplaceAll(address, "DIR", in.dir), strings.ReplaceAll(url, "DIR", in.dir)
			in.waitFile("slow.log", "up\n")
			first := visit(t, network, address, "")
			in.must("supervisor.restart")
			in.waitLog("waiting for slow to die")
			waits, err := net.Dial(network, address) // the first program is dead, and the next not there yet
			if err != nil {
				t.Fatal(err)
			}
			defer waits.Close() //nolint:errcheck // read to its end
			if err := waits.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
				t.Fatal(err)
			}
			in.script("go", "")
			line, err := bufio.NewReader(waits).ReadString('\n')
			if second := strings.Fields(line + " none")[0]; err != nil || second == strconv.Itoa(first) {
				t.Errorf("whoever waited got %q, %v", line, err)
			}
			if n := strings.Count(in.log(), "INFO Creating socket "+url+"\n"); n != 1 || strings.Contains(in.log(), "Closing socket") {
				t.Errorf("the socket was created %d times, or closed:\n%s", n, in.log())
			}
			in.writeConf(conf(""))
			in.must("supervisor.restart")
			in.waitLog("INFO Closing socket " + url + "\n")
			testkit.Until(t, "nobody listens there", func() bool {
				conn, err := net.Dial(network, address)
				if err == nil {
					_ = conn.Close()
				}
				return err != nil
			})
		})
	}
}

func TestAFastCGISocketThatCannotBeMadeIsASpawnThatFails(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close() //nolint:errcheck // only held
	in := ready(t, baseConf+fmt.Sprintf(`
[fcgi-program:taken]
socket=tcp://%s
command=/bin/cat
startretries=0
[fcgi-program:file]
socket=unix://DIR/file
command=/bin/cat
startretries=0
[fcgi-program:missing]
socket=unix://DIR/m.sock
command=/no/such/program
startretries=0
[fcgi-program:quick]
socket=unix://DIR/q.sock
command=/bin/false
startretries=1
`, held.Addr()))
	in.script("file", "precious")
	in.launch()
	in.waitServing()
	for _, name := range []string{"taken", "file", "missing", "quick"} {
		in.waitState(name+":"+name, "FATAL")
	}
	if want := fmt.Sprintf("cannot listen at tcp://%s for 'taken': EADDRINUSE (address already in use)", held.Addr()); !strings.Contains(in.log(), want) {
		t.Errorf("the log has no %q:\n%s", want, in.log())
	}
	if in.file("file") != "precious" {
		t.Error("the file in the socket's way was removed")
	}
	pid := in.cmd.Process.Pid
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		target, _ := os.Readlink(link)
		if inode, ok := strings.CutPrefix(target, "socket:["); ok && strings.Contains(listening(t), " "+strings.TrimSuffix(inode, "]")+" "+in.dir+"/q.sock") {
			t.Error("the socket of a group that failed is still open")
		}
	}
	inOrder(t, in.log(), "INFO Creating socket unix://"+in.dir+"/q.sock\n", "INFO Closing socket unix://"+in.dir+"/q.sock\n", "INFO gave up: quick entered FATAL state")
}

func listening(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
