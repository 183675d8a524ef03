//go:build integration

package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// victoria is VictoriaLogs. It shows lines by their time, and knows no other order.
type victoria struct {
	program
	http, tcp string // addresses
	field     string // that has the program's name
}

// noMessage is what it shows in the place of an empty line.
const noMessage = "(there is no message)"

func inVictoria(line string) (string, bool) {
	line, ok := asText(line)
	if line == "" {
		line = noMessage
	}
	return line, ok
}

func startVictoria(t *testing.T, field string) *victoria {
	t.Helper()
	v := &victoria{http: "127.0.0.1:" + freePort(t), tcp: "127.0.0.1:" + freePort(t), field: field}
	v.argv = []string{
		find(t, "victoria-logs"), "-storageDataPath=" + t.TempDir(), "-httpListenAddr=" + v.http, "-syslog.listenAddr.tcp=" + v.tcp, "-syslog.timezone=UTC",
		"-defaultMsgValue=" + noMessage,
	}
	v.ready = func() bool {
		resp, err := http.Get("http://" + v.http + "/health")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK && listens(v.tcp)
	}
	v.start(t)
	return v
}

func (v *victoria) lines(t *testing.T, name string) []string {
	t.Helper()
	query := fmt.Sprintf("%q:=%q | sort by (_time) limit 100000 | fields _time, _msg", v.field, name)
	resp, err := http.PostForm("http://"+v.http+"/select/logsql/query", url.Values{"query": {query}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is only read
	var all []string
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var row struct {
			Msg string `json:"_msg"`
		}
		if err := json.Unmarshal(in.Bytes(), &row); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %.300s: %v", resp.StatusCode, in.Bytes(), err)
		}
		all = append(all, row.Msg)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestVictoriaLogs(t *testing.T) {
	find(t, "victoria-logs")
	for name, c := range map[string]struct {
		sink  string
		field string
		form  form
	}{
		"loki":           {"plugin=loki\nurl=http://HTTP/insert/loki/api/v1/push?disable_message_parsing=1", "process", inVictoria},
		"loki protobuf":  {"plugin=loki\nencoding=protobuf\nurl=http://HTTP/insert/loki/api/v1/push?disable_message_parsing=1", "process", inVictoria},
		"no empty lines": {"plugin=loki\nempty_lines=false\ngzip=false\nurl=http://HTTP/insert/loki/api/v1/push?disable_message_parsing=1", "process", notEmpty},
		"otlp":           {"plugin=otlp\nurl=http://HTTP/insert/opentelemetry/v1/logs", "hark.process", notEmpty},
		"syslog":         {"plugin=syslog\naddress=tcp://TCP", "app_name", inSyslog},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := startVictoria(t, c.field)
			startTalker(t, strings.NewReplacer("HTTP", v.http, "TCP", v.tcp).Replace(c.sink)).hears(v, c.form)
		})
	}
}

// What VictoriaLogs refuses permanently is counted as lost, and said.
func TestVictoriaLogsRefuses(t *testing.T) {
	v := startVictoria(t, "process")
	d := startTalker(t, "plugin=loki\nurl=http://"+v.http+"/insert/nothing")
	d.say("away")
	daemontest.Until(t, "the loss to be counted", func() bool { return fmt.Sprint(d.sink("dropped")) != "0" })
	if got := fmt.Sprint(d.sink("last_error")); !strings.Contains(got, "answered 400") {
		t.Errorf("the last error is %q", got)
	}
	if got := v.lines(t, "away"); len(got) != 0 {
		t.Errorf("it has taken %d lines", len(got))
	}
}
