package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/daemontest"
	"github.com/hark-supervisor/hark/sdk/listener"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		ignoreSignals()
		status := daemontest.Main(m)
		if err := goleak.Find(); err != nil && status == 0 {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	case "sdk":
		serveSDK(func(context.Context, listener.Event) error { return nil })
	case "rejects two":
		serveSDK(func(_ context.Context, e listener.Event) error {
			if strings.Contains(string(e.Payload), "two") {
				return errors.New("as asked")
			}
			return nil
		})
	case "main": // the command itself
		os.Unsetenv(roleVariable) //nolint:errcheck // fails for impossible names only
		main()
	default:
		runBadListener(role)
	}
}

func serveSDK(handle listener.Handler) {
	err := listener.Serve(context.Background(), func(ctx context.Context, e listener.Event) error {
		if _, err := e.Decode(); err != nil && strings.Contains(e.Header.EventName, "TICK") {
			return err
		}
		return handle(ctx, e)
	}, listener.Workers(3))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// testSettings are for a test of a listener; a machine may be slow, so nothing that
// is to happen is waited for only a little.
func testSettings(t testing.TB, command ...string) settings {
	t.Helper()
	s, _, err := parse(append([]string{"--timeout", "10", "--stopwaitsecs", "10", "--count", "50", "--"}, command...), false, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// command is the command in a process of its own.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(self(t), args...)
	cmd.Env = append(os.Environ(), roleVariable+"=main")
	return cmd
}

// runIt runs the command and returns what it writes and its status.
func runIt(t testing.TB, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func repo(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheSDKsListenersKeepEveryRule(t *testing.T) {
	root := repo(t)
	python := []string{"PYTHONPATH=" + root + "/sdk/python", "PYTHONDONTWRITEBYTECODE=1"}
	bash := []string{"PATH=" + root + "/sdk/bash:/usr/local/bin:/usr/bin:/bin"}
	crashes := "PROCESS_STATE_EXITED,PROCESS_STATE_FATAL"
	log := filepath.Join(t.TempDir(), "crashes")
	tried := judgeAll{}
	for _, l := range []struct {
		name    string
		env     []string
		events  string
		command []string
	}{
		{"Go", []string{roleVariable + "=sdk"}, "EVENT,HARK", []string{self(t)}},
		{"Python, text", python, "EVENT,HARK", []string{"/usr/bin/python3", "-c", "import hark_listener as h; h.listen(lambda e: e.typed and None)"}},
		{"Python, bytes", append(python, "LC_ALL=C"), "EVENT,HARK", []string{"/usr/bin/python3", "-c", "import hark_listener as h; h.listen(lambda e: None, mode='bytes')"}},
		{"bash, UTF-8", append(bash, "LC_ALL=C.UTF-8"), "EVENT,HARK", []string{"/bin/bash", "-c", "source hark-listener.bash; hark_listen true"}},
		{"bash, C", append(bash, "LC_ALL=C"), "EVENT,HARK", []string{"/bin/bash", "-c", "source hark-listener.bash; hark_listen true"}},
		{"Python's example", python, crashes, []string{"/usr/bin/python3", root + "/examples/listeners/python/crash_log.py", log}},
		{"bash's example", bash, crashes, []string{root + "/examples/listeners/bash/crash-log.bash", log}},
		{"sh's example", nil, "EVENT,HARK", []string{root + "/examples/listeners/sh/crash-log.sh", log}},
		{"sh's example in bash", append(bash, "LC_ALL=C.UTF-8"), "EVENT", []string{"/bin/bash", "--posix", root + "/examples/listeners/sh/crash-log.sh", log}},
		// It rejects nothing here, for the exits are expected; FATAL would make it call supervisord.
		{"Go's example", []string{"HARK_X=1"}, "PROCESS_STATE_EXITED", []string{buildExample(t), log}},
	} {
		s := testSettings(t, l.command...)
		s.types, _ = parseTypes(l.events)
		s.env, s.faults = l.env, true
		tried.add(l.name, s, func(t *testing.T, all []verdict, err error) {
			if l.events != "EVENT" && l.events != "EVENT,HARK" {
				var fitting []verdict // some rules are about types it is not for
				for _, v := range all {
					if v.outcome != skip || !strings.Contains(v.detail, "its types") {
						fitting = append(fitting, v)
					}
				}
				all = fitting
			}
			onlyBroken(t, "", all, err)
		})
	}
	tried.report(t)
}

func buildExample(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crashlog")
	if out, err := exec.Command("go", "build", "-o", path, "../../examples/listeners/go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// Listeners in the wild, in a few lines of sh.
func TestShellListenersWithAFault(t *testing.T) {
	for _, l := range []struct{ rule, script string }{
		{"R2", `echo READY; exec cat >/dev/null`},
		{"R4", `while echo READY && read -r h; do l=${h##*len:}; head -c "${l%% *}" >/dev/null; echo RESULT 2; echo OK; done`},
		{"R8", `while echo READY && read -r h; do l=${h##*len:}; head -c "${l%% *}" >/dev/null || exit; echo RESULT 2; printf OK; done`},
		{"R4", `echo started; while echo READY && read -r h; do :; done`},
	} {
		s := testSettings(t, "/bin/sh", "-c", l.script)
		if l.rule == "R8" {
			s.rules = map[string]bool{"R8": true, "R9": true, "R15": true}
		}
		s.timeout = 5 * time.Second
		all, err := judge(s)
		onlyBroken(t, l.rule, all, err)
	}
}

func TestProtocolListsEveryRule(t *testing.T) {
	text, err := os.ReadFile("../../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| <a id="(\w+)"></a>(\w+) \| (MUST|SHOULD) \| (.*) \| (\d+) \|$`)
	found := row.FindAllStringSubmatch(string(text), -1)
	all := rules()
	if len(found) != len(all) {
		t.Fatalf("the document has %d rules, the program %d", len(found), len(all))
	}
	for i, r := range all {
		if m := found[i]; m[1] != strings.ToLower(r.id) || m[2] != r.id || level(m[3]) != r.level || m[4] != r.text || m[5] != r.section {
			t.Errorf("the document has %q, the program %v", m[0], r)
		}
		if !strings.Contains(string(text), "\n## "+r.section+". ") {
			t.Errorf("%s points to section %s, which is not there", r.id, r.section)
		}
	}
}

func TestEveryTypeHasASample(t *testing.T) {
	types, err := parseTypes("EVENT,HARK")
	if err != nil {
		t.Fatal(err)
	}
	s := settings{types: types}
	for i, e := range s.inForm(eventlistener.JSONForm) {
		if sampleOf(types[i], "web", "x").name != types[i].String() || !json.Valid([]byte(e.payload)) {
			t.Errorf("%v: %q", types[i], e.payload)
		}
	}
	if len(types) < 20 || eventlistener.ProcessState.IsSent() {
		t.Errorf("%v", types)
	}
}

func TestTheReports(t *testing.T) {
	env := []string{"--env", roleVariable + "=chatter at each event", "--count", "5"}
	out, _, status := runIt(t, append(env, self(t))...)
	for _, want := range []string{"fail  R4   MUST ", `which is not a message`, "PROTOCOL.md#r4, section 2", "skip  R3, R5 to R25: builds on R4", "1 failed"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if status != exitBroken || strings.Contains(out, "\x1b") {
		t.Errorf("status %d, %q", status, out)
	}
	out, _, status = runIt(t, append(append([]string{"--json"}, env...), self(t))...)
	var r jsonReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if status != exitBroken || r.OK || len(r.Rules) != 25 || r.Rules[3].ID != "R4" || r.Rules[3].Outcome != fail || r.Rules[3].Detail == "" {
		t.Errorf("status %d, %+v", status, r)
	}
	// A SHOULD that is broken is a warning.
	out, _, status = runIt(t, "--rule", "r25,R6", "--env", roleVariable+"=closes stderr", "--", self(t))
	if status != exitKept || !strings.Contains(out, "warn  R25  SHOULD ") || !strings.Contains(out, "pass  R6 ") || strings.Contains(out, "R7 ") {
		t.Errorf("status %d\n%s", status, out)
	}
}

func TestWhatAListenerSaysCannotPlayWithTheTerminal(t *testing.T) {
	var b strings.Builder
	if err := report(&b, palette{fail: "<", off: ">"}, []verdict{{rule: rules()[0], outcome: fail, detail: "\x1b[2J\u009b31m\n"}}); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.ContainsAny(s, "\x1b\u009b") || !strings.Contains(s, "?[2J?31m?\n") || !strings.HasPrefix(s, "<fail>  R1 ") {
		t.Errorf("%q", s)
	}
}

func TestColoursAreForTerminalsOnly(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	env := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	if p := paletteFor(file, env(nil)); p != (palette{}) {
		t.Errorf("a file has %+v", p)
	}
	if p := paletteFor(device, env(nil)); p.fail == "" {
		t.Error("a device has none")
	}
	for _, values := range []map[string]string{{"NO_COLOR": "1"}, {"TERM": "dumb"}} {
		if p := paletteFor(device, env(values)); p != (palette{}) {
			t.Errorf("%v has %+v", values, p)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "no command is given"},
		{[]string{"--what", "x"}, "-what"},
		{[]string{"--events", "NOTHING", "x"}, `"NOTHING"`},
		{[]string{"--rule", "R99", "x"}, `"R99"`},
		{[]string{"--count", "0", "x"}, "--count is 0"},
		{[]string{"--timeout", "-1", "x"}, "--timeout is -1"},
		{[]string{"--stopwaitsecs", "NaN", "x"}, "--stopwaitsecs is NaN"},
		{[]string{"--max-in-flight", "5000", "x"}, "--max-in-flight is 5000"},
		{[]string{"--env", "novalue", "x"}, "NAME=VALUE"},
		{[]string{"/no/such/listener"}, "cannot run the listener"},
		{[]string{"record", "/tmp/x"}, "record needs a file and a command"},
		{[]string{"record", "/no/such/dir/x", "true"}, "cannot record"},
		{[]string{"replay", "/no/such/file", "--", "true"}, "cannot replay"},
		{[]string{"replay"}, "no recording"},
	} {
		if out, errs, status := runIt(t, tc.args...); status != exitUsage || out != "" || !strings.Contains(errs, tc.want) {
			t.Errorf("%q: status %d, %q, %q", tc.args, status, out, errs)
		}
	}
	for _, arg := range []string{"-h", "--help"} {
		if out, errs, status := runIt(t, arg); status != exitKept || out != usageText || errs != "" {
			t.Errorf("%s: status %d, %q, %q", arg, status, out, errs)
		}
	}
	out, _, status := runIt(t, "--list")
	if status != exitKept || strings.Count(out, "\n") != len(rules()) {
		t.Errorf("status %d, %s", status, out)
	}
	// A command of that name.
	if _, errs, status := runIt(t, "--", "record"); status != exitUsage || !strings.Contains(errs, "cannot run") {
		t.Errorf("status %d, %s", status, errs)
	}
}

func TestTheListenersEnvironmentIsNotTheCallersDaemons(t *testing.T) {
	t.Setenv("SUPERVISOR_SERVER_URL", "http://production:9001")
	t.Setenv("SUPERVISOR_PASSWORD", "secret")
	env := strings.Join(environment(settings{env: []string{"SUPERVISOR_USERNAME=me"}}, classicProtocol, nil), "\n")
	if strings.Contains(env, "production") || strings.Contains(env, "secret") || !strings.HasSuffix(env, "SUPERVISOR_USERNAME=me") || !strings.Contains(env, "SUPERVISOR_EVENT_PROTOCOL=3.0 ") {
		t.Errorf("%s", env)
	}
}

func TestMessagesAreReadStrictly(t *testing.T) {
	for _, tc := range []struct {
		text string
		want string // a message's length, "more", or a rule
	}{
		{"", "more"}, {"R", "more"}, {"RE", "more"}, {"READY", "more"}, {"READY\n", "6"}, {"READY\nRESULT", "6"}, {"RESULT", "more"},
		{"RESULT 2", "more"}, {"RESULT 2\n", "more"}, {"RESULT 2\nO", "more"}, {"RESULT 2\nOK", "11"}, {"RESULT 4\nFAILREADY\n", "13"},
		{"READY \n", "R1"}, {"ready\n", "R1"}, {" READY\n", "R1"}, {"RESULT  2\n", "R3"}, {"RESULT 2 \n", "R3"}, {"RESULT x", "R3"},
		{"RESULT 0\n", "R3"}, {"RESULT -1\n", "R3"}, {"RESULT 1000000", "R3"}, {"RESULT 99999\n", "R3"}, {"result 2\nOK", "R3"}, {"RESULT\n", "R3"},
		{"RESULT 2\nok", "R3"}, {"\n", "R4"}, {"hello", "R4"}, {"\x00", "R4"}, {"RxADY", "R4"},
	} {
		_, n, err := parseMessage([]byte(tc.text))
		got := fmt.Sprint(n)
		var b *breach
		if errors.As(err, &b) {
			got = b.rule
		} else if n == 0 {
			got = "more"
		}
		if got != tc.want {
			t.Errorf("%q: %s, %v; want %s", tc.text, got, err, tc.want)
		}
	}
}
