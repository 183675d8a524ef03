//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// get is what an address answers; "" where it does not.
func get(url string) string {
	resp, err := http.Get(url) //nolint:gosec // a test's
	if err != nil {
		return ""
	}
	defer resp.Body.Close() //nolint:errcheck // it is only read
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(b)
}

// startServed starts a daemon with a server of HTTP and programs in several states.
func startServed(t *testing.T) (d *daemontest.Daemon, address string) {
	t.Helper()
	address = "127.0.0.1:" + freePort(t)
	d = daemontest.Start(t, `
[inet_http_server]
port=`+address+`
[program:web]
command=/bin/sleep 1000
numprocs=2
process_name=%(program_name)s_%(process_num)02d
[program:gone]
command=/does/not/exist
startretries=0
[program:"odd"žluť]
command=/bin/sh -c 'exit 7'
startsecs=0
autorestart=false
`)
	daemontest.Until(t, "all states", func() bool {
		log := d.Log()
		return strings.Count(log, "success: web_0") == 2 && strings.Contains(log, "gone entered FATAL") && strings.Contains(log, "(exit status 7")
	})
	return d, address
}

// promtool finds nothing to complain of in the metrics, nor in the rules that come with them.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := find(t, "promtool")
	_, address := startServed(t)
	check := exec.Command(promtool, "check", "metrics")
	text := get("http://" + address + "/metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 || !strings.Contains(text, `hark_process_up{group="web",process="web_01"} 1`) {
		t.Errorf("%v: %s\n%.1000s", err, out, text)
	}
	rules, err := filepath.Glob("../../../packaging/prometheus/*.yml")
	if err != nil || len(rules) == 0 {
		t.Fatalf("there are no rules (%v)", err)
	}
	for _, file := range rules {
		if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil || !strings.Contains(string(out), "SUCCESS") {
			t.Errorf("%s: %v: %s", file, err, out)
		}
	}
}

// Prometheus scrapes the metrics, and its rules see a program that is FATAL.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	path := find(t, "prometheus")
	_, address := startServed(t)
	dir, listen := t.TempDir(), "127.0.0.1:"+freePort(t)
	rules, err := filepath.Abs("../../../packaging/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	conf := write(t, filepath.Join(dir, "prometheus.yml"), `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: hark
    static_configs: [{targets: [%q]}]
`, rules+"/*.yml", address)
	p := &program{argv: []string{path, "--config.file=" + conf, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + listen}}
	p.ready = func() bool { return get("http://"+listen+"/-/ready") != "" }
	p.start(t)
	value := func(query string) string { return get("http://" + listen + "/api/v1/query?query=" + query) }
	daemontest.Until(t, "a scrape", func() bool { return strings.Contains(value(`up{job="hark"}`), `,"1"]`) })
	daemontest.Until(t, "a program's state", func() bool { return strings.Contains(value(`hark_process_state{process="gone"}`), `,"200"]`) })
	daemontest.Until(t, "the rules", func() bool { return strings.Contains(get("http://"+listen+"/api/v1/rules"), `"health":"ok"`) })
	if text := get("http://" + listen + "/api/v1/rules"); strings.Contains(text, `"health":"err"`) {
		t.Errorf("a rule fails: %s", text)
	}
}

// node_exporter's collector of supervisord, which speaks XML-RPC, sees every process as Supervisor would show it.
func TestNodeExporter(t *testing.T) {
	t.Parallel()
	path := find(t, "prometheus-node-exporter")
	_, address := startServed(t)
	listen := "127.0.0.1:" + freePort(t)
	p := &program{argv: []string{
		path, "--collector.disable-defaults", "--collector.supervisord", "--collector.supervisord.url=http://" + address + "/RPC2", "--web.listen-address=" + listen,
	}}
	p.ready = func() bool { return listens(listen) }
	p.start(t)
	text := get("http://" + listen + "/metrics")
	for _, want := range []string{
		`node_supervisord_up{group="web",name="web_00"} 1`, `node_supervisord_state{group="web",name="web_01"} 20`, `node_supervisord_up{group="gone",name="gone"} 0`,
		`node_supervisord_state{group="gone",name="gone"} 200`, `node_supervisord_exit_status{group="\"odd\"žluť",name="\"odd\"žluť"} 7`, `node_scrape_collector_success{collector="supervisord"} 1`,
		`node_supervisord_start_time_seconds{group="web",name="web_00"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not there:\n%s", want, text)
		}
	}
}

