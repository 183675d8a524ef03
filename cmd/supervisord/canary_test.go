package main

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// canary is a secret that no log, fault, answer or terminal may show.
const canary = "hunter2canary"

// canaryConf is a daemon with an account that may only look. BIN stands for the directory of the plugins.
const canaryConf = `
[supervisord]
logfile=DIR/supervisord.log
pidfile=DIR/supervisord.pid
childlogdir=DIR
nodaemon=true
loglevel=debug
plugin_dirs=BIN
[unix_http_server]
file=DIR/s.sock
username=owner
password=o
read_only_username=reader
read_only_password=r
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://DIR/s.sock
username=reader
password=r
[program:cat]
command=/bin/cat
startsecs=0
environment=OLD="` + canary + `old"
[plugin:recorder]
command=BIN/recorder
`

// canaries are changes of that configuration with a secret in them; most cannot be used.
func canaries() map[string]string {
	notifier := func(keys string) string {
		return "[notifier:n]\nplugin=recorder\nevents=PROCESS_STATE\npath=DIR/told\n" + keys
	}
	return map[string]string{
		"a quote too few":                  "[program:x]\ncommand=/bin/cat\nenvironment=A=\"" + canary + ",B=\"b\"\n",
		"no value":                         "[program:x]\ncommand=/bin/cat\nenvironment=A=\"" + canary + "\",B\n",
		"no equals sign":                   "[program:x]\ncommand=/bin/cat\nenvironment=" + canary + "\n",
		"an expansion":                     "[program:x]\ncommand=/bin/cat\nenvironment=A=\"" + canary + "%(no)s\"\n",
		"a name in one":                    "[program:x]\ncommand=/bin/cat\nenvironment=A=\"%(" + canary + ")s\"\n",
		"a percent sign":                   "[program:x]\ncommand=/bin/cat\nenvironment=A=\"50% " + canary + "\"\n",
		"a line not indented":              "[program:x]\ncommand=/bin/cat\nenvironment=A=\"a\",\n" + canary + "\n",
		"a listener":                       "[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5\nenvironment=A=\"" + canary + "\n",
		"a FastCGI program":                "[fcgi-program:x]\ncommand=/bin/cat\nsocket=unix://DIR/f.sock\nenvironment=A=" + canary + ",B\n",
		"a good one":                       "[program:x]\ncommand=/bin/cat\nenvironment=A=\"" + canary + "\"\nserverurl=http://u:" + canary + "@localhost:1\n",
		"another value":                    "", // see below
		"a password of a server":           "[inet_http_server]\nport=127.0.0.1:x\nusername=u\npassword=" + canary + "%\n",
		"a file of a password":             "[inet_http_server]\nport=127.0.0.1:0\nusername=u\npassword_file=/no/" + canary + "\n",
		"a title that is not closed":       notifier("title_template={{" + canary + "\n"),
		"a body with a field":              notifier("body_template=x {{.X" + canary + "}}\n"),
		"a body with a function":           notifier("body_template={{" + canary + " 1}}\n"),
		"a body for one event":             notifier("body_template={{(index .Events 9).X" + canary + "}}\n"),
		"a key of a plugin":                notifier("webhook_url=%(" + canary + "\n"),
		"a key that it has not":            notifier("no_such_key=" + canary + "\n"),
		"fleet":                            "[fleet:x]\nservers=ftp://u:" + canary + "@h\n",
		"a webhook":                        "[notifier:n]\nplugin=webhook\nevents=PROCESS_STATE\nurl=ftp://" + canary + "/x\n",
		"a webhook's file":                 "[notifier:n]\nplugin=webhook\nevents=PROCESS_STATE\nurl_file=/no/" + canary + "\n",
		"a webhook's file that is no path": "[notifier:n]\nplugin=webhook\nevents=PROCESS_STATE\nurl_file=" + canary + "\n",
		"a webhook's template":             "[notifier:n]\nplugin=webhook\nevents=PROCESS_STATE\nurl=http://127.0.0.1:1/x\nformat=template\ntemplate={{" + canary + "}}\n",
		"a webhook's headers":              "[notifier:n]\nplugin=webhook\nevents=PROCESS_STATE\nurl=http://127.0.0.1:1/" + canary + "\nheaders=A=\"" + canary + "\n",
		"a webhook's time":                 "[notifier:n]\nplugin=webhook\nevents=PROCESS_STATE\nurl=http://127.0.0.1:1/" + canary + "\nbearer_token=" + canary + "\ntimeout=soon\n",
		"a log sink":                       "[logsink:s]\nplugin=recorder\npath=DIR/out\napi_token=" + canary + "\noverflow=nonsense\n",
	}
}

