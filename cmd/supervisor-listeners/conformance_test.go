package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// Each listener keeps every rule of PROTOCOL.md, section 11, with faults. None of its
// mails can be sent here, which may make it reject events, and nothing worse.
func TestEveryListenerKeepsTheProtocol(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	daemon := daemontest.Start(t, "") // for those that call back
	kit := filepath.Join(dir, "kit")
	if out, err := exec.Command("go", "build", "-o", kit, "../supervisor-listener-test").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	type result struct {
		out []byte
		err error
	}
	results := map[string]chan result{}
	for command, events := range map[string]string{
		"memmon -a 1GB":                                  "TICK_60",
		"httpok -t 1 http://127.0.0.1:1/":                "TICK_60",
		"crashmail -a -m me@x -s /bin/true":              "PROCESS_STATE_EXITED",
		"crashmailbatch -t me@x -f you@x -H 127.0.0.1:1": "PROCESS_STATE_EXITED,TICK_60",
		"fatalmailbatch -t me@x -f you@x -H 127.0.0.1:1": "PROCESS_STATE_FATAL,TICK_60",
		"crashsms -t me@x -f you@x -H 127.0.0.1:1":       "PROCESS_STATE_EXITED,TICK_60",
		"eventlog " + dir + "/events":                    "EVENT,HARK",
		"exec /bin/cat":                                  "EVENT,HARK",
		"fatal-exit -p nobody":                           "PROCESS_STATE_FATAL",
	} {
		done := make(chan result, 1)
		results[command] = done
		go func() {
			args := append([]string{"--faults", "--count", "20", "--events", events, "--env", "HARK_TEST_ROLE=listeners", "--env", "SUPERVISOR_SERVER_URL=" + daemon.ServerURL, "--", self}, strings.Fields(command)...)
			out, err := exec.Command(kit, args...).CombinedOutput()
			done <- result{out, err}
		}()
	}
	// nats-bridge is no listener but has one.
	if len(results) != len(programs())-1 {
		t.Errorf("%d listeners of %d are tried", len(results), len(programs())-1)
	}
	for command, done := range results {
		t.Run(command, func(t *testing.T) {
			if r := <-done; r.err != nil || strings.Contains(string(r.out), "\nwarn ") {
				t.Errorf("%v\n%s", r.err, r.out)
			}
		})
	}
}
