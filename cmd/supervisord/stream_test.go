package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// stream is a client of /events.
type stream struct {
	t    *testing.T
	body io.ReadCloser
	scan *bufio.Scanner
	last string // id of the last event
}

func (in *instance) get(t *testing.T, query, last string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://unix/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("look", "only")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := unixClient(in.sock).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (in *instance) stream(t *testing.T, query, last string) *stream {
	t.Helper()
	resp := in.get(t, query, last)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %q", resp.Status, resp.Header)
	}
	s := &stream{t: t, body: resp.Body, scan: bufio.NewScanner(resp.Body)}
	s.scan.Buffer(nil, 1<<20)
	t.Cleanup(s.close)
	return s
}

func (s *stream) close() { _ = s.body.Close() }

// next is the next event or notice: its data, and whether it is a notice.
func (s *stream) next() (data map[string]any, notice bool) {
	s.t.Helper()
	for s.scan.Scan() {
		key, value, _ := strings.Cut(s.scan.Text(), ": ")
		switch key {
		case "id":
			s.last = value
		case "event":
			notice = value == "notice"
		case "data":
			if err := json.Unmarshal([]byte(value), &data); err != nil {
				s.t.Fatalf("%s: %v", value, err)
			}
			return data, notice
		}
	}
	return nil, false
}

// until reads up to the remote event with that data and gives the data of all remote
// events on the way.
func (s *stream) until(want string) (all []string) {
	s.t.Helper()
	for {
		data, notice := s.next()
		if data == nil {
			s.t.Fatalf("the stream ended after %q", all)
		}
		if !notice && data["eventname"] == "REMOTE_COMMUNICATION" {
			if all = append(all, data["data"].(string)); all[len(all)-1] == want {
				return all
			}
		}
	}
}

// streamAuth lets somebody look who may not act.
const streamAuth = "username=act\npassword=too\nread_only_username=look\nread_only_password=only\n"

func runStreams(t *testing.T, more string) *instance {
	t.Helper()
	in := ready(t, strings.Replace(baseConf, "[unix_http_server]\n", "[unix_http_server]\n"+streamAuth, 1)+more)
	in.launch()
	testkit.Until(t, "supervisord serves", func() bool { return strings.Contains(in.file("supervisord.log"), "supervisord started") })
	return in
}

func TestAStreamOfEventsIsReadWithReadOnlyCredentials(t *testing.T) {
	in := runStreams(t, "[program:flip]\ncommand=/bin/sleep 0.05\nstartsecs=0\nautorestart=true\n[program:other]\ncommand=/bin/cat\nstartsecs=0\n")
	resp, err := unixClient(in.sock).Get("http://unix/events")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without credentials: %s", resp.Status)
	}
	for query, want := range map[string]string{"?types=NOPE": `there is no event type "NOPE"`, "?programs=[": `cannot use pattern "["`, "?last_event_id=x": `cannot resume after event "x"`} {
		resp := in.get(t, query, "")
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s %q", query, resp.Status, text)
		}
	}
	s := in.stream(t, "?types=process_state_exited,PROCESS_STATE_STARTING&programs=flip", "")
	for exited := false; !exited; {
		data, notice := s.next()
		if notice || data["processname"] != "flip" || data["seq"] == nil || s.last != fmt.Sprint(data["seq"]) {
			t.Fatalf("%v, id %s", data, s.last)
		}
		exited = data["eventname"] == "PROCESS_STATE_EXITED"
	}
}

func TestAStreamGoesOnWhereItWasLeft(t *testing.T) {
	in := run(t, "")
	s := in.stream(t, "?types=REMOTE_COMMUNICATION", "")
	in.send("1")
	s.until("1")
	s.close()
	for i := 2; i < 6; i++ {
		in.send(fmt.Sprint(i))
	}
	s = in.stream(t, "?types=REMOTE_COMMUNICATION", s.last)
	if got := strings.Join(s.until("5"), ""); got != "2345" {
		t.Errorf("after 1 came %s", got)
	}
	in.send("6")
	s.until("6")
	// What is too old, or of another daemon, is told.
	for _, last := range []string{"0", "999999999"} {
		s = in.stream(t, "?types=REMOTE_COMMUNICATION", last)
		data, notice := s.next()
		if !notice || data["notice"] != "gap" {
			t.Errorf("after %s: %v", last, data)
		}
		if got := strings.Join(s.until("6"), ""); got != "123456" {
			t.Errorf("after %s came %s", last, got)
		}
	}
}

func TestAStreamThatIsNotReadIsDroppedAndDelaysNobody(t *testing.T) {
	in := run(t, "")
	slow := in.stream(t, "", "")
	big := strings.Repeat("x", 1<<20)
	testkit.Until(t, "the slow one is cut", func() bool {
		in.send(big)
		for _, n := range in.subscribers("stream") {
			if in.listener(n, "discarded").(int) > 0 {
				return true
			}
		}
		return false
	})
	slow.scan.Buffer(nil, 4<<20)
	for {
		data, notice := slow.next()
		if notice && data["notice"] == "slow" {
			break
		}
		if data == nil {
			t.Fatal("it ended without a notice")
		}
	}
	if data, _ := slow.next(); data != nil {
		t.Errorf("then came %v", data)
	}
	testkit.Until(t, "it is gone", func() bool { return len(in.subscribers("stream")) == 0 })
}

func TestStreamsAreLimitedAndEndWithTheDaemon(t *testing.T) {
	in := run(t, "")
	var open []*stream
	for range 64 {
		open = append(open, in.stream(t, "?types=HARK", ""))
	}
	resp := in.get(t, "", "")
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s", resp.Status)
	}
	open[0].close()
	testkit.Until(t, "its place is free", func() bool { return len(in.subscribers("stream")) == 63 })
	in.must("supervisor.shutdown")
	for _, s := range open[1:] {
		if data, _ := s.next(); data != nil {
			t.Errorf("at the end came %v", data)
		}
	}
	in.ended()
}
