package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Who starts a daemon in the background learns at once which sections are not served, with the name that was meant; everything else runs.
func TestAStartSaysWhatIsNotServed(t *testing.T) {
	in := prepare(t, hark(t), inBackground()+"[program:a]\ncommand=/bin/cat\nstartsecs=0\n[notifier:a]\nplugin=shoutr\nevents=PROCESS_STATE_FATAL\n"+
		faultyConf(t, "", "none")+"colour=red\ntoken_file=/nonexistent/token\n")
	in.cmd.Args[slices.Index(in.cmd.Args, in.conf)] = filepath.Base(in.conf) // it is said with its whole name
	output, status := in.daemonize()
	if status != 0 {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{
		`[notifier:a] plugin: plugin "shoutr" not found in `, "; did you mean shoutrrr?\n",
		"[rpcinterface:faulty] colour: no such key", "[rpcinterface:faulty] token_file: the file is not there",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in %s", want, output)
		}
	}
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "supervisord: not served: "+in.conf+":") {
			t.Errorf("line %q", line)
		}
	}
	in.waitState("a", "RUNNING")
}
