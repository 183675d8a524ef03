package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault is what the plugins of this test do wrong; "" is nothing. It is set for the whole process, by TestFaultsAreFound.
func fault() string { return os.Getenv("SDKTEST_FAULT") }

type postConfig struct {
	URL     string        `hark:"url,required,secret" doc:"where to post"`
	Token   string        `hark:"token,secret" doc:"sent along"`
	Timeout time.Duration `hark:"timeout" doc:"of one try"`
}

type openConfig struct {
	Token string `hark:"token"`
}

// poster posts titles.
type poster struct {
	name   string // of the instance
	c      postConfig
	log    func(string, ...any)
	client *http.Client
}

// waiting tells that an instance waits for its service, for the fault "one at a time".
var waiting atomic.Bool

func post() sdk.Plugin {
	kind := sdk.NotifierOf(postConfig{Timeout: 10 * time.Second}, func(_ context.Context, c postConfig, i sdk.Instance) (sdk.Notifier, error) {
		if !strings.HasPrefix(c.URL, "http") {
			if fault() == "wrong key" {
				return nil, &sdk.ConfigError{Key: "token", Text: "is no address"}
			}
			return nil, &sdk.ConfigError{Key: "url", Text: "is no address"}
		}
		return &poster{i.Name, c, i.Log.Info, &http.Client{Timeout: c.Timeout}}, nil
	})
	if fault() == "open secret" {
		kind = sdk.NotifierOf(openConfig{}, func(context.Context, openConfig, sdk.Instance) (sdk.Notifier, error) { return &poster{}, nil })
	}
	return sdk.Plugin{Name: "post", Version: "1.0.0", Doc: "Posts titles.", Kinds: []sdk.Kind{kind}}
}

func (p *poster) Notify(ctx context.Context, n *sdk.Notification) error {
	p.log("posting", "to", p.c.URL)
	if fault() == "leak" {
		_, _ = fmt.Fprintf(os.Stderr, "posting to %s\n", p.c.URL)
	}
	if fault() == "one at a time" && p.name == "waits" {
		waiting.Store(true)
	}
	for fault() == "one at a time" && strings.HasPrefix(p.name, "goes on") && ctx.Err() == nil {
		if waiting.Load() {
			return errors.New("another is at it")
		}
		time.Sleep(time.Millisecond)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.c.URL, strings.NewReader(n.Title))
	if err != nil {
		return sdk.Final(err)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	err = errors.New(resp.Status)
	switch code := resp.StatusCode; {
	case code < 300:
		return nil
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooManyRequests && fault() != "429":
		return sdk.RetryAfter(err, after(resp))
	}
	return sdk.Final(err)
}

func after(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	if d, err := time.ParseDuration(v + "s"); err == nil {
		return d
	}
	if at, err := http.ParseTime(v); err == nil {
		return time.Until(at)
	}
	return 0
}

func postOptions(t *testing.T) NotifierOptions {
	var got atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.Add(1)
	}))
	t.Cleanup(server.Close)
	return NotifierOptions{
		Options: Options{
			Values: map[string]string{"url": server.URL + "/T0K3N", "token": "hunter2"},
			Bad:    []Bad{{"no address", map[string]string{"url": "ftp://s3cr3t.example.org"}, "url"}},
			Hang:   map[string]string{"url": "http://" + Hanging(t) + "/h4ng", "timeout": "1h"},
		},
		Delivered: func(t *testing.T, n int) {
			if m := got.Swap(0); int(m) != n {
				t.Errorf("%d requests came, want %d", m, n)
			}
		},
	}
}

func TestANotifier(t *testing.T) {
	TestNotifier(t, post(), postOptions(t))
}

func TestAnHTTPNotifier(t *testing.T) {
	TestStatuses(t, post(), func(url string) map[string]string { return map[string]string{"url": url} }, nil)
}

type appendConfig struct {
	File string `hark:"file,required" doc:"where to append"`
}

// appender appends to a file.
type appender struct {
	held []byte
	c    appendConfig
}

func appendTo() sdk.Plugin {
	return sdk.Plugin{Name: "append", Version: "1.0.0", Doc: "Appends to a file.", Kinds: []sdk.Kind{
		sdk.LogSinkOf(appendConfig{}, func(_ context.Context, c appendConfig, _ sdk.Instance) (sdk.LogSink, error) {
			return &appender{c: c}, nil
		}),
	}}
}

