package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/plugins/tool"
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
	const describing = `#!/bin/sh
echo '{"name": "told", "version": "2.1", "doc": "Tells.", "kinds": [{"kind": "NOTIFIER", "fields": [
 {"key": "tone", "type": "CHOICE", "choices": ["low", "high"], "default": "low", "doc": "of voice"}]}]}'
`
	dir := t.TempDir()
	dirs := "[supervisord]\nplugin_dirs=" + dir + "/plugins\n"
	script, conf := filepath.Join(dir, "x"), filepath.Join(dir, "supervisord.conf")
	for path, text := range map[string]string{script: describing, conf: dirs} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	install := exec.Command(os.Args[0], tool.Verb, "install", "-c", conf, script)
	install.Env = append(os.Environ(), "HARK_BE_SUPERVISORD=1", "GORACE=atexit_sleep_ms=0")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "plugins", "told"), []byte("#!/bin/sh\ntouch "+dir+"/ran\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	in := run(t, dirs)
	in.writeConf(baseConf + dirs + "[notifier:ops]\nplugin=told\nevents=TICK_60\ntone=loud\n")
	if f := in.fault("supervisor.reloadConfig"); f.Code != 92 || !strings.Contains(f.String, "[notifier:ops] tone: must be ") {
		t.Errorf("%+v", f)
	}
	if _, err := os.Stat(dir + "/ran"); err == nil {
		t.Error("it was run")
	}
}
