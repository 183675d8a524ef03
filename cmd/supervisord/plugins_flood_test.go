package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/testplugins/flooder"
)

// A RUNNING plugin that floods its connection is killed and told of, its failure counted; supervisord is at rest then, its programs as before, and the
// plugin is there again after its time.
func TestAFloodOfFramesLeavesTheDaemonAtRest(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in := run(t, fmt.Sprintf("[plugin:faulty]\ncommand=%s %s\n[rpcinterface:faulty]\nplugin=faulty\n[program:a]\ncommand=/bin/cat\nstartsecs=0\n", self, flooder.Verb))
	answers := func() bool {
		got, err := in.call("faulty.echo", "x")
		return err == nil && got == "x"
	}
	testkit.Until(t, "the plugin answers", answers)
	program := in.member("a", "pid")
	_, _ = in.call("faulty.flood", "ping") // the plugin may be dead before it has answered
	in.waitLog("HTTP/2 frames without data in 1 s")
	testkit.Until(t, "the failure is counted", func() bool {
		trouble, _ := in.plugin("trouble").(string)
		return in.plugin("failures") == 1 && (strings.HasPrefix(trouble, "killed: ") || in.plugin("statename") != "BACKOFF")
	})
	testkit.Until(t, "the plugin answers again", answers)
	ticks := func() (n int) {
		stat := procStat(t, in.cmd.Process.Pid)
		for _, field := range []int{11, 12} { // utime and stime, in 1/100 s
			v, err := strconv.Atoi(stat[field])
			if err != nil {
				t.Fatal(err)
			}
			n += v
		}
		return n
	}
	testkit.Until(t, "supervisord is at rest", func() bool {
		before := ticks()
		time.Sleep(200 * time.Millisecond)
		return ticks()-before <= 2
	})
	if got := in.member("a", "pid"); got != program {
		t.Errorf("the program's pid is %v, was %v", got, program)
	}
	if got := in.plugin("restarts"); got != 1 {
		t.Errorf("%v restarts", got)
	}
}
