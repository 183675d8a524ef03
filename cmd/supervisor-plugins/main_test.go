package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	known "github.com/hark-supervisor/hark/plugins/bundled"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// TestMain lets the test binary be the program.
func TestMain(m *testing.M) {
	if os.Getenv("SUPERVISOR_PLUGINS") != "" {
		main()
	}
	// net/http's server lingers for half a second after an answer to a request that it has not read: it ends by itself, but later than goleak waits
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"), goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(built.dir)
		os.Exit(status)
	}))
}

// command is the program with arguments, called by a name.
func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Args[0] = name
	cmd.Env = append(os.Environ(), "SUPERVISOR_PLUGINS=1", "GORACE=atexit_sleep_ms=0") // the race detector ends processes late
	return cmd
}

func output(t *testing.T, status int, cmd *exec.Cmd) string {
	t.Helper()
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("%v: status %d, want %d\n%s", cmd.Args, got, status, out)
	}
	return string(out)
}

func TestItTellsWhatItHas(t *testing.T) {
	if got := output(t, 0, command("supervisor-plugins", "list")); got != strings.Join(known.Names(), "\n")+"\n" || !strings.Contains(got, "\nslack\n") {
		t.Errorf("list: %q", got)
	}
	if got := output(t, 0, command("/usr/lib/hark/plugins/syslog", "--version")); got != "syslog 1.0.0\n" {
		t.Errorf("by its name: %q", got)
	}
	if got := output(t, 2, command("supervisor-plugins", "nothing")); !strings.Contains(got, `no plugin is called "nothing"`) || !strings.Contains(got, "webhook ") {
		t.Errorf("no such plugin: %q", got)
	}
	for _, p := range bundled() {
		got := output(t, 0, command("supervisor-plugins", p.Name, "--describe"))
		if d, err := pluginrpc.ParseDescription([]byte(got)); err != nil || d.Name != p.Name {
			t.Errorf("%s: %v %q", p.Name, err, got)
		}
	}
}

