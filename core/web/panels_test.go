package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// TestEventsBeforeThePageWasOpened: what nobody watched is there all the same, in the form in which a stream has it.
func TestEventsBeforeThePageWasOpened(t *testing.T) {
	s := open(t, "[program:crashes]\ncommand=/bin/sh -c 'kill -SEGV $$'\nstartsecs=0\nautorestart=false\n[program:fails]\ncommand=/bin/sh -c 'exit 5'\nstartsecs=0\nautorestart=false\n"+
		"[program:idle]\ncommand=/bin/sleep 1000\nautostart=false\nstartsecs=0\n")
	past := func() (events []map[string]any) {
		var answer struct{ Events []map[string]any }
		if a := s.get("/ui/api/events"); json.Unmarshal([]byte(a.body), &answer) != nil || a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return answer.Events
	}
	find := func(eventname, process string) (found map[string]any) {
		for _, e := range past() {
			if e["eventname"] == eventname && (process == "" || e["processname"] == process) {
				found = e
			}
		}
		return found
	}
	s.until("both have ended", func() bool { return s.state("crashes") == "EXITED" && s.state("fails") == "EXITED" })
	if e := find("PROCESS_STATE_EXITED", "crashes"); e == nil || e["signal"] != float64(11) || e["expected"] != false || e["time"] == nil {
		t.Errorf("the crash: %v", e)
	}
	if e := find("PROCESS_STATE_EXITED", "fails"); e == nil || e["exitstatus"] != float64(5) {
		t.Errorf("the failure: %v", e)
	}
	if find("SUPERVISOR_STATE_CHANGE_RUNNING", "") == nil {
		t.Error("the start of the daemon is missing")
	}

	// The same event, as a stream has it.
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://hark.test/events?types=PROCESS_STATE_RUNNING&announce", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(stream.Body)
	data := func() string {
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return text
			}
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return ""
	}
	if got := data(); got != `{"notice":"stream","name":"stream-1"}` {
		t.Errorf("it announces itself as %s", got)
	}
	s.post("act", map[string]any{"action": "start", "names": []string{"idle"}})
	if live := data(); !strings.Contains(s.get("/ui/api/events").body, live) || !strings.Contains(live, `"processname":"idle"`) {
		t.Errorf("the history lacks %s", live)
	}
}

// TestHowAProcessEndedIsInTheSnapshot: by a signal, with a status, well.
func TestHowAProcessEndedIsInTheSnapshot(t *testing.T) {
	s := open(t, "[program:crashes]\ncommand=/bin/sh -c 'kill -SEGV $$'\nstartsecs=0\nautorestart=false\n[program:fails]\ncommand=/bin/sh -c 'exit 5'\nstartsecs=0\nautorestart=false\n"+
		"[program:works]\ncommand=/bin/true\nstartsecs=0\nautorestart=false\n[program:runs]\ncommand=/bin/sleep 1000\nstartsecs=0\n[program:idle]\ncommand=/bin/true\nautostart=false\n")
	want := map[string]string{"crashes": `{"status":-1,"signal":"SIGSEGV"}`, "fails": `{"status":5}`, "works": `{"status":0}`, "runs": "", "idle": ""}
	s.until("they have ended", func() bool {
		return s.state("crashes") == "EXITED" && s.state("fails") == "EXITED" && s.state("works") == "EXITED" && s.state("runs") == "RUNNING"
	})
	var snapshot struct {
		Processes []struct {
			Name string
			End  json.RawMessage
		}
		Signals []string
	}
	if err := json.Unmarshal([]byte(s.get("/ui/api/snapshot").body), &snapshot); err != nil {
		t.Fatal(err)
	}
	for _, p := range snapshot.Processes {
		if string(p.End) != want[p.Name] {
			t.Errorf("%s: %s, wanted %s", p.Name, p.End, want[p.Name])
		}
	}
	if snapshot.Signals[11] != "SIGSEGV" || snapshot.Signals[9] != "SIGKILL" {
		t.Errorf("the signals are %q", snapshot.Signals)
	}
}

