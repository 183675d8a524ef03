package web

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/tally"
	"github.com/hark-supervisor/hark/core/turns"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// scraped is a daemon that is reported and nothing else.
type scraped struct {
	rpc.Supervisor
	rpc.Publisher
	infos []core.ProcessInfo
	subs  []core.SubscriberInfo
	tally tally.Tally
	mood  core.Mood
	fail  error
	waits []string // processes that do not run yet
}

func (s *scraped) AllProcessInfo(context.Context) ([]core.ProcessInfo, error) { return s.infos, s.fail }
func (s *scraped) Identifier() string                                         { return "super" }
func (s *scraped) Mood() core.Mood                                            { return s.mood }
func (s *scraped) Tally(context.Context) (tally.Tally, error)                 { return s.tally, s.fail }
func (s *scraped) Turn(context.Context) error                                 { return s.fail }
func (s *scraped) Waiting(context.Context) ([]string, error)                  { return s.waits, s.fail }
func (s *scraped) Subscribers(context.Context) ([]core.SubscriberInfo, error) { return s.subs, s.fail }
func (s *scraped) LoopTotals() turns.Info {
	return turns.Info{Turns: 12, Busy: 1500 * time.Millisecond, Slow: 2, Ever: 20 * time.Millisecond}
}

// page is a handler for it that has everything there is to be told.
func (s *scraped) page(t *testing.T) *Handler {
	t.Helper()
	h, err := New(Options{
		Supervisor: s, Hark: rpc.Hark{Publisher: s}, Counters: s, Version: "1.2",
		Usage: func(pids []int) (map[int]procstat.Stat, error) {
			return map[int]procstat.Stat{7: {Pid: 7, RSS: 4096, CPU: 1500 * time.Millisecond}}, nil
		},
		Plugins: func(context.Context) ([]rpc.Plugin, error) {
			return []rpc.Plugin{{Name: "slack", State: "BACKOFF", Restarts: 4, Failures: 2, Instances: []rpc.PluginInstance{{Section: "notifier:ops"}, {Section: "logsink:x", Ready: true}}}}, nil
		},
		LogSinks: func() []rpc.LogSink {
			return []rpc.LogSink{{Name: "loki", BufferBytes: 100, Queued: 70, InFlight: 3, Paused: 2, Accepted: 1000, Written: 900, Dropped: 30, Batches: 9, Redelivered: 8, Refused: 5,
				OldestAge: 2 * time.Second, LastError: "500", Spool: &spool.Status{MaxBytes: 64, Stats: spool.Stats{Queued: 1, Bytes: 33}}}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (s *scraped) scrape(t *testing.T, h *Handler) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Code, w.Body.String()
}

func everything() *scraped {
	return &scraped{
		mood: core.MoodRunning,
		infos: []core.ProcessInfo{
			{Group: "web", Name: "a", State: process.Running, Pid: 7, Restarts: 3, Start: time.UnixMilli(1500)},
			{Group: "web", Name: "\xff<b>\"\n", State: process.Fatal},
		},
		subs: []core.SubscriberInfo{
			{Name: "pool", Kind: core.PoolSubscriber, Queued: 5, BufferSize: 10, InFlight: 1, OldestAge: 3 * time.Second,
				Counters: eventlistener.Counters{Delivered: 6, Rejected: 7, Discarded: 8, DeadLetters: 9},
				Spool: &spool.Status{Fault: "disk full", MaxBytes: 1 << 20, Stats: spool.Stats{Queued: 5, InFlight: 1, Bytes: 4096, Memory: 12, Recovered: 2, LostBefore: 1, Lost: 2,
					Appended: 40, Refused: 1, Acked: 30, Returned: 4, Discarded: 3, Commits: 20, Failures: 10}}},
			{Name: "ops", Kind: core.NotifierSubscriber, Suppressed: 11, LastError: "no route"},
			{Name: "stream-1", Kind: core.StreamSubscriber}, {Name: "stream-2", Kind: core.StreamSubscriber},
		},
		tally: tally.Tally{
			Events: map[string]uint64{"TICK_5": 4}, Endings: map[string]uint64{"signal 9": 2}, Starts: map[string]uint64{"web": 5},
			LogBytes: 100, LogDropped: 10, LogRotations: 1,
		},
	}
}

func TestAScrapeTellsOfEverything(t *testing.T) {
	s := everything()
	h := s.page(t)
	h.Observe("supervisor.getState", 2*time.Millisecond)
	status, body := s.scrape(t, h)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, line := range strings.Split(strings.TrimSpace(`
hark_info{identifier="super",version="1.2"} 1
hark_mood 1
hark_process_state{group="web",process="a"} 20
hark_process_state{group="web",process="`+"\uFFFD"+`<b>\"\n"} 200
hark_process_up{group="web",process="a"} 1
hark_process_restarts_total{group="web",process="a"} 3
hark_process_start_time_seconds{group="web",process="a"} 1.5
hark_process_resident_memory_bytes{group="web",process="a"} 4096
hark_process_cpu_seconds_total{group="web",process="a"} 1.5
hark_processes{group="web",state="FATAL"} 1
hark_processes_without_series 0
hark_groups_without_series 0
hark_process_starts_total{group="web"} 5
hark_process_ends_total{status="signal 9"} 2
hark_events_total{type="TICK_5"} 4
hark_log_bytes_total 100
hark_log_dropped_bytes_total 10
hark_log_rotations_total 1
hark_loop_turns_total 12
hark_loop_busy_seconds_total 1.5
hark_loop_slow_turns_total 2
hark_loop_longest_turn_seconds 0.02
hark_subscriber_queued{kind="pool",subscriber="pool"} 5
hark_subscriber_buffer_size{kind="pool",subscriber="pool"} 10
hark_subscriber_in_flight{kind="pool",subscriber="pool"} 1
hark_subscriber_oldest_seconds{kind="pool",subscriber="pool"} 3
hark_subscriber_delivered_total{kind="pool",subscriber="pool"} 6
hark_subscriber_rejected_total{kind="pool",subscriber="pool"} 7
hark_subscriber_discarded_total{kind="pool",subscriber="pool"} 8
hark_subscriber_dead_letters_total{kind="pool",subscriber="pool"} 9
hark_notifier_suppressed_total{notifier="ops"} 11
hark_notifier_failing{notifier="ops"} 1
hark_streams 2
hark_spool_faulty{kind="pool",name="pool"} 1
hark_spool_faulty{kind="logsink",name="loki"} 0
hark_spool_records{kind="pool",name="pool"} 6
hark_spool_bytes{kind="pool",name="pool"} 4096
hark_spool_bytes{kind="logsink",name="loki"} 33
hark_spool_max_bytes{kind="pool",name="pool"} 1.048576e+06
hark_spool_memory_bytes{kind="pool",name="pool"} 12
hark_spool_recovered_total{kind="pool",name="pool"} 2
hark_spool_appended_total{kind="pool",name="pool"} 40
hark_spool_acknowledged_total{kind="pool",name="pool"} 30
hark_spool_returned_total{kind="pool",name="pool"} 4
hark_spool_refused_total{kind="pool",name="pool"} 1
hark_spool_discarded_total{kind="pool",name="pool"} 3
hark_spool_lost_total{kind="pool",name="pool"} 3
hark_spool_commits_total{kind="pool",name="pool"} 20
hark_spool_failed_commits_total{kind="pool",name="pool"} 10
hark_logsink_queued_bytes{sink="loki"} 70
hark_logsink_buffer_bytes{sink="loki"} 100
hark_logsink_in_flight_batches{sink="loki"} 3
hark_logsink_paused_channels{sink="loki"} 2
hark_logsink_oldest_seconds{sink="loki"} 2
hark_logsink_failing{sink="loki"} 1
hark_logsink_accepted_bytes_total{sink="loki"} 1000
hark_logsink_written_bytes_total{sink="loki"} 900
hark_logsink_dropped_bytes_total{sink="loki"} 30
hark_logsink_batches_total{sink="loki"} 9
hark_logsink_redelivered_batches_total{sink="loki"} 8
hark_logsink_refused_batches_total{sink="loki"} 5
hark_plugin_up{plugin="slack",state="BACKOFF"} 0
hark_plugin_restarts_total{plugin="slack"} 4
hark_plugin_failures{plugin="slack"} 2
hark_plugin_instance_ready{plugin="slack",section="notifier:ops"} 0
hark_plugin_instance_ready{plugin="slack",section="logsink:x"} 1
hark_rpc_duration_seconds_count{method="supervisor.getState"} 1
`), "\n") {
		if !strings.Contains(body, "\n"+line+"\n") {
			t.Errorf("lacking: %s", line)
		}
	}
	if !strings.Contains(body, "\nprocess_resident_memory_bytes ") || !strings.Contains(body, "\ngo_goroutines ") {
		t.Error("the daemon tells nothing of itself")
	}
	if strings.Contains(body, "stream-1") {
		t.Error("streams, whose names are new each time, have series")
	}
	seen := map[string]bool{}
	for line := range strings.Lines(body) {
		key, _, _ := strings.Cut(line, "} ")
		if line[0] != '#' && seen[key] {
			t.Errorf("twice: %s", line)
		}
		seen[key] = true
	}
}

// The table of docs/metrics.md, the alerts and the dashboard name metrics that are there; and the table has them all.
func TestNamesOfMetricsInDocumentsRulesAndTheDashboard(t *testing.T) {
	s := everything()
	h := s.page(t)
	h.Observe("m", time.Millisecond)
	_, body := s.scrape(t, h)
	var made []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (hark_\w+)`).FindAllStringSubmatch(body, -1) {
		made = append(made, m[1])
	}
	name := regexp.MustCompile(`hark_[a-z_]+[a-z]`)
	for _, path := range []string{"../../docs/metrics.md", "../../packaging/prometheus/alerts.yml", "../../packaging/prometheus/grafana-dashboard.json"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		used := name.FindAllString(string(text), -1)
		if len(used) == 0 {
			t.Errorf("%s names none", path)
		}
		for _, n := range used {
			n = strings.TrimSuffix(strings.TrimSuffix(n, "_bucket"), "_count")
			if !slices.Contains(made, n) {
				t.Errorf("%s names %s, which is not there", path, n)
			}
		}
		if !strings.HasSuffix(path, ".md") {
			continue
		}
		for _, n := range made {
			if !slices.Contains(used, n) {
				t.Errorf("%s lacks %s", path, n)
			}
		}
	}
}

func TestSeriesAreBounded(t *testing.T) {
	s := everything()
	s.infos = nil
	for i := range seriesLimit + 10 {
		name := fmt.Sprint("p", i)
		s.infos = append(s.infos, core.ProcessInfo{Group: name, Name: name, State: process.Stopped})
		s.tally.Starts[name] = 1
	}
	h := s.page(t)
	for i := range 10 * methodLimit { // as plugins with other methods each time might
		h.Observe(fmt.Sprint("ns.m", i), time.Millisecond)
	}
	status, body := s.scrape(t, h)
	if status != 200 {
		t.Fatal(status)
	}
	for part, want := range map[string]int{
		"\nhark_process_state{": seriesLimit, "\nhark_processes{": seriesLimit, "\nhark_process_starts_total{": seriesLimit,
		"\nhark_rpc_duration_seconds_count{": methodLimit + 1, "\nhark_processes_without_series 10\n": 1, "\nhark_groups_without_series 10\n": 1,
		fmt.Sprintf("_count{method=\"other\"} %d\n", 9*methodLimit): 1,
	} {
		if got := strings.Count(body, part); got != want {
			t.Errorf("%q: %d times, wanted %d", part, got, want)
		}
	}
}

func TestAScrapeThatFailsIsAnError(t *testing.T) {
	s := everything()
	h := s.page(t)
	s.fail = errors.New("the loop is stuck")
	if status, body := s.scrape(t, h); status != 500 || !strings.Contains(body, "the loop is stuck") {
		t.Errorf("%d %s", status, body)
	}
}

func TestHealthFollowsTheLoopAndTheMood(t *testing.T) {
	s := everything()
	h := s.page(t)
	ask := func(method, path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	for _, c := range []struct {
		mood   core.Mood
		fail   error
		status int
		says   string
	}{
		{core.MoodRunning, nil, 200, "ok"},
		{core.MoodShutdown, nil, 503, "the daemon is shutdown"},
		{core.MoodRestarting, nil, 503, "the daemon is restarting"},
		{core.MoodRunning, context.DeadlineExceeded, 503, "the daemon's loop does not turn: context deadline exceeded"},
	} {
		s.mood, s.fail = c.mood, c.fail
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, body := ask("GET", path); status != c.status || body != c.says {
				t.Errorf("%s, mood %d, error %v: %d %q", path, c.mood, c.fail, status, body)
			}
		}
	}
	s.mood, s.fail = core.MoodRunning, nil
	for _, c := range []struct {
		waits []string
		path  string
		says  string
	}{
		{[]string{"cron", "job"}, "/readyz", "not running: cron, job"},
		{[]string{"cron", "job"}, "/readyz?plugins", "not running: cron, job\nnot served: [notifier:ops]"},
		{nil, "/readyz?plugins", "not served: [notifier:ops]"},
	} {
		s.waits = c.waits
		if status, body := ask("GET", c.path); status != 503 || body != c.says {
			t.Errorf("%s with %v: %d %q", c.path, c.waits, status, body)
		}
	}
	s.waits = nil
	if status, _ := ask("POST", "/healthz"); status != 405 {
		t.Errorf("POST: %d", status)
	}
}
