package loki

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cr3tXXXXXXXXXXXXXXXXXX"

// server takes pushes as Loki documents it: it refuses what Loki refuses.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	lines  map[string][]string // by process and channel
	header http.Header
	labels map[string]string
	meta   map[string]string
	answer int // in place of 204
}

func start(t *testing.T) *server {
	s := &server{lines: map[string][]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != 0 {
		http.Error(w, "we say so", s.answer)
		return
	}
	if err := s.take(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) take(r *http.Request) error {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(r.Body); err != nil {
			return err
		}
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var streams []pushed
	switch kind := r.Header.Get("Content-Type"); {
	case kind == "application/json":
		streams, err = readJSON(raw)
	case kind == "application/x-protobuf" && r.Header.Get("Content-Encoding") == "":
		streams, err = readProtobuf(raw)
	default:
		err = fmt.Errorf("a body of %s", kind)
	}
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost || r.URL.Path != pushPath || len(streams) == 0 {
		return fmt.Errorf("%s %s", r.Method, r.URL.Path)
	}
	s.header = r.Header
	last := map[string]int64{}
	for _, stream := range streams {
		if len(stream.labels) == 0 || len(stream.labels) > 15 {
			return fmt.Errorf("labels %v", stream.labels)
		}
		s.labels = stream.labels
		k := stream.labels["process"] + " " + stream.labels["channel"]
		for _, l := range stream.lines {
			if len(l.text) > 256<<10 {
				return fmt.Errorf("an entry of %d bytes", len(l.text))
			}
			if before, ok := last[k]; ok && l.time <= before { // which Loki takes, and shows in any order
				return fmt.Errorf("entries without an order")
			}
			last[k], s.meta = l.time, l.metadata
			s.lines[k] = append(s.lines[k], l.text)
		}
	}
	return nil
}

// pushed is a stream as a server reads it.
type pushed struct {
	labels map[string]string
	lines  []pushedLine
}

type pushedLine struct {
	time     int64
	text     string
	metadata map[string]string
}

func readJSON(raw []byte) ([]pushed, error) {
	var p struct {
		Streams []struct {
			Stream map[string]string
			Values [][]json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, err
	}
	var all []pushed
	for _, stream := range p.Streams {
		one := pushed{labels: stream.Stream}
		for _, v := range stream.Values {
			var stamp string
			var l pushedLine
			if len(v) < 2 || json.Unmarshal(v[0], &stamp) != nil || json.Unmarshal(v[1], &l.text) != nil || len(v) > 2 && json.Unmarshal(v[2], &l.metadata) != nil {
				return nil, fmt.Errorf("value %s", v)
			}
			var err error
			if l.time, err = strconv.ParseInt(stamp, 10, 64); err != nil {
				return nil, err
			}
			one.lines = append(one.lines, l)
		}
		all = append(all, one)
	}
	return all, nil
}

func (s *server) taken(k string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines[k])
}

func (s *server) answers(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = status
}

func made(t *testing.T, address string, change func(*config)) *lines.Feed {
	t.Helper()
	c := defaults()
	c.URL, c.Idle = address, time.Hour
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := newSink(c, sdk.Instance{Name: "central", Log: hclog.NewNullLogger(), Daemon: sdk.Daemon{Hostname: "host1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what a Loki that never answers has not taken is not waited for
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Close(ctx)
	})
	return s
}

func batch(seq, offset uint64, text string) *sdk.LogBatch {
	return &sdk.LogBatch{Seq: seq, Records: []sdk.LogRecord{{
		Group: "web", Process: "web_00", Pid: 12, Channel: "stdout", Time: time.Unix(1700000000, 5), Data: []byte(text), Offset: offset,
	}}}
}

func TestWhatArrives(t *testing.T) {
	for encoding, want := range map[string]string{"json": "application/json gzip", "protobuf": "application/x-protobuf "} {
		s := start(t)
		f := made(t, s.URL, func(c *config) {
			c.Encoding, c.Labels, c.Metadata, c.Tenant, c.BearerToken = encoding, map[string]string{"env": "pr\"o\\d \x01ž"}, true, "team", secret+"\n"
		})
		if err := f.Write(context.Background(), batch(1, 0, "one\n\ntwo \xff\nhe")); err != nil {
			t.Fatal(err)
		}
		if err := f.Write(context.Background(), batch(2, 13, "ld\n")); err != nil {
			t.Fatal(err)
		}
		if got := s.taken("web_00 stdout"); !slices.Equal(got, []string{"one", "", "two \uFFFD", "held"}) {
			t.Errorf("%q", got)
		}
		if got := fmt.Sprint(s.labels); got != "map[channel:stdout env:pr\"o\\d \x01ž group:web host:host1 process:web_00 service_name:web]" {
			t.Error(got)
		}
		if got := fmt.Sprint(s.meta); got != "map[offset:11 pid:12]" {
			t.Error(got)
		}
		if s.header.Get("X-Scope-OrgID") != "team" || s.header.Get("Authorization") != "Bearer "+secret ||
			s.header.Get("Content-Type")+" "+s.header.Get("Content-Encoding") != want {
			t.Errorf("%v", s.header)
		}
	}
}

// Loki's page shows streams by the label service_name, which Loki makes of others where it is not there, or sets to unknown_service.
func TestTheNameOfTheService(t *testing.T) {
	ten := map[string]string{}
	for i := range 10 {
		ten[fmt.Sprint("l", i)] = "x"
	}
	eleven := maps.Clone(ten)
	eleven["l10"] = "x"
	for _, c := range []struct {
		set    string
		labels map[string]string
		want   string
		count  int
	}{
		{"", nil, "web", 5},
		{"shop", nil, "shop", 5},
		{"", map[string]string{"service_name": "mine"}, "mine", 5},
		{"", map[string]string{"job": "supervisord"}, "", 5}, // which Loki makes the name of
		{"shop", map[string]string{"job": "supervisord"}, "shop", 6},
		{"", ten, "web", 15},
		{"", eleven, "", 15}, // there is no room for it
	} {
		s := start(t)
		f := made(t, s.URL, func(o *config) { o.ServiceName, o.Labels = c.set, c.labels })
		if err := f.Write(t.Context(), batch(1, 0, "one\n")); err != nil {
			t.Fatal(err)
		}
		if s.labels["service_name"] != c.want || len(s.labels) != c.count {
			t.Errorf("%+v: %v", c, s.labels)
		}
	}
	wrong := defaults()
	wrong.URL, wrong.ServiceName, wrong.Labels = "http://x", "shop", eleven
	if err := wrong.Validate(); err == nil || !strings.Contains(err.Error(), "Loki accepts 15") {
		t.Errorf("16 labels: %v", err)
	}
	wrong.Labels = map[string]string{"service_name": "x"}
	if err := wrong.Validate(); err == nil || !strings.Contains(err.Error(), "service_name") {
		t.Errorf("two names: %v", err)
	}
}

func TestWhatLokiAnswers(t *testing.T) {
	for status, final := range map[int]bool{400: true, 401: true, 413: true, 429: false, 500: false, 503: false} {
		s := start(t)
		f := made(t, s.URL, func(c *config) { c.Gzip = false })
		s.answers(status)
		b := batch(1, 0, "one\n")
		for range 2 {
			if err := f.Write(context.Background(), b); err == nil || sdk.IsFinal(err) != final || !strings.Contains(err.Error(), "we say so") {
				t.Errorf("%d: final %v: %v", status, sdk.IsFinal(err), err)
			}
		}
		s.answers(0)
		if final {
			b = batch(2, 4, "one\n") // the host does not send it again
		}
		if err := f.Write(context.Background(), b); err != nil {
			t.Errorf("%d: later: %v", status, err)
		}
		if got := s.taken("web_00 stdout"); !slices.Equal(got, []string{"one"}) {
			t.Errorf("%d: %q", status, got)
		}
	}
}

func TestEmptyLinesCanBeLeftOut(t *testing.T) {
	s := start(t)
	f := made(t, s.URL, func(c *config) { c.EmptyLines = false })
	if err := f.Write(t.Context(), batch(1, 0, "one\n\n\r\ntwo\n\n")); err != nil {
		t.Fatal(err)
	}
	if got := s.taken("web_00 stdout"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%q", got)
	}
}

func TestALargeBatchIsSeveralPushes(t *testing.T) {
	s := start(t)
	f := made(t, s.URL, func(c *config) { c.Encoding = "protobuf" })
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "%d %s\n", i, strings.Repeat("x", 60000))
	}
	if err := f.Write(context.Background(), batch(1, 0, text.String())); err != nil {
		t.Fatal(err)
	}
	for i, line := range s.taken("web_00 stdout") {
		if !strings.HasPrefix(line, fmt.Sprint(i, " ")) {
			t.Fatalf("line %d is %.20q", i, line)
		}
	}
	if n := len(s.taken("web_00 stdout")); n != 50 {
		t.Errorf("%d lines", n)
	}
}

func TestConformance(t *testing.T)           { conforms(t, "json") }
func TestConformanceOfProtobuf(t *testing.T) { conforms(t, "protobuf") }

func conforms(t *testing.T, encoding string) {
	s := start(t)
	values := func(url string) map[string]string {
		return map[string]string{"url": url, "bearer_token": secret, "max_line": "4KB", "encoding": encoding}
	}
	hang := values("http://" + sdktest.Hanging(t) + "/" + secret)
	hang["timeout"] = "1"
	sdktest.TestLogSink(t, Plugin(), sdktest.LogSinkOptions{
		Options: sdktest.Options{
			Values: values(s.URL), Hang: hang,
			Late: map[string]string{"the label twice": "it is about a name in a map beside a key", "too many with a name": "how many a map may have depends on another key"},
			Bad: []sdktest.Bad{
				{Name: "the label twice", Set: map[string]string{"labels": `service_name="x"`, "service_name": "y"}, Key: "service_name"},
				{Name: "too many with a name", Set: map[string]string{"labels": "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1", "service_name": "y"}, Key: "labels"},
				{Name: "too many", Set: map[string]string{"labels": "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1"}, Key: "labels"},
				{Name: "no header", Set: map[string]string{"tenant": "x\ny"}, Key: "tenant"},
				{Name: "a password alone", Set: map[string]string{"password": "x", "bearer_token": sdktest.Unset}, Key: "username"},
				{Name: "no address", Set: map[string]string{"url": "tell-no-value"}, Key: "url"},
				{Name: "no label", Set: map[string]string{"labels": `a-b="x"`}, Key: "labels"},
				{Name: "two passwords", Set: map[string]string{"username": "x"}, Key: "bearer_token"},
				{Name: "a line too long", Set: map[string]string{"max_line": "1MB"}, Key: "max_line"},
			},
		},
		Written: func(t *testing.T, records []sdk.LogRecord) {
			want := map[string]string{}
			for _, r := range records {
				want[r.Process+" "+r.Channel] += string(r.Data)
			}
			bare := strings.NewReplacer("\n", "", "\r", "")
			for k, text := range want {
				got := bare.Replace(strings.Join(s.taken(k), ""))
				text = bare.Replace(strings.ToValidUTF8(text, "\uFFFD"))
				if len(got) != len(text) || !strings.Contains(t.Name(), "at_the_same_time") && got != text {
					t.Errorf("%s: got %.300q, want %.300q", k, got, text)
				}
			}
			s.mu.Lock()
			clear(s.lines)
			s.mu.Unlock()
		},
	})
}
