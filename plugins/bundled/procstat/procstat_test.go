package procstat

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon answers as the daemon does.
type daemon func(method string) (any, error)

func (d daemon) Call(_ context.Context, method string, _ ...any) (any, error) { return d(method) }

func info(name, group string, pid int) map[string]any {
	return map[string]any{"name": name, "group": group, "state": 20, "statename": "RUNNING", "pid": pid, "stop": 0}
}

func TestPercentagesAreBetweenSamples(t *testing.T) {
	now := time.Unix(1700000000, 0)
	f := &found{started: now.Add(-time.Hour)}
	m := newMeter(func([]int) (map[int]*found, error) { return map[int]*found{7: f}, nil })
	m.now = func() time.Time { return now }
	at := func(after, own, total time.Duration) (rate, rate) {
		t.Helper()
		now = now.Add(after)
		f.own.user, f.total.system = own, total
		rows := []row{{pid: 7}, {pid: 8}, {}}
		if err := m.measure(rows); err != nil || !rows[0].seen || rows[1].seen || rows[2].seen {
			t.Fatalf("%v %+v", err, rows)
		}
		return rows[0].ownRate, rows[0].totalRate
	}
	if own, total := at(0, 0, 0); own.known || total.known {
		t.Error("the first sample has a percentage")
	}
	if own, _ := at(500*time.Millisecond, time.Second, time.Second); own.known {
		t.Error("half a second is measured")
	}
	if own, total := at(1500*time.Millisecond, time.Second, 4*time.Second); own != (rate{50, true}) || total != (rate{200, true}) {
		t.Errorf("%v %v", own, total)
	}
	if own, total := at(2*time.Second, time.Second, 3*time.Second); own != (rate{0, true}) || total != (rate{0, true}) { // a descendant has left
		t.Errorf("%v %v", own, total)
	}
	f.started = now // another process with the number
	if own, _ := at(2*time.Second, time.Second, time.Second); own.known {
		t.Error("another process is compared with this one")
	}
	delete(m.last, 7)
	m.last[9] = samples{next: sample{at: now.Add(-2 * keepTime)}}
	if at(0, 0, 0); len(m.last) != 1 {
		t.Errorf("what is gone is kept: %v", m.last)
	}
}

func TestWhatTheDaemonAnswers(t *testing.T) {
	table := func([]int) (map[int]*found, error) { return map[int]*found{}, nil }
	for name, c := range map[string]struct {
		answer any
		err    error
		code   int
		text   string
	}{
		"no permission": {err: &sdk.Fault{Code: 403, Text: "no"}, code: 30, text: "permissions = read"},
		"shutdown":      {err: &sdk.Fault{Code: 6, Text: "SHUTDOWN_STATE"}, code: 6, text: "SHUTDOWN_STATE"},
		"no supervisor": {err: &sdk.Fault{Code: 1, Text: "UNKNOWN_METHOD"}, code: 1, text: "UNKNOWN_METHOD"},
		"gone":          {err: errors.New("the daemon does not answer"), code: 30, text: "FAILED: the daemon does not answer"},
		"no array":      {answer: 7, code: 30, text: "not as expected"},
		"no structs":    {answer: []any{7}, code: 30, text: "not as expected"},
		"half structs":  {answer: []any{map[string]any{"name": "x"}}, code: 30, text: "not as expected"},
		"a text as pid": {answer: []any{map[string]any{"name": "x", "group": "x", "statename": "RUNNING", "state": 20, "pid": "1"}}, code: 30, text: "not as expected"},
	} {
		n, err := newNamespace(config{}, sdk.Instance{Host: daemon(func(string) (any, error) { return c.answer, c.err }), Log: hclog.NewNullLogger()}, table)
		if err != nil {
			t.Fatal(err)
		}
		for method, params := range map[string][]any{"getAllProcessStats": nil, "getProcessStats": {"x"}} {
			var f *sdk.Fault
			if _, err := n.Call(t.Context(), method, params); !errors.As(err, &f) || f.Code != c.code || !strings.Contains(f.Text, c.text) {
				t.Errorf("%s, %s: %v", name, method, err)
			}
		}
	}
}

func TestASystemThatDoesNotTell(t *testing.T) {
	no := errors.New("cannot read what processes use: that takes Linux's /proc")
	_, err := newNamespace(config{}, sdk.Instance{}, func([]int) (map[int]*found, error) { return nil, no })
	if c, ok := errors.AsType[*sdk.ConfigError](err); !ok || c.Text != no.Error() {
		t.Errorf("%v", err)
	}
}

func TestSamplesAreTakenWithoutACall(t *testing.T) {
	asked := make(chan string, 1)
	n, err := newNamespace(config{Interval: time.Second}, sdk.Instance{Host: daemon(func(method string) (any, error) {
		select {
		case asked <- method:
		default:
		}
		return []any{info("a", "a", 7)}, nil
	}), Log: hclog.NewNullLogger()}, func([]int) (map[int]*found, error) { return map[int]*found{7: {}}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if method := <-asked; method != "supervisor.getAllProcessInfo" {
		t.Error(method)
	}
	if err := n.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConformance(t *testing.T) {
	host := func(_ context.Context, method string, _ []any) (any, error) {
		if method != "supervisor.getAllProcessInfo" {
			return nil, &sdk.Fault{Code: 1, Text: "UNKNOWN_METHOD"}
		}
		return []any{info("web", "web", 0), info("a", "group", 0)}, nil
	}
	stopped := func(name, group string) sdk.Struct {
		return sdk.Struct{{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "state", Value: 20}, {Name: "statename", Value: "RUNNING"}, {Name: "pid", Value: 0}}
	}
	sdktest.TestNamespace(t, Plugin(), sdktest.NamespaceOptions{
		Options: sdktest.Options{
			Values: map[string]string{"sample_interval": "1"},
			Late:   map[string]string{},
			Bad:    []sdktest.Bad{{Name: "too often", Set: map[string]string{"sample_interval": "10ms"}, Key: "sample_interval"}},
		},
		Host: host,
		Calls: []sdktest.Call{
			{Method: "getAPIVersion", Want: "1.0"}, {Method: "getAllProcessStats", Want: []any{stopped("web", "web"), stopped("a", "group")}},
			{Method: "getProcessStats", Params: []any{"web"}, Want: stopped("web", "web")}, {Method: "getProcessStats", Params: []any{"group:a"}, Want: stopped("a", "group")},
			{Method: "getProcessStats", Params: []any{"a"}, Fault: 10}, {Method: "getProcessStats", Params: []any{""}, Fault: 10}, {Method: "getProcessStats", Params: []any{"group:*"}, Fault: 10},
			{Method: "getProcessStats", Params: []any{7}, Fault: 2},
		},
	})
}
