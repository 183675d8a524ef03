package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// stubbornConf is a program that TERM does not end, so that a shutdown takes its time.
const stubbornConf = `
[program:stubborn]
command=/bin/sh -c "trap '' TERM; echo set; while :; do sleep 0.1; done"
stopwaitsecs=1
startsecs=0
`

// A group of many processes whose logs have to be made is added while TERM, or HUP, begins: in whatever moment, nothing of it outlives the
// daemon, and after a restart each runs once.
func TestAGroupIsAddedWhileTheDaemonEndsOrRestarts(t *testing.T) {
	const count = 200
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		for i, after := range []time.Duration{5, 12, 2, 8, 19}[:min(5, soak(40))] {
			t.Run(fmt.Sprintf("%v after %d ms", sig, after), func(t *testing.T) {
				long := fmt.Sprintf("9%d.%d%d", 10000+count, sig, i)
				web := fmt.Sprintf("[program:web]\ncommand=/bin/sleep %s\nnumprocs=%d\nprocess_name=%%(process_num)d\nstartsecs=0\n", long, count)
				in := run(t, stubbornConf, "-e", "info", "-s")
				t.Cleanup(func() {
					for _, pid := range sleepers(long) {
						_ = syscall.Kill(pid, syscall.SIGKILL)
					}
				})
				testkit.Until(t, "the trap is set", func() bool { return strings.Contains(in.said("stubborn"), "set") })
				in.writeConf(baseConf + stubbornConf + web)
				in.must("supervisor.reloadConfig")
				answer := make(chan error, 1)
				go func() {
					_, err := in.call("supervisor.addProcessGroup", "web")
					answer <- err
				}()
				<-time.After(after * time.Millisecond) // wherever the call is then
				in.signal(sig)
				if err := <-answer; err != nil {
					t.Logf("answered %v", err) // refused, or cut off
				}
				if sig == syscall.SIGTERM {
					if status := in.ended(); status != 0 {
						t.Errorf("status %d", status)
					}
					if left := len(sleepers(long)); left > 0 {
						t.Errorf("%d processes are left", left)
					}
					return
				}
				testkit.Until(t, "it has restarted", func() bool { return strings.Count(in.log(), " supervisord started with pid ") == 2 })
				in.waitServing()
				testkit.Until(t, "all run", func() bool {
					for _, p := range in.must("supervisor.getAllProcessInfo").([]any) {
						if state, _ := p.(xmlrpc.Struct).Get("statename"); state != "RUNNING" {
							return false
						}
					}
					return true
				})
				if n := len(sleepers(long)); n != count {
					t.Errorf("%d processes run, not %d", n, count)
				}
			})
		}
	}
}

// said is what a process has written to its standard output, according to its log.
func (in *instance) said(name string) string {
	in.t.Helper()
	text, err := in.call("supervisor.readProcessStdoutLog", name, 0, 0)
	if err != nil {
		return ""
	}
	return text.(string)
}

// A client that is in the middle of a request has its time to end it, beside the programs' next life.
func TestAClientThatDoesNotReadDelaysNoRestart(t *testing.T) {
	in := run(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	in.waitState("cat", "RUNNING")
	client, err := net.Dial("unix", in.sock)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // only a test's
	if _, err := io.WriteString(client, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<"); err != nil {
		t.Fatal(err)
	}
	in.must("supervisor.getState") // accepted later
	in.signal(syscall.SIGHUP)
	in.waitLog("WARN cut off clients that were still being answered: ")
	in.waitServing()
	in.waitState("cat", "RUNNING")
	inOrder(t, in.log(), "WARN stopped: cat", "INFO spawned: 'cat'", "WARN cut off clients")
}