// as calls a method as some account.
func (in *instance) as(user, password, method string, args ...any) string {
	in.t.Helper()
	body, err := xmlrpc.AppendCall(nil, method, args...)
	if err != nil {
		in.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/RPC2", bytes.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.SetBasicAuth(user, password)
	resp, err := unixClient(in.sock).Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		in.t.Fatal(err)
	}
	return b.String()
}

func TestNoSecretIsShownAnywhere(t *testing.T) {
	bin := plugintest.Build(t)
	if out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", bin, "github.com/hark-supervisor/hark/cmd/supervisor-plugins").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	base := strings.ReplaceAll(canaryConf, "BIN", bin) + "[plugin:webhook]\ncommand=" + bin + "/supervisor-plugins webhook\n"
	in := prepare(t, hark(t), base)
	in.launch()
	serves := func() bool {
		resp, err := unixClient(in.sock).Get("http://localhost/")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return strings.Contains(in.as("reader", "r", "supervisor.getState"), "RUNNING")
	}
	testkit.Until(t, "it serves", serves)
	ctl := func(args ...string) string {
		cmd := exec.Command(supervisorctl(t), append([]string{"-c", in.conf}, args...)...)
		cmd.Dir = in.dir
		out, _ := cmd.CombinedOutput() // many end with another status than 0
		return string(out)
	}
	for name, more := range canaries() {
		conf := base + more
		if more == "" {
			conf = strings.Replace(base, canary+"old", canary, 1)
		}
		in.writeConf(conf)
		said := map[string]string{
			"hark.previewUpdate": in.as("reader", "r", "hark.previewUpdate"),
			"reloadConfig":       in.as("owner", "o", "supervisor.reloadConfig"),
			"config check":       ctl("config", "check"), "config diff": ctl("config", "diff"), "config show": ctl("config", "show"),
			"reread": ctl("-u", "owner", "-p", "o", "reread"), "update": ctl("-u", "owner", "-p", "o", "update"),
		}
		if strings.Contains(name, "webhook") && !strings.Contains(said["reloadConfig"], "faultCode") {
			testkit.Until(t, "the plugin says what is wrong", func() bool {
				said["hark.getPlugins"] = in.as("reader", "r", "hark.getPlugins")
				return strings.Contains(said["hark.getPlugins"], "notifier:n")
			})
		}
		for _, method := range []string{"hark.getPlugins", "hark.getNotifiers", "hark.getLogSinks", "hark.getEventListeners", "supervisor.getAllConfigInfo", "supervisor.getAllProcessInfo"} {
			said[method] = in.as("reader", "r", method)
		}
		for what, text := range said {
			template := strings.HasPrefix(name, "a title") || strings.HasPrefix(name, "a body")
			if strings.Contains(text, canary) && !(template && what == "config show") { // which reads them out of the file
				t.Errorf("%s: %s shows it:\n%s", name, what, text)
			}
		}
		// A start with it.
		other := prepare(t, hark(t), conf)
		other.writeConf(conf + "[supervisord]\nminfds=many\n") // it does not start
		if err := other.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := other.cmd.Wait(); err == nil {
			t.Errorf("%s: it started", name)
		}
		if out := other.output.String() + other.file("supervisord.log"); strings.Contains(out, canary) {
			t.Errorf("%s: a start shows it:\n%s", name, out)
		}
	}
	in.signal(syscall.SIGHUP)
	in.waitLog("received SIGHUP")
	in.writeConf(base)
	testkit.Until(t, "it serves again", serves)
	in.stop()
	if log := in.log() + in.output.String(); strings.Contains(log, canary) {
		for line := range strings.Lines(log) {
			if strings.Contains(line, canary) {
				t.Errorf("the log shows it: %s", line)
			}
		}
	}
}
