package sections

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/trust"
	"github.com/hark-supervisor/hark/sdk"
)

// parsed is a configuration; DIR in the text is its directory.
func parsed(t *testing.T, text string) (conf *config.Config, dir string) {
	t.Helper()
	dir = testkit.Dir(t)
	path := filepath.Join(dir, "supervisord.conf")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll("[supervisord]\n"+text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(config.Options{Path: path, Dir: dir, Argv0: "supervisord"})
	if err != nil {
		t.Fatal(err)
	}
	return conf, dir
}

// section is one about plugins.
func section(t *testing.T, conf *config.Config, name string) *config.PluginInstance {
	t.Helper()
	i := slices.IndexFunc(conf.Instances, func(i config.PluginInstance) bool { return i.Section == name })
	if i < 0 {
		t.Fatalf("there is no [%s]", name)
	}
	return &conf.Instances[i]
}

// described is a plugin's description, as its process tells it.
func described(t *testing.T) *pluginrpc.Description {
	t.Helper()
	type keys struct {
		URL    string `hark:"url,required,secret"`
		Volume int    `hark:"volume" min:"1" max:"11"`
		CAFile string `hark:"ca_file,file"`
	}
	doc, err := sdk.Describe(sdk.Plugin{Name: "shout", Version: "1.0.0", Doc: "Shouts.", Kinds: []sdk.Kind{
		sdk.NotifierOf(keys{}, func(context.Context, keys, sdk.Instance) (sdk.Notifier, error) {
			return nil, errors.New("never called")
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := pluginrpc.ParseDescription(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// TestTheProcessOfAPlugin: each key of [plugin:x] reaches its place.
func TestTheProcessOfAPlugin(t *testing.T) {
	conf, dir := parsed(t, "[plugin:a]\ncommand=/bin/sh DIR/a.sh 'x y'\nfiles=DIR/a.sh\npermissions=read\nmax_processes=7\n"+
		"[plugin:b]\npermissions=control\nsha256="+strings.Repeat("ab", 32)+"\n[plugin:c]\n")
	want := []host.Settings{
		{Name: "a", Command: []string{"/bin/sh", filepath.Join(dir, "a.sh"), "x y"}, Files: []string{filepath.Join(dir, "a.sh")}, Permissions: host.ReadCalls, MaxProcesses: 7},
		{Name: "b", Permissions: host.AllCalls, SHA256: strings.Repeat("ab", 32)},
		{Name: "c", Permissions: host.NoCalls},
	}
	for i := range conf.Plugins {
		got, err := SettingsOf(&conf.Plugins[i])
		if err != nil || !reflect.DeepEqual(got, want[i]) {
			t.Errorf("it is %+v instead of %+v, %v", got, want[i], err)
		}
		wanted, err := Wanted(&conf.Plugins[i])
		if err != nil || wanted.Name != want[i].Name || !slices.Equal(wanted.Command, want[i].Command) || wanted.SHA256 != want[i].SHA256 || !slices.Equal(wanted.Files, want[i].Files) {
			t.Errorf("to be executed is %+v, %v", wanted, err)
		}
	}
	if len(conf.Plugins) != len(want) {
		t.Errorf("there are %d", len(conf.Plugins))
	}
}

// TestACommandThatCannotBeSplit is refused with its place, and never executed in pieces.
func TestACommandThatCannotBeSplit(t *testing.T) {
	p := config.Plugin{Name: "a", File: "/etc/s.conf", Line: 4, Command: config.Command{Line: "/bin/a 'b", Err: errors.New("No closing quotation")}}
	if _, err := Wanted(&p); err == nil || err.Error() != "/etc/s.conf:4: [plugin:a] command: cannot parse it: No closing quotation" {
		t.Errorf("the error is %v", err)
	}
	if s, err := SettingsOf(&p); err == nil || !slices.Equal(s.Command, []string{"/bin/a 'b"}) {
		t.Errorf("it is %q, %v", s.Command, err)
	}
}

// TestTheAccountOfAPlugin: our own is none.
func TestTheAccountOfAPlugin(t *testing.T) {
	for name, c := range map[string]struct {
		user *config.User
		want *host.Account
	}{
		"none":    {nil, nil},
		"our own": {&config.User{Name: "me", UID: os.Geteuid(), GID: 4}, nil},
		"another": {&config.User{Name: "x", UID: 4711, GID: 4712, Groups: []int{4712, 4713}}, &host.Account{Name: "x", UID: 4711, GID: 4712, Groups: []uint32{4712, 4713}}},
	} {
		if got := AccountOf(c.user); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

const sections = "[notifier:ops]\nplugin=shout\nevents=PROCESS_STATE_FATAL,PROCESS_STATE_EXITED\nprograms=web:*\nbuffer_size=33\noverflow=spool\nspool_dir=DIR\nspool_maxbytes=2MB\n" +
	"spool_sync=true\nnotify_timeout=7\nretry_delay=2\nretry_max_delay=40\nmax_retries=5\nmax_age=3h\ndedupe_window=60\ngroup_wait=4\ngroup_max=9\nrate_limit=3/1h\nquiet_hours=22:00-06:30\n" +
	"quiet_severity=critical\nmin_severity=warning\nseverities=PROCESS_STATE_EXITED=info\ntitle_template=T\nbody_template=B\nurl=http://x\n" +
	"[logsink:central]\nplugin=shout\nprograms=web:*\nchannel=stderr\nbuffer_bytes=2MB\noverflow=block\nmax_in_flight=2\nretry_max_delay=30\n" +
	"[rpcinterface:more]\nplugin=shout\nwhere=there\n"

// TestTheOptionsOfAnOutlet: each key of a section reaches its place.
func TestTheOptionsOfAnOutlet(t *testing.T) {
	conf, dir := parsed(t, sections)
	programs, err := eventlistener.ParsePrograms([]string{"web:*"})
	if err != nil {
		t.Fatal(err)
	}
	ops, central := section(t, conf, "notifier:ops").Notifier, section(t, conf, "logsink:central").LogSink
	got := NotifierOptions("ops", ops, "/elsewhere")
	if !slices.Equal(got.Programs.Patterns(), programs.Patterns()) {
		t.Errorf("its programs are %v", got.Programs)
	}
	got.Programs = nil
	if got.Spool == nil || got.Spool.Dir != dir || got.Spool.MaxBytes != 2<<20 || !got.Spool.Sync {
		t.Errorf("its spool is %+v", got.Spool)
	}
	got.Spool = nil
	want := notify.Options{
		Name: "ops", Events: []eventlistener.Type{eventlistener.ProcessStateFatal, eventlistener.ProcessStateExited}, BufferSize: 33, Overflow: eventlistener.SpoolEvents,
		Timeout: 7 * time.Second, RetryDelay: 2 * time.Second, RetryMax: 40 * time.Second, MaxRetries: 5, RetryFor: ops.RetryFor, MaxAge: 3 * time.Hour,
		Dedupe: time.Minute, GroupWait: 4 * time.Second, GroupMax: 9, Rate: notify.Rate{Count: 3, Period: time.Hour},
		Quiet:       notify.QuietHours{From: 22 * time.Hour, To: 6*time.Hour + 30*time.Minute, Passing: sdk.Critical},
		MinSeverity: sdk.Warning, Severities: []notify.SeverityRule{{Type: eventlistener.ProcessStateExited, Severity: sdk.Info}}, Title: "T", Body: "B",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("a notifier has\n%+v instead of\n%+v", got, want)
	}
	sink := SinkOptions("central", central, "/elsewhere")
	sink.Programs = nil
	if want := (logsink.Options{Name: "central", Stderr: true, BufferBytes: 2 << 20, Overflow: logsink.BlockProgram, MaxInFlight: 2, RetryMax: 30 * time.Second, RetryFor: central.RetryFor}); !reflect.DeepEqual(sink, want) {
		t.Errorf("a sink has\n%+v instead of\n%+v", sink, want)
	}
}

// TestASpoolWithoutADirectory is in childlogdir.
func TestASpoolWithoutADirectory(t *testing.T) {
	if o := NotifierOptions("ops", &config.Notifier{Overflow: eventlistener.SpoolEvents}, "/logs"); o.Spool == nil || o.Spool.Dir != "/logs" {
		t.Errorf("a notifier has %+v", o.Spool)
	}
	if o := SinkOptions("central", &config.LogSink{Overflow: "spool"}, "/logs"); o.Overflow != logsink.SpoolOverflow || o.Spool.Dir != "/logs" {
		t.Errorf("a sink has %+v", o)
	}
	if o := NotifierOptions("ops", &config.Notifier{}, "/logs"); o.Spool != nil {
		t.Errorf("a notifier that discards has %+v", o.Spool)
	}
}

// TestTheKeysOfAPlugin: those of the host are not among them, and each has its place.
func TestTheKeysOfAPlugin(t *testing.T) {
	conf, dir := parsed(t, sections)
	want := []host.Instance{
		{Kind: wire.Notifier, Name: "ops", Section: "notifier:ops", Keys: []host.Key{{Name: "url", Value: "http://x"}}},
		{Kind: wire.LogSink, Name: "central", Section: "logsink:central"},
		{Kind: wire.Namespace, Name: "more", Section: "rpcinterface:more", Keys: []host.Key{{Name: "where", Value: "there"}}},
	}
	for i := range conf.Instances {
		got := InstanceOf(section(t, conf, want[i].Section))
		if got.Plugin != "shout" || got.File != filepath.Join(dir, "supervisord.conf") || got.Line == 0 {
			t.Errorf("it is %+v", got)
		}
		got.Plugin, got.File, got.Line = "", "", 0
		for k := range got.Keys {
			if got.Keys[k].Line == 0 || got.Keys[k].File == "" {
				t.Errorf("%s has no place", got.Keys[k].Name)
			}
			got.Keys[k].File, got.Keys[k].Line, got.Keys[k].Near = "", 0, ""
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("it is %+v instead of %+v", got, want[i])
		}
	}
}

// TestWhatIsWrongWithKeys, by the plugin's description: the key is named with its place and never a value that is secret.
func TestWhatIsWrongWithKeys(t *testing.T) {
	conf, dir := parsed(t, "[notifier:good]\nplugin=shout\nevents=EVENT\nurl=http://x\n"+
		"[notifier:bad]\nplugin=shout\nevents=EVENT\nvolume=12\nvolumes=3\n"+
		"[notifier:files]\nplugin=shout\nevents=EVENT\nurl_file=DIR/secret\nca_file=DIR/ca\n"+
		"[notifier:there]\nplugin=shout\nevents=EVENT\nurl_file=DIR/mine\nca_file=DIR/mine\n")
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := described(t)
	for name, want := range map[string]struct{ wrong, missing []string }{
		"good":  {},
		"bad":   {wrong: []string{"9 volume", "10 volumes", "6 url"}},
		"files": {missing: []string{"14 url_file", "15 ca_file"}},
		"there": {},
	} {
		in := section(t, conf, "notifier:"+name)
		for what, c := range map[string]struct {
			issues []config.Issue
			want   []string
		}{"wrong": {Issues(d, in), want.wrong}, "missing": {MissingFiles(d, in), want.missing}} {
			var got []string
			for _, issue := range c.issues {
				got = append(got, strings.TrimSpace(strings.Join([]string{strings.Split(issue.String(), ":")[1], issue.Key}, " ")))
				if issue.Section != in.Section || issue.Text == "" || strings.Contains(issue.Text, "hunter2") {
					t.Errorf("%s: %+v", what, issue)
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("[%s] %s: %q instead of %q", in.Section, what, got, c.want)
			}
		}
	}
}

// TestAMisspeltPlugin: the nearest name is in the error, of those that come with Hark and those that are installed, and of no other error.
func TestAMisspeltPlugin(t *testing.T) {
	policy := &trust.Policy{Dirs: []string{t.TempDir()}, UID: os.Geteuid()}
	for name, want := range map[string]string{"slak": "; did you mean slack?", "slack": "", "nothing-like-it": ""} {
		_, cause := policy.Resolve(trust.Wanted{Name: name})
		if !errors.Is(cause, trust.ErrNotFound) {
			t.Fatalf("the cause is %v", cause)
		}
		if err := Suggested(policy, name, cause); err.Error() != cause.Error()+want || !errors.Is(err, trust.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Suggested(policy, "slak", os.ErrPermission); err != os.ErrPermission { //nolint:errorlint // the very same
		t.Errorf("another error became %v", err)
	}
	_, err := Resolve(policy, host.Settings{Name: "slak"})
	if err == nil || !strings.HasSuffix(err.Error(), "did you mean slack?") {
		t.Errorf("resolving says %v", err)
	}
}
