package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lineOf is the place of a line of the configuration, as messages have it.
func (in *instance) lineOf(line string) string {
	in.t.Helper()
	text, err := os.ReadFile(in.conf)
	if err != nil {
		in.t.Fatal(err)
	}
	before, _, ok := strings.Cut("\n"+string(text), "\n"+line+"\n")
	if !ok {
		in.t.Fatalf("no line %q", line)
	}
	return fmt.Sprintf("%s:%d", in.conf, strings.Count(before, "\n")+1)
}

func TestAWrongKeyOfAPluginStopsReread(t *testing.T) {
	const program = "[program:a]\ncommand=/bin/cat\nstartsecs=0\n"
	good := faultyConf(t, "", "none") + "token_file=/nowhere/secret\n" // what is in files is not reread's
	in := run(t, good)
	in.writeConf(baseConf + good + "txt=s3cr3t\nhang=s3cr3t\n[notifier:ops]\nplugin=faulty\nevents=TICK_60\n" + program)
	wrong := []string{
		in.lineOf("hang=s3cr3t") + ": [rpcinterface:faulty] hang: must be ",
		in.lineOf("txt=s3cr3t") + ": [rpcinterface:faulty] txt: no such key; is text meant?",
		in.lineOf("[notifier:ops]") + `: [notifier:ops] plugin: plugin "faulty" is not a notifier`,
	}
	got, status := in.ctl("reread")
	if status == 0 || !strings.HasPrefix(got, "ERROR: CANT_REREAD: "+wrong[0]) {
		t.Errorf("reread: status %d\n%s", status, got)
	}
	for _, method := range []string{"supervisor.reloadConfig", "supervisor.restart"} {
		if f := in.fault(method); f.Code != 92 || !strings.HasPrefix(f.String, "CANT_REREAD: "+wrong[0]) || strings.Contains(f.String, "s3cr3t") {
			t.Errorf("%s: %+v", method, f)
		}
	}
	log := in.log()
	for _, line := range wrong {
		if !strings.Contains(log, line) {
			t.Errorf("the log has no %q:\n%s", line, log)
		}
	}
	if strings.Contains(log, "s3cr3t") {
		t.Errorf("a value is in the log:\n%s", log)
	}
	if f := in.fault("supervisor.addProcessGroup", "a"); f.Code != 10 {
		t.Errorf("a refused configuration is there: %+v", f)
	}
	in.writeConf(baseConf + good + program)
	if got, status := in.ctl("reread"); status != 0 || got != "a: available\n" {
		t.Errorf("reread: %d %s", status, got)
	}
}

// A plugin that does not tell what keys it knows is no reason not to read the rest.
func TestPluginsThatDoNotTellTheirKeysDoNotStopReread(t *testing.T) {
	in := run(t, "")
	in.writeConf(baseConf + faultyConf(t, "", "exits") + "txt=s3cr3t\n[notifier:ops]\nplugin=nowhere\nevents=TICK_60\nx=1\n")
	if got, status := in.ctl("reread"); status != 0 || got != "notifier:ops: available\nplugin:faulty: available\nrpcinterface:faulty: available\n" {
		t.Errorf("reread: %d %s", status, got)
	}
	in.waitLog(`WARN cannot check the sections of plugin nowhere: plugin "nowhere" not found in `)
	in.waitLog("WARN cannot check the sections of plugin faulty: with --describe it ended: exit status 3")
}

// An installed plugin is not run to have it tell: what is recorded counts.
func TestTheRecordOfAnInstalledPluginTellsItsKeys(t *testing.T) {
	k := newTool(t, "")
	k.run(0, "install", "-c", k.conf, k.script("x", describing))
	installed := filepath.Join(k.dir, "plugins", "told")
	if err := os.WriteFile(installed, []byte("#!/bin/sh\ntouch "+k.dir+"/ran\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	dirs := "[supervisord]\nplugin_dirs=" + k.dir + "/plugins\n"
	in := run(t, dirs)
	in.writeConf(baseConf + dirs + "[notifier:ops]\nplugin=told\nevents=TICK_60\ntone=loud\n")
	if f := in.fault("supervisor.reloadConfig"); f.Code != 92 || !strings.Contains(f.String, "[notifier:ops] tone: must be ") {
		t.Errorf("%+v", f)
	}
	if _, err := os.Stat(k.dir + "/ran"); err == nil {
		t.Error("it was run")
	}
}