func (a *appender) Write(_ context.Context, b *sdk.LogBatch) error {
	for _, r := range b.Records {
		a.held = append(a.held, r.Data...)
	}
	return nil
}

func (a *appender) Close(context.Context) error {
	if fault() == "no flush" {
		return nil
	}
	f, err := os.OpenFile(a.c.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(a.held)
	return errors.Join(err, f.Close())
}

func TestALogSink(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	TestLogSink(t, appendTo(), LogSinkOptions{
		Options: Options{Values: map[string]string{"file": file}},
		Written: func(t *testing.T, records []sdk.LogRecord) {
			var want []byte
			for _, r := range records {
				want = append(want, r.Data...)
			}
			got, err := os.ReadFile(file)
			if err != nil && len(want) > 0 || len(got) != len(want) { // instances write side by side
				t.Errorf("%d bytes were written (%v), want %d", len(got), err, len(want))
			}
			_ = os.Remove(file)
		},
	})
}

// sums adds.
type sums struct{ host sdk.Host }

func sum() sdk.Plugin {
	return sdk.Plugin{Name: "sum", Version: "1.0.0", Doc: "Adds.", Kinds: []sdk.Kind{
		sdk.NamespaceOf(struct{}{}, func(_ context.Context, _ struct{}, i sdk.Instance) (sdk.Namespace, error) { return &sums{i.Host}, nil }),
	}}
}

func (*sums) Methods() []sdk.Method {
	number := sdk.Param{Type: "int"}
	return []sdk.Method{
		{Name: "add", Params: []sdk.Param{number, number}, Returns: number, Help: "Adds two numbers."},
		{Name: "state", Returns: sdk.Param{Type: "struct"}, Help: "The daemon's state."},
	}
}

func (s *sums) Call(ctx context.Context, method string, params []any) (any, error) {
	if method == "state" {
		return s.host.Call(ctx, "supervisor.getState")
	}
	a, ok1 := params[0].(int)
	b, ok2 := params[1].(int)
	if (!ok1 || !ok2) && fault() != "panic" {
		return nil, &sdk.Fault{Code: 2, Text: "INCORRECT_PARAMETERS"}
	}
	if fault() == "panic" {
		a, b = params[0].(int), params[1].(int)
	}
	return a + b, nil
}

func TestANamespace(t *testing.T) {
	TestNamespace(t, sum(), NamespaceOptions{
		Calls: []Call{
			{Method: "add", Params: []any{1, 2}, Want: 3},
			{Method: "add", Params: []any{1, "2"}, Fault: 2},
			{Method: "state", Want: sdk.Struct{{Name: "statecode", Value: 1}}},
		},
		Host: func(_ context.Context, method string, _ []any) (any, error) {
			if method != "supervisor.getState" {
				return nil, errors.New("no")
			}
			return map[string]any{"statecode": 1}, nil
		},
	})
}

// Each fault makes a test fail, in words that tell it.
func TestFaultsAreFound(t *testing.T) {
	if fault() != "" {
		return
	}
	for _, c := range []struct{ fault, test, want string }{
		{"wrong key", "TestANotifier", `the error is about the key "token", not "url"`},
		{"open secret", "TestANotifier", `the key token is not marked hark:"secret"`},
		{"leak", "TestANotifier", "a secret shows (as it is)"},
		{"one at a time", "TestANotifier", "it does not deliver: another is at it"},
		{"429", "TestAnHTTPNotifier", "the outcome is final (429 Too Many Requests), want retry"},
		{"no flush", "TestALogSink", "0 bytes were written"},
		{"panic", "TestANamespace", "x is not well: panicked"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^"+c.test+"$")
			cmd.Env = append(os.Environ(), "SDKTEST_FAULT="+c.fault)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("want %q; it ends with %v and says\n%s", c.want, err, out)
			}
			// What comes before any part, or is no part, speaks for itself.
			if mended := strings.LastIndex(string(out), "to mend:"); c.fault != "open secret" && c.fault != "429" && mended < strings.LastIndex(string(out), "--- FAIL: "+c.test+"/") {
				t.Errorf("the end does not say what is to be mended:\n%s", out)
			}
		})
	}
}

func TestEveryPartSaysHowItIsMended(t *testing.T) {
	for _, file := range []string{"sdktest.go", "notifier.go", "logsink.go", "namespace.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if _, rest, ok := strings.Cut(line, `s.part(t, "`); ok {
				if name, _, _ := strings.Cut(rest, `"`); mend(name) == "" {
					t.Errorf("%s: %q does not", file, name)
				}
			}
		}
	}
}
