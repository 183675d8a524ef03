package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestAShutdownMayTellTheExitStatus(t *testing.T) {
	for _, status := range []int{0, 7, 255} {
		in := start(t, hark(t), "[program:p]\ncommand=/bin/cat\nstartsecs=0\n")
		for _, bad := range []any{-1, 256, "1"} {
			if _, err := in.call("hark.shutdown", bad); err == nil {
				t.Errorf("status %v is accepted", bad)
			}
		}
		in.waitState("p", "RUNNING")
		in.must("hark.shutdown", status)
		if got := in.ended(); got != status {
			t.Errorf("exit status %d, want %d", got, status)
		}
		if !strings.Contains(in.log(), "stopped: p (") {
			t.Errorf("p was not stopped:\n%s", in.log())
		}
	}
}

func TestARestartForgetsNoExitStatusOfALaterShutdown(t *testing.T) {
	in := start(t, hark(t), "")
	in.must("supervisor.restart")
	testkit.Until(t, "it serves again", func() bool {
		_, err := in.call("hark.shutdown", 9)
		return err == nil
	})
	if got := in.ended(); got != 9 {
		t.Errorf("exit status %d", got)
	}
}

// docker run exits with what its first process exits with.
func TestTheFirstProcessOfAContainerTellsTheExitStatusToo(t *testing.T) {
	in := ready(t, baseConf)
	in.inNamespace(syscall.CLONE_NEWPID, "mount -t proc proc /proc")
	in.launch()
	in.waitServing()
	if got := in.must("supervisor.getPID"); got != 1 {
		t.Fatalf("it is process %v", got)
	}
	in.must("hark.shutdown", 3)
	if got := in.ended(); got != 3 {
		t.Errorf("exit status %d", got)
	}
}
