package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A section whose name is a slip has no effect, so who starts a daemon learns of it, and who reads the file again does; each in the activity log as well.
func TestAStartAndARereadTellMisnamedSections(t *testing.T) {
	conf := inBackground() + "[program:a]\ncommand=/bin/cat\nstartsecs=0\n[notifer:x]\nplugin=webhook\n"
	in := prepare(t, hark(t), conf)
	output, status := in.daemonize()
	if status != 0 || !strings.HasPrefix(output, "supervisord: warning: "+in.conf+":") || !strings.HasSuffix(output, ": [notifer:x] unknown section, ignored; did you mean [notifier:x]?\n") {
		t.Errorf("status %d: %s", status, output)
	}
	in.waitState("a", "RUNNING")
	in.waitLog("[notifer:x] unknown section, ignored")
	in.writeConf(conf + "[progam:b]\ncommand=/bin/cat\n[program:c]\ncommand=/bin/cat\nautosart=no\n")
	if got, status := in.ctl("reread"); status != 0 || !strings.Contains(got, "c: available\n") {
		t.Errorf("status %d: %s", status, got)
	}
	in.must("supervisor.reloadConfig")
	for _, text := range []string{"[notifer:x] unknown section", "[progam:b] unknown section, ignored; did you mean [program:b]?", "[program:c] autosart"} {
		if n := strings.Count(in.log(), text); n != 1 {
			t.Errorf("%q is in the log %d times", text, n)
		}
	}
}

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