// Each of the plugins runs as a process, as the host runs it, and its examples are taken.
func TestTheExamplesAreTaken(t *testing.T) {
	for _, p := range bundled() {
		t.Run(p.Name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "plugins", "bundled", p.Name, "example.conf"))
			if err != nil {
				t.Fatal(err)
			}
			process := plugintest.Start(t, command("supervisor-plugins", p.Name))
			ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
			defer cancel()
			seen := 0
			for _, s := range sections(string(text)) {
				if s.kind == "" {
					continue
				}
				seen++
				if _, err := process.Configure(ctx, s.kind, s.name, s.own(t, p), sdk.Daemon{Identifier: "supervisor", Hostname: "host1"}, ""); err != nil {
					t.Errorf("[%s:%s]: %v", s.kind, s.name, err)
				}
			}
			if seen == 0 {
				t.Error("it has no example")
			}
			if err := process.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

type section struct {
	kind   wire.Kind
	name   string
	values map[string]string
}

func sections(text string) []section {
	var all []section
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := regexp.MustCompile(`^\[(\w+):(\w+)\]$`).FindStringSubmatch(line); m != nil {
			all = append(all, section{wire.Kind(m[1]), m[2], map[string]string{}})
			switch kind := &all[len(all)-1].kind; m[1] {
			case "rpcinterface":
				*kind = wire.Namespace
			case string(wire.Notifier), string(wire.LogSink):
			default:
				*kind = ""
			}
		}
		if key, value, ok := strings.Cut(line, "="); ok && line[0] != ';' && len(all) > 0 {
			value, _, _ = strings.Cut(value, " ;")
			all[len(all)-1].values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return all
}

// own are the keys that are the plugin's; the others are the host's. A file that an example names is not here, and a program in
// /usr/sbin is on some machines only: this one stands in for it.
func (s *section) own(t *testing.T, p sdk.Plugin) map[string]string {
	t.Helper()
	values := map[string]string{}
	for key, value := range s.values {
		base := strings.TrimSuffix(key, "_file")
		for _, k := range plugintest.Describe(t, p).Kinds {
			for _, f := range k.Fields {
				if k.Name != s.kind || strings.HasPrefix(value, "/etc/hark/") && !f.Secret {
					continue
				}
				switch {
				case f.Key == key && strings.HasPrefix(value, "/var/log/") || strings.HasPrefix(value, "/var/lib/"):
					values[key] = filepath.Join(t.TempDir(), filepath.Base(value))
				case f.Key == key && strings.HasPrefix(value, "/usr/sbin/"):
					self, err := os.Executable()
					if err != nil {
						t.Fatal(err)
					}
					values[key] = self
				case f.Key == key:
					values[key] = value
				case f.Key == base && f.Secret && f.Type == pluginkeys.Map:
					values[base] = `KEY="secret"`
				case f.Key == base && f.Secret:
					values[base] = "https://hooks.example.com/secret"
					if p.Name == "shoutrrr" {
						values[base] = "generic+" + values[base]
					}
				}
			}
		}
	}
	return values
}

// printed is what the receiver has printed so far.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

func startReceiver(t *testing.T) (address string, out *printed) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out = &printed{}
	done := make(chan int, 1)
	go func() { done <- receive(ctx, []string{"--listen", "127.0.0.1:0"}, out, out) }()
	t.Cleanup(func() {
		cancel()
		if status := <-done; status != 0 {
			t.Errorf("status %d: %s", status, out)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	limit := time.Now().Add(testkit.Patience)
	for {
		if m := regexp.MustCompile(`listening on (http://\S+)`).FindStringSubmatch(out.String()); m != nil {
			return m[1], out
		}
		if time.Now().After(limit) {
			t.Fatalf("it does not listen: %s", out)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatPluginsSendIsPrinted(t *testing.T) {
	address, out := startReceiver(t)
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	for plugin, values := range map[string]map[string]string{
		"slack": {"webhook_url": address + "/services/x"}, "webhook": {"url": address + "/hook"},
	} {
		p := plugintest.Start(t, command("supervisor-plugins", plugin))
		if _, err := p.Configure(ctx, wire.Notifier, "x", values, sdk.Daemon{}, ""); err != nil {
			t.Fatal(err)
		}
		if err := p.Notifier("x").Notify(ctx, sdktest.Sample(2)); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, want := range []string{
		" webhook /services/x\n  *web:web_00 exited unexpectedly*\n  web:web_00 (pid 4711)", "\n  • 03:04:06 EXITED web:web_01 (status 3)\n",
		" webhook /hook\n  error: web:web_00 exited unexpectedly\n", "\n  • 2026-01-02T03:04:06Z PROCESS_STATE_EXITED web:web_01\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestTheReceiverIsSlacksWebAPI(t *testing.T) {
	address, out := startReceiver(t)
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	p := plugintest.Start(t, command("supervisor-plugins", "slack"))
	if _, err := p.Configure(ctx, wire.Notifier, "x", map[string]string{"bot_token": "xoxb-none", "channel": "#ops", "api_url": address + "/api/"}, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Notifier("x").Notify(ctx, sdktest.Sample(1)); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); !strings.Contains(got, "slack chat.postMessage to #ops\n  *web:web_00 exited") || !strings.Contains(got, "slack chat.postMessage to #ops, in the thread 1") ||
		strings.Contains(got, "xoxb-none") {
		t.Errorf("%s", got)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheReceiverTakesAnythingAndIsNotHarmed(t *testing.T) {
	address, out := startReceiver(t)
	for _, c := range []struct {
		kind, body string
		status     int
	}{
		{"text/plain", "a text\n\x1b[2Jmore", 200}, {"application/json", "{", 200}, {"application/json", `{"text":7}`, 200}, {"", "", 200},
		{"text/plain", strings.Repeat("x", 1<<20+1), 413},
	} {
		r, err := http.Post(address+"/any", c.kind, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		if r.StatusCode != c.status {
			t.Errorf("%.20q: %d", c.body, r.StatusCode)
		}
	}
	if got := out.String(); !strings.Contains(got, "  a text\n  \uFFFD[2Jmore\n") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	var b bytes.Buffer
	if receive(context.Background(), []string{"--nothing"}, &b, &b) != 2 || receive(context.Background(), []string{"--listen", "x"}, &b, &b) != 1 {
		t.Error("bad options are taken")
	}
}

func TestTheDaemonKnowsTheNames(t *testing.T) {
	var names []string
	for _, p := range bundled() {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, known.Names()) {
		t.Errorf("plugins/bundled has %v, this program %v", known.Names(), names)
	}
}