// recipe is the section of a notifier in the plugin webhook's example.conf, with another address.
func recipe(t *testing.T, name, url string) string {
	t.Helper()
	b, err := os.ReadFile("../webhook/example.conf")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), "[notifier:"+name+"]\n")
	if !ok {
		t.Fatalf("there is no recipe for %s", name)
	}
	section, _, _ = strings.Cut(section, "\n\n")
	var lines []string
	for line := range strings.Lines(section) {
		switch key, _, _ := strings.Cut(line, " ="); key {
		case "events":
		case "url":
			lines = append(lines, "url = "+url)
		default:
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// Alertmanager takes a notification as an alert, by the recipe of webhook.
func TestAlertmanager(t *testing.T) {
	t.Parallel()
	path := find(t, "prometheus-alertmanager")
	dir, listen := t.TempDir(), "127.0.0.1:"+freePort(t)
	conf := write(t, filepath.Join(dir, "conf.yml"), "route: {receiver: none}\nreceivers: [{name: none}]\n")
	p := &program{argv: []string{path, "--config.file=" + conf, "--storage.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + listen, "--cluster.listen-address="}}
	p.ready = func() bool { return get("http://"+listen+"/-/ready") != "" }
	p.start(t)
	alerts := func() (all []struct {
		Labels, Annotations map[string]string
	}) {
		if err := json.Unmarshal([]byte(get("http://"+listen+"/api/v2/alerts")), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	p.stop(t) // it is away when the program ends
	d := startNotifier(t, recipe(t, "alertmanager", "http://"+listen+"/api/v2/alerts"))
	daemontest.Until(t, "the notifier to notice", func() bool { return strings.Contains(fmt.Sprint(d.notifier("last_error")), "cannot reach") })
	p.start(t)
	daemontest.Until(t, "the alert", func() bool { return len(alerts()) == 1 })
	a := alerts()[0]
	if a.Labels["program"] != "ailing" || a.Labels["severity"] != "error" || !strings.HasPrefix(a.Annotations["summary"], "žluťoučký ailing exited") || !strings.Contains(a.Annotations["description"], told()[0]) {
		t.Errorf("%+v", a)
	}
}

// ntfy shows a notification with its title, and the priority of its severity.
func TestNtfy(t *testing.T) {
	t.Parallel()
	path := find(t, "ntfy", "deb/usr/bin")
	dir, listen := t.TempDir(), "127.0.0.1:"+freePort(t)
	conf := write(t, filepath.Join(dir, "server.yml"), "base-url: http://%[1]s\nlisten-http: %[1]s\ncache-file: %[2]s/cache.db\nvisitor-request-limit-exempt-hosts: 127.0.0.1\n", listen, dir)
	p := &program{argv: []string{path, "serve", "--config", conf}}
	p.ready = func() bool { return get("http://"+listen+"/v1/health") != "" }
	p.start(t)
	type message struct {
		Title, Message string
		Priority       int
	}
	messages := func() (all []message) {
		for line := range strings.Lines(get("http://" + listen + "/hark/json?poll=1")) {
			var m message
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			all = append(all, m)
		}
		return all
	}
	d := startNotifier(t, "plugin=shoutrrr\nurl=ntfy://"+listen+"/hark?scheme=http")
	daemontest.Until(t, "the message", func() bool { return len(messages()) == 1 })
	p.stop(t)
	d.again()
	daemontest.Until(t, "the notifier to notice", func() bool { return strings.Contains(fmt.Sprint(d.notifier("last_error")), "cannot reach") })
	p.start(t)
	daemontest.Until(t, "the second message", func() bool { return len(messages()) == 2 })
	for _, m := range messages() {
		if m.Priority != 4 || !strings.HasPrefix(m.Title, "žluťoučký ailing exited unexpectedly with status 3") || !strings.Contains(m.Message, "From here on: 日本語 🐎") {
			t.Errorf("%+v", m)
		}
	}
}
