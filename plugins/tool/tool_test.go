package tool

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/child"
)

// TestMain lets the test binary be supervisord plugin.
func TestMain(m *testing.M) {
	if child.UmaskVerb(os.Args) {
		return
	}
	if len(os.Args) > 1 && os.Args[1] == Verb {
		os.Exit(Command(os.Args[2:], "0.1.0", os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// machine is a machine's plugin directory and its configuration.
type machine struct {
	t         *testing.T
	dir, conf string
}

func newTool(t *testing.T, sections string) *machine {
	t.Helper()
	dir := t.TempDir()
	k := &machine{t: t, dir: dir, conf: filepath.Join(dir, "supervisord.conf")}
	text := "[supervisord]\nlogfile=DIR/log\npidfile=DIR/pid\nchildlogdir=DIR\nplugin_dirs=DIR/plugins\n" + sections
	if err := os.WriteFile(k.conf, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// run is supervisord plugin with arguments, as a process.
func (k *machine) run(status int, args ...string) string {
	k.t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{Verb}, args...)...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.Dir = k.dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		k.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		k.t.Errorf("%v: status %d, wanted %d\n%s", args, got, status, out)
	}
	return string(out)
}

func (k *machine) says(out string, words ...string) {
	k.t.Helper()
	for _, word := range words {
		if !strings.Contains(out, word) {
			k.t.Errorf("it does not say %q:\n%s", word, out)
		}
	}
}

const describing = `#!/bin/sh
[ "$1" = --describe ] || exit 9
cat <<'END'
{"name": "told", "version": "2.1", "doc": "Tells.", "kinds": [{"kind": "NOTIFIER", "fields": [
 {"key": "to", "required": true, "doc": "whom to tell"}, {"key": "token", "secret": true, "doc": "how to get in"},
 {"key": "tone", "type": "CHOICE", "choices": ["low", "high"], "default": "low", "doc": "of voice"}]}]}
END
`

func (k *machine) script(name, text string) string {
	k.t.Helper()
	path := filepath.Join(k.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // a program
		k.t.Fatal(err)
	}
	return path
}

func TestPluginsAreInstalledListedAndRemoved(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	file := k.script("x", describing)
	k.says(k.run(0, "install", "-c", k.conf, file), "told 2.1 (notifier) is installed in "+k.dir+"/plugins, sha256 ")
	k.says(k.run(0, "list", "-c", k.conf), "NAME", "told", "2.1", "notifier", k.dir+"/plugins")
	var all []listed
	if err := json.Unmarshal([]byte(k.run(0, "list", "--json", "-c", k.conf)), &all); err != nil || len(all) != 1 || all[0].Name != "told" || len(all[0].SHA256) != 64 {
		t.Errorf("%v: %+v", err, all)
	}
	k.says(k.run(0, "info", "told", "-c", k.conf), "told 2.1: Tells.", "[notifier:NAME]", "plugin = told", "; whom to tell (required)\nto = ",
		"secret; or token_file", ";tone = low", "one of low, high")
	k.says(k.run(0, "verify", "-c", k.conf), "told: ok, sha256 ")
	k.says(k.run(0, "check", "told", "-c", k.conf), "file: ok", "description: ok, told 2.1 (notifier)")

	// Changed on disk: not started, and told as that.
	if err := os.WriteFile(filepath.Join(k.dir, "plugins", "told"), []byte(describing+"# more\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	k.says(k.run(1, "verify", "told", "-c", k.conf), "told: refused", "has changed", "plugin install")
	k.says(k.run(1, "check", "told", "-c", k.conf), "has changed")
	k.says(k.run(0, "list", "-c", k.conf), "told: refused")
	k.says(k.run(0, "remove", "told", "-c", k.conf), "told is removed")
	k.says(k.run(1, "remove", "told", "-c", k.conf), `plugin "told" not found`)
	k.says(k.run(1, "info", "told", "-c", k.conf), "not found", "plugin install")
}

func TestAnInterpretersPluginIsInstalledWithItsFiles(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	file := k.script("x.sh", describing)
	k.says(k.run(0, "install", "-c", k.conf, "--files", file, "--", "/bin/sh", file), "told 2.1")
	k.says(k.run(0, "verify", "-c", k.conf), "told: ok")
	k.script("x.sh", describing+"\n")
	k.says(k.run(1, "verify", "-c", k.conf), "has changed", file)
}

func TestPluginsThatCannotBeInstalled(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	k.says(k.run(1, "install", "-c", k.conf, k.script("a", "#!/bin/sh\necho sorry >&2\nexit 3\n")), "cannot describe itself", "status 3", "sorry")
	k.says(k.run(1, "install", "-c", k.conf, k.script("b", "#!/bin/sh\necho hello\n")), "cannot read the plugin's description")
	k.says(k.run(1, "install", "-c", k.conf, k.script("c", "hello")), "neither an ELF program nor a script")
	k.says(k.run(1, "install", "-c", k.conf, k.dir+"/nothing"), "no such file")
	k.says(k.run(1, "install", "-c", k.conf, k.dir), "not a regular file")
	k.says(k.run(0, "list", "-c", k.conf), "NAME")
	if out := k.run(0, "list", "--json", "-c", k.conf); strings.TrimSpace(out) != "[]" {
		t.Errorf("something is installed: %s", out)
	}
}

func TestPluginChecksItsKeys(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	file := k.script("x", describing)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"tone=low"}, "to"},
		{[]string{"to=me", "tone=loud"}, "tone"},
		{[]string{"to=me", "nosuch=1"}, "nosuch"},
	} {
		k.says(k.run(1, append([]string{"check", "-c", k.conf, file}, c.args...)...), c.want)
	}
	if out := k.run(1, "check", "-c", k.conf, file, "to=me", "token=hunter2secret", "nosuch=1"); strings.Contains(out, "hunter2secret") {
		t.Errorf("the secret is told: %s", out)
	}
	// It describes itself, and cannot do more: what starts it sees that.
	k.says(k.run(1, "check", "-c", k.conf, file, "to=me"), "keys: ok", "it cannot be started")
	k.says(k.run(2, "check", "-c", k.conf, file, "logsink", "to=me"), "it is not a logsink")
}

func TestThePluginSectionCounts(t *testing.T) {
	t.Parallel()
	k := newTool(t, "[plugin:told]\ncommand = DIR/x\n")
	k.script("x", describing)
	k.says(k.run(0, "info", "told", "-c", k.conf), "from "+k.dir+"/x")
	k.says(k.run(0, "verify", "told", "-c", k.conf), "told: ok")
}

func TestPluginUsage(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	k.says(k.run(0, "--help"), "install FILE", "verify [NAME...]", "check NAME|FILE")
	k.says(k.run(2), "usage:")
	for _, args := range [][]string{{"nosuch"}, {"install"}, {"install", "a", "b"}, {"remove"}, {"info"}, {"check"}, {"list", "x"}, {"list", "--nosuch"}} {
		k.says(k.run(2, append(args, "-c", k.conf)...), "supervisord plugin --help")
	}
	k.says(k.run(2, "list", "-c", k.dir+"/nothing.conf"), "nothing.conf")
	k.says(k.run(0, "new", "fresh", "--kind", "notifier", "--dir", k.dir+"/fresh"), "is written")
}

func TestTheNearestNameIsSaidOfAPluginThatIsNotThere(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	for _, verb := range []string{"info", "check"} {
		k.says(k.run(1, verb, "-c", k.conf, "slak"), `plugin "slak" not found in `, "; did you mean slack?")
	}
}

func TestAPluginOfTheNameOfABundledOneIsInstalledOnPurposeOnly(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	file := k.script("x", strings.Replace(describing, `"told"`, `"slack"`, 1))
	k.says(k.run(1, "install", "-c", k.conf, file), "slack comes with Hark", "--shadow")
	if out := k.run(0, "list", "--json", "-c", k.conf); strings.Contains(out, "2.1") {
		t.Errorf("it is installed: %s", out)
	}
	k.says(k.run(0, "install", "--shadow", "-c", k.conf, file), "slack 2.1 (notifier) is installed")
}

func TestPluginsNamedByTheirCommandAreListed(t *testing.T) {
	t.Parallel()
	k := newTool(t, "[plugin:told]\ncommand = DIR/x\n[plugin:gone]\ncommand = DIR/gone\n")
	k.script("x", describing)
	var all []listed
	out := k.run(0, "list", "--json", "-c", k.conf)
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 2 || all[0].Name != "told" || all[0].Where != "command" || all[0].Version != "2.1" ||
		all[1].Name != "gone" || !strings.Contains(all[1].Trouble, "no such file") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCheckSaysWhetherThePluginWasStarted(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	file := k.script("x", describing)
	k.says(k.run(0, "check", "-c", k.conf, file), "description: ok", "not started: a notifier needs keys; to try it: supervisord plugin check "+file+" notifier to=…")
	// Without a key that it requires it is started: this one describes itself, and cannot do more.
	file = k.script("y", strings.Replace(describing, `"required": true, `, "", 1))
	k.says(k.run(1, "check", "-c", k.conf, file), "keys: ok", "it cannot be started")
}

// What a plugin prints before it must is told in the same way wherever it is met.
func TestAPluginThatPrintsFirst(t *testing.T) {
	t.Parallel()
	k := newTool(t, "")
	const good = "must print to standard error"
	file := k.script("x", strings.Replace(describing, "cat <<", "echo hello, I start\ncat <<", 1))
	for _, verb := range []string{"check", "install"} {
		k.says(k.run(1, verb, "-c", k.conf, file), `it begins with "hello, I start"`, good)
	}
	file = k.script("y", strings.Replace(describing, "|| exit 9", "|| { echo hello, I start; sleep 1; exit 9; }", 1))
	k.says(k.run(1, "check", "-c", k.conf, file, "to=me"), `"hello, I start" is not the handshake of a plugin`, good)
}
