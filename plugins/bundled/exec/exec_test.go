package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// served in the environment makes this program the plugin.
const served = "EXEC_TEST_SERVES"

func TestMain(m *testing.M) {
	if os.Getenv(served) != "" {
		sdk.Serve(Plugin())
	}
	goleak.VerifyTestMain(m)
}

// helper is the plugin as a process of its own.
func helper() *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), served+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

const (
	secret = "s3cr3tXXXXXXXXXXXXXXXXXX"
)

// made is a notifier that runs a script in a directory of its own.
func made(t *testing.T, script string, change func(*config)) (*notifier, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.Command, c.Directory = `sh ./script "a b" ''`, dir
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := newNotifier(c, sdk.Instance{Name: "ops", Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	return n, dir
}

func contents(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestACommandForEachEvent(t *testing.T) {
	n, dir := made(t, `cat >>in; env | grep -E '^(EVENT|HARK|X|HOME|PATH)' | sort >>env; printf '<%s>' "$@" >>args`, func(c *config) {
		c.Environment = map[string]string{"X_MORE": "a b"}
	})
	m := sdktest.Sample(2)
	m.Title = "a\x00title"
	m.Events[1].Exit = nil
	if err := n.Notify(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir, "args"); got != "<a b><><a b><>" {
		t.Errorf("arguments %q", got)
	}
	const want = `EVENT_EXITSTATUS=3
EVENT_EXPECTED=0
EVENT_FROM_STATE=RUNNING
EVENT_GROUPNAME=web
EVENT_HOST=host.example.org
EVENT_NAME=PROCESS_STATE_EXITED
EVENT_NAMESPEC=web:web_00
EVENT_PID=4711
EVENT_PROCESSNAME=web_00
EVENT_SEQ=1
EVENT_SERVER=sdktest
EVENT_SIGNAL=0
HARK_ATTEMPT=1
HARK_EVENTS=2
HARK_ID=sample-1
HARK_SEVERITY=error
HARK_SUPPRESSED=0
HARK_TITLE=a title
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
X_MORE=a b
`
	if got := contents(t, dir, "env"); !strings.HasPrefix(got, want) || strings.Contains(got, "HOME=") {
		t.Errorf("environment %s", got)
	}
	lines := strings.Split(strings.TrimSpace(contents(t, dir, "in")), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		var d struct{ Events []struct{ Seq int } }
		if err := json.Unmarshal([]byte(line), &d); err != nil || len(d.Events) != 1 || d.Events[0].Seq != i+1 {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestWhatACommandReads(t *testing.T) {
	for input, want := range map[string]string{
		"none": "", "body": "web:web_00 (pid 4711) exited with status 3 after 1m30s.",
		"payload": "processname:web_00 groupname:web from_state:RUNNING expected:0 pid:4711\nprocessname:web_01 groupname:web from_state:RUNNING expected:0 pid:4712",
	} {
		n, dir := made(t, "cat >>in", func(c *config) { c.Input, c.Per = input, "notification" })
		if err := n.Notify(context.Background(), sdktest.Sample(2)); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, dir, "in"); got != want {
			t.Errorf("%s: %q", input, got)
		}
	}
	n, dir := made(t, "cat >>in", func(c *config) { c.Per = "notification" })
	if err := n.Notify(context.Background(), sdktest.Sample(3)); err != nil || strings.Count(contents(t, dir, "in"), `"seq":`) != 3 {
		t.Errorf("json: %v", err)
	}
}

func TestStatuses(t *testing.T) {
	for script, final := range map[string]bool{
		"echo it broke >&2; exit 1": false, "echo it broke; exit 65": true, "exit 75": false, "kill -9 $$": false, "yes it broke | head -c 1000000; exit 1": false,
	} {
		n, _ := made(t, script, func(c *config) { c.FinalStatus = []int{65, 78} })
		err := n.Notify(context.Background(), sdktest.Sample(1))
		if err == nil || sdk.IsFinal(err) != final || strings.Contains(script, "broke") != strings.Contains(err.Error(), "it broke") || len(err.Error()) > 400 {
			t.Errorf("%s: final %v: %v", script, sdk.IsFinal(err), err)
		}
	}
}

// What was there when the section was read may be gone when it is wanted, and come back.
func TestACommandThatIsGone(t *testing.T) {
	for name, f := range map[string]struct {
		breaks, mends func(file string) error
		says          string
	}{
		"the program": {os.Remove, func(file string) error { return os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700) }, "no such file"},
		"its right":   {func(file string) error { return os.Chmod(file, 0) }, func(file string) error { return os.Chmod(file, 0o700) }, "permission"},
		"its form":    {func(file string) error { return os.WriteFile(file, []byte{0x7f, 'E', 'L', 'F', 0}, 0o700) }, func(file string) error { return os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700) }, "format"},
		"its reader":  {func(file string) error { return os.WriteFile(file, []byte("#!/nonexistent\n"), 0o700) }, func(file string) error { return os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700) }, "no such file"},
		"the directory": {
			func(file string) error { return os.RemoveAll(filepath.Dir(file)) },
			func(file string) error {
				return errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700))
			}, "no such file",
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "here", "command")
			if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700)); err != nil {
				t.Fatal(err)
			}
			n, _ := made(t, "", func(c *config) {
				c.Command, c.Directory, c.Environment = file+" "+secret, filepath.Dir(file), map[string]string{"TOKEN": secret}
			})
			if err := f.breaks(file); err != nil {
				t.Fatal(err)
			}
			err := n.Notify(context.Background(), sdktest.Sample(1))
			if err == nil || sdk.IsFinal(err) || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), f.says) {
				t.Errorf("%v", err)
			}
			if err := f.mends(file); err != nil {
				t.Fatal(err)
			}
			if err := n.Notify(context.Background(), sdktest.Sample(1)); err != nil {
				t.Errorf("once it is there again: %v", err)
			}
		})
	}
}

