package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk"
)

// Outlets with real plugins and real programs, of a whole daemon.
func TestOutlets(t *testing.T) {
	bin := plugintest.Build(t)
	t.Run("Under supervisord", func(t *testing.T) { outletsDaemon(t, bin) })
	t.Run("Spooled events outlive the daemon", func(t *testing.T) { spooledEventsOutliveTheDaemon(t, bin) })
}

// outletsConf has a notifier and a sink that write to files, and a program that does as it is told. BIN stands for the directory of
// the plugins.
const outletsConf = `
[supervisord]
logfile=DIR/supervisord.log
pidfile=DIR/supervisord.pid
childlogdir=DIR
nodaemon=true
plugin_dirs=BIN
[unix_http_server]
file=DIR/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:web]
command=sh -c "while read x; do case $x in exit) exit 3;; *) echo $x;; esac; done"
autorestart=false
startsecs=0
[plugin:recorder]
command=BIN/recorder
[logsink:files]
plugin=recorder
programs=web
path=DIR/output
overflow=spool
[notifier:ops]
plugin=recorder
events=PROCESS_STATE_EXITED
path=DIR/told
overflow=spool
title_template={{(index .Events 0).Namespec}} status {{(index .Events 0).Status}}
`

// titles are those of the notifications told so far.
func (in *instance) titles() (all []string) {
	b, _ := os.ReadFile(filepath.Join(in.dir, "told"))
	for line := range strings.Lines(string(b)) {
		var n sdk.Notification
		if json.Unmarshal([]byte(line), &n) == nil {
			all = append(all, n.Title)
		}
	}
	return all
}

func (in *instance) eventually(what string, so func() bool) {
	in.t.Helper()
	testkit.Await(in.t, so, func() string { return what + "\n" + in.log() })
}

func (in *instance) exitOfWeb() {
	in.t.Helper()
	if in.state("web") != "RUNNING" {
		in.must("supervisor.startProcess", "web")
		in.waitState("web", "RUNNING")
	}
	in.must("supervisor.sendProcessStdin", "web", "exit\n")
	in.waitState("web", "EXITED")
}

func outletsDaemon(t *testing.T, bin string) {
	in := prepare(t, hark(t), strings.ReplaceAll(outletsConf, "BIN", bin))
	in.launch()
	in.waitServing()
	in.waitState("web", "RUNNING")

	// Output and events arrive, in the notifier's own words.
	in.must("supervisor.sendProcessStdin", "web", "hello\n")
	in.eventually("the output", func() bool { b, _ := os.ReadFile(filepath.Join(in.dir, "output.data")); return string(b) == "hello\n" })
	in.exitOfWeb()
	in.eventually("a notification", func() bool { return len(in.titles()) == 1 })
	if got := in.titles()[0]; got != "web status 3" {
		t.Errorf("told %q", got)
	}

	// A test is marked, a silence kept, and both are for those who may.
	outcome := in.must("hark.testNotifier", "ops").(xmlrpc.Struct)
	if got := fmt.Sprint(outcome); !strings.Contains(got, "{outcome delivered}") || !strings.Contains(got, "{title [TEST] example status 1}") {
		t.Errorf("test: %s", got)
	}
	if f := in.fault("hark.testNotifier", "nobody"); f.Code != 10 {
		t.Errorf("test of a notifier there is none of: %v", f)
	}
	id := in.must("hark.silence", []any{"web"}, 3600, "deploy")
	in.exitOfWeb()
	in.eventually("the silence to have matched", func() bool { return strings.Contains(fmt.Sprint(in.must("hark.getSilences")), "{matched 1}") })

	// The silence outlasts a changed configuration, which the notifier goes on by.
	conf := in.file("supervisord.conf")
	in.writeConf(strings.Replace(conf, "title_template=", "group_wait=0\nbody_template={{.Severity}}\ntitle_template=now ", 1))
	in.must("supervisor.reloadConfig")
	in.must("supervisor.removeProcessGroup", "notifier:ops")
	in.must("supervisor.addProcessGroup", "notifier:ops")
	in.exitOfWeb()
	in.eventually("the silence to have matched again", func() bool { return strings.Contains(fmt.Sprint(in.must("hark.getSilences")), "{matched 2}") })
	in.must("hark.unsilence", id)
	in.exitOfWeb()
	in.eventually("a notification in the new words", func() bool {
		all := in.titles()
		return all[len(all)-1] == "now web status 3"
	})
	told := len(in.titles())

	// What is told goes on where the plugin died.
	subscriber := func() string {
		for _, s := range in.must("hark.getEventListeners").([]any) {
			if text := fmt.Sprint(s); strings.Contains(text, "{kind notifier}") {
				return text
			}
		}
		return ""
	}
	if got := subscriber(); !strings.Contains(got, "{name ops}") || !strings.Contains(got, "{events [PROCESS_STATE_EXITED]}") || !strings.Contains(got, "{overflow spool}") {
		t.Errorf("subscriber: %s", got)
	}
	in.exitOfWeb()
	in.eventually("another notification", func() bool { return len(in.titles()) == told+1 })
	sinks := fmt.Sprint(in.must("hark.getLogSinks"))
	if !strings.Contains(sinks, "{name files}") || !strings.Contains(sinks, "{written 6}") || !strings.Contains(sinks, "{dropped 0}") {
		t.Errorf("sinks: %s", sinks)
	}

	// A broken template is refused with its place, and nothing changes.
	in.writeConf(strings.Replace(conf, "title_template=", "title_template={{.Nothing}}", 1))
	if f := in.fault("supervisor.reloadConfig"); f.Code != 92 || !strings.Contains(f.String, "[notifier:ops] title_template: cannot fill in") {
		t.Errorf("a broken template: %v", f)
	}
}

// What was committed to a spool is told by the next supervisord, though this one is killed while its plugin is silent.
func spooledEventsOutliveTheDaemon(t *testing.T, bin string) {
	silent := strings.NewReplacer("BIN", bin, "plugin=recorder\nevents", "plugin=neveracks\nevents", "[plugin:recorder]\n", "[plugin:neveracks]\ncommand=BIN/neveracks\n[plugin:recorder]\n",
		"path=DIR/told\n", "").Replace(outletsConf)
	in := prepare(t, hark(t), strings.ReplaceAll(silent, "BIN", bin))
	in.launch()
	in.waitServing()
	in.waitState("web", "RUNNING")
	in.must("supervisor.sendProcessStdin", "web", "hello\n")
	for range 3 {
		in.exitOfWeb()
	}
	in.eventually("the output", func() bool { b, _ := os.ReadFile(filepath.Join(in.dir, "output.data")); return string(b) == "hello\n" })
	in.eventually("word that it was written", func() bool { return strings.Contains(fmt.Sprint(in.must("hark.getLogSinks")), "{written 6}") })
	in.eventually("a delivery under way", func() bool { // of one event, or of more where the plugin was slow to start
		return regexp.MustCompile(`\{in_flight [1-3]\}`).MatchString(fmt.Sprint(in.must("hark.getEventListeners")))
	})
	if err := in.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-in.exited
	in.writeConf(strings.ReplaceAll(outletsConf, "BIN", bin))
	next := in.again()
	next.launch()
	next.waitServing()
	next.eventually("what was spooled", func() bool { return strings.Count(next.file("told"), `"Type":"PROCESS_STATE_EXITED"`) == 3 })
	// The output was acknowledged, so it does not come again.
	if got := next.file("output.data"); got != "hello\n" {
		t.Errorf("output: %q", got)
	}
}