// TestPluginsAndNotifiersFromThePage: a plugin is restarted and a notifier tested, by who may control, from the page itself.
func TestPluginsAndNotifiersFromThePage(t *testing.T) {
	d := daemontest.Start(t, daemontest.Plugin(t, "recorder", "../../testplugins/recorder")+"[notifier:ops]\nplugin=recorder\nevents=PROCESS_STATE_FATAL\npath=DIR/notes\n")
	s := over(t, d, "unix", d.Dir+"/s.sock")
	pid := func() string {
		var all []struct {
			Statename string
			Pid       int
		}
		if err := json.Unmarshal([]byte(s.get("/ui/api/plugins").body), &all); err != nil || len(all) != 1 || all[0].Statename != "RUNNING" {
			return ""
		}
		return fmt.Sprint(all[0].Pid)
	}
	first := ""
	s.until("the plugin runs", func() bool { first = pid(); return first != "" })
	if a := s.post("act", map[string]any{"action": "testnotifier", "names": []string{"ops"}}); a.body != `[{"name":"ops","done":"delivered"}]`+"\n" {
		t.Errorf("the test: %d %s", a.status, a.body)
	}
	if !strings.Contains(d.File("notes"), "\n") {
		t.Error("nothing has reached the plugin")
	}
	if a := s.post("act", map[string]any{"action": "restartplugin", "names": []string{"recorder"}}); a.body != `[{"name":"recorder","done":"restartplugin"}]`+"\n" {
		t.Errorf("the restart: %d %s", a.status, a.body)
	}
	s.until("another process of it runs", func() bool { now := pid(); return now != "" && now != first })
	for _, c := range []struct{ action, name, want string }{
		{"restartplugin", "nosuch", "BAD_NAME: nosuch"}, {"testnotifier", "nosuch", "BAD_NAME: nosuch"},
	} {
		if a := s.post("act", map[string]any{"action": c.action, "names": []string{c.name}}); !strings.Contains(a.body, c.want) {
			t.Errorf("%s %s: %s", c.action, c.name, a.body)
		}
	}
	for _, action := range []string{"restartplugin", "testnotifier", "reload", "shutdown"} {
		request := map[string]any{"action": action, "names": []string{"x"}}
		if a := s.post("act", request, "X-Hark-Token", "guess"); a.status != 403 {
			t.Errorf("%s with another token: %d", action, a.status)
		}
		if a := s.post("act", request, "Sec-Fetch-Site", "cross-site"); a.status != 403 {
			t.Errorf("%s from another site: %d", action, a.status)
		}
	}
	if a := s.post("act", map[string]any{"action": "restartplugin"}); !strings.Contains(a.body, "one name is needed") {
		t.Errorf("a plugin without a name: %s", a.body)
	}
}

// TestReloadAndShutdownFromThePage.
func TestReloadAndShutdownFromThePage(t *testing.T) {
	s := open(t, "[program:runs]\ncommand=/bin/sleep 1000\nstartsecs=0\n")
	life := func() string {
		r, err := s.client.Get("http://hark.test/ui/api/snapshot")
		if err != nil {
			return ""
		}
		defer r.Body.Close() //nolint:errcheck // only read
		var snapshot struct{ Life, Mood string }
		body, _ := io.ReadAll(r.Body)
		if json.Unmarshal(body, &snapshot) != nil || snapshot.Mood != "RUNNING" {
			return ""
		}
		return snapshot.Life
	}
	first := life()
	if first == "" || first != life() {
		t.Fatalf("its life is %q", first)
	}
	if a := s.post("act", map[string]any{"action": "reload"}); !strings.Contains(a.body, `"done":"reload"`) {
		t.Fatalf("reload: %d %s", a.status, a.body)
	}
	s.until("another life answers", func() bool { now := life(); return now != "" && now != first })
	s.token = ""
	if a := s.post("act", map[string]any{"action": "shutdown"}); !strings.Contains(a.body, `"done":"shutdown"`) {
		t.Fatalf("shutdown: %d %s", a.status, a.body)
	}
	if status := s.Wait(); status != 0 {
		t.Errorf("it ends with %d", status)
	}
}