// A command may print what it is told; the process that reports it takes the secrets out (sdk).
func TestACommandThatPrintsItsSecrets(t *testing.T) {
	dir := t.TempDir()
	p := plugintest.Start(t, helper())
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	for status, command := range map[string]string{"1": "sh -c 'env; env >&2; exit 1'", "0": "sh -c 'env'"} {
		values := map[string]string{"command": command, "directory": dir, "environment": `TOKEN="` + secret + `",A="` + secret + `-more"`, "per": "notification"}
		if _, err := p.Configure(ctx, wire.Notifier, "ops", values, sdk.Daemon{}, ""); err != nil {
			t.Fatal(err)
		}
		err := p.Notifier("ops").Notify(ctx, sdktest.Sample(1))
		if (err == nil) != (status == "0") {
			t.Errorf("%s: %v", status, err)
		}
		sdktest.AssertLeaksNoSecret(t, fmt.Sprint(err)+p.Log(), secret, secret+"-more")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestATryGoesOnWhereTheOneBeforeFailed(t *testing.T) {
	n, dir := made(t, `echo $EVENT_SEQ >>seen; [ $EVENT_SEQ != 2 ] || [ -e there ] || exit 1; [ $EVENT_SEQ != 3 ] || exit 9`, func(c *config) { c.FinalStatus = []int{9} })
	m := sdktest.Sample(4)
	if err := n.Notify(context.Background(), m); err == nil || sdk.IsFinal(err) {
		t.Fatalf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Notify(context.Background(), m); err != nil {
		t.Errorf("one event given up of four: %v", err)
	}
	if got := contents(t, dir, "seen"); got != "1\n2\n2\n3\n4\n" {
		t.Errorf("%q", got)
	}
}

func TestACommandThatHangsIsKilledWithWhatItStarted(t *testing.T) {
	n, dir := made(t, "sleep 1000 & echo $! >child; wait", func(c *config) { c.Timeout = testkit.Patience })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Notify(ctx, sdktest.Sample(1)) }()
	var child int
	testkit.Until(t, "its child has written its pid", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "child"))
		child, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return child > 0
	})
	cancel()
	if err := <-done; err == nil || sdk.IsFinal(err) {
		t.Errorf("%v", err)
	}
	testkit.Until(t, "its child is gone", func() bool { // gone, or dead and not yet reaped by whoever is the first process here
		b, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		return syscall.Kill(child, 0) != nil || err == nil && strings.Contains(string(b), ") Z ")
	})
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"": nil, " a  b\t": {"a", "b"}, `a"b c"d 'e "f'`: {"ab cd", `e "f`}, `a\ b "c\"\d" 'e\'`: {"a b", `c"\d`, `e\`}, `""`: {""},
	} {
		if got, ok := split(line); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v", line, got, ok)
		}
	}
	for _, line := range []string{`"a`, `'a`, `a\`} {
		if _, ok := split(line); ok {
			t.Errorf("%s is taken", line)
		}
	}
}

func TestConformance(t *testing.T) {
	dir := t.TempDir()
	seen := 0
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{
		Options: sdktest.Options{
			Values: map[string]string{"command": "sh -c 'cat >/dev/null; echo x >>count'", "directory": dir, "per": "notification", "environment": `TOKEN="` + secret + `"`},
			Hang:   map[string]string{"command": "sleep 1000"},
			Late: map[string]string{
				"no such program":   "it is about a file",
				"none in the path":  "it is about files in another key's directories",
				"a relative one":    "it is about a file",
				"no such directory": "it is about a file",
			},
			Bad: []sdktest.Bad{
				{Name: "no such program", Set: map[string]string{"command": "/nonexistent"}, Key: "command"},
				{Name: "none in the path", Set: map[string]string{"command": "tell-no-value"}, Key: "command"},
				{Name: "a relative one", Set: map[string]string{"command": "./x"}, Key: "command"},
				{Name: "no end", Set: map[string]string{"command": `sh "`}, Key: "command"},
				{Name: "no such directory", Set: map[string]string{"directory": "/nonexistent"}, Key: "directory"},
				{Name: "no status", Set: map[string]string{"final_status": "0"}, Key: "final_status"},
			},
		},
		Delivered: func(t *testing.T, n int) {
			b, _ := os.ReadFile(filepath.Join(dir, "count"))
			if all := strings.Count(string(b), "x"); all-seen != n {
				t.Errorf("%d have run, want %d", all-seen, n)
			}
			seen = strings.Count(string(b), "x")
		},
	})
}
