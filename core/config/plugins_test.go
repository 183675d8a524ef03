package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "supervisord.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Options{Path: path, Environ: []string{"TOKEN=from-env"}})
}

func TestSectionsOfPlugins(t *testing.T) {
	cfg, err := loadText(t, `[supervisord]
plugin_dirs = /opt/a, /opt/b/
plugin_stopwaitsecs = 1.5
[plugin:slack]
command = /opt/slack --fast
user = root
permissions = Read
max_processes = 40
files = /opt/lib.py=00, /opt/x
[notifier:ops]
plugin = slack
events = PROCESS_STATE
webhook_url = %(ENV_TOKEN)s
webhook_url_file = /run/x
[logsink:central]
plugin = syslog
[rpcinterface:cache]
plugin = cache
size = 3
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(cfg.Supervisord.PluginDirs, " "); got != "/opt/a /opt/b" {
		t.Errorf("plugin_dirs %q", got)
	}
	if got := cfg.Supervisord.PluginStopWait; got != 1500*time.Millisecond {
		t.Errorf("plugin_stopwaitsecs %v", got)
	}
	p := cfg.Plugins[0]
	if len(cfg.Plugins) != 1 || p.Name != "slack" || p.Command.Line != "/opt/slack --fast" || p.User == nil || p.User.UID != 0 ||
		p.Permissions != ReadCalls || p.MaxProcesses != 40 || len(p.Files) != 2 || p.Line != 4 {
		t.Errorf("plugin %+v", cfg.Plugins)
	}
	var all []string
	for _, i := range cfg.Instances {
		text := i.Section + "=" + i.Plugin
		for _, k := range i.Keys {
			text += " " + k.Name + "=" + k.Value.Reveal()
		}
		all = append(all, text)
	}
	want := []string{"rpcinterface:cache=cache size=3", "rpcinterface:twiddler=twiddler", "notifier:ops=slack webhook_url=from-env webhook_url_file=/run/x", "logsink:central=syslog"}
	if strings.Join(all, "\n") != strings.Join(want, "\n") {
		t.Errorf("instances\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
	if n := cfg.Instances[2]; n.Notifier == nil || n.LogSink != nil || n.Keys[0].Line != 13 {
		t.Errorf("notifier %+v", n)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("warnings %q", cfg.Warnings)
	}
}

func TestWrongSectionsOfPlugins(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a plugin's name":             {"[plugin:A_b]\n", "[plugin:A_b] cannot name a plugin"},
		"a hash":                      {"[plugin:a]\nsha256=12\n", "[plugin:a] sha256: cannot use \"12\"; accepted: 64"},
		"a permission":                {"[plugin:a]\npermissions=all\n", "[plugin:a] permissions: cannot use \"all\"; accepted: none, read or control"},
		"a user":                      {"[plugin:a]\nuser=nobody-of-that-name\n", "[plugin:a] user: cannot use"},
		"no plugin":                   {"[notifier:a]\nevents=EVENT\n", "[notifier:a] plugin: there is no plugin"},
		"the name of another plugin":  {"[logsink:a]\nplugin=../x\n", "[logsink:a] plugin: cannot use \"../x\""},
		"an instance's name":          {"[logsink:a/b]\nplugin=x\n", "[logsink:a/b] cannot use the name"},
		"a namespace that is there":   {"[rpcinterface:hark]\nplugin=x\n", "[rpcinterface:hark] plugin: cannot serve the namespace \"hark\", which is built in"},
		"a relative plugin directory": {"plugin_dirs=a\n", "[supervisord] plugin_dirs: cannot use \"a\""},
	} {
		_, err := loadText(t, "[supervisord]\n"+c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestChangesOfPluginSections(t *testing.T) {
	const conf = "[supervisord]\n[plugin:a]\nuser=root\n[notifier:n]\nplugin=a\nevents=EVENT\nk=v\n"
	load := func(text string) *Config {
		cfg, err := loadText(t, text)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	old := load(conf)
	for change, equal := range map[string]bool{"k=v": true, "\nk=v": true, "k=w": false, "k=v\nl=1": false, "": false, "k=v\ngroup_wait=3": false} {
		if got := old.Instances[0].Equal(&load(strings.Replace(conf, "k=v", change, 1)).Instances[0]); got != equal {
			t.Errorf("%q: equal is %v", change, got)
		}
	}
	if n := load(strings.Replace(conf, "user=root", "permissions=control", 1)).Plugins[0]; old.Plugins[0].Equal(&n) || !n.Equal(&n) {
		t.Error("another user and permission is no change")
	}
}

func TestReadSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for _, c := range []struct {
		mode  os.FileMode
		text  string
		wrong string
	}{
		{0o600, "s3cr3t\nmore\n", ""},
		{0o640, "s3cr3t", ""},
		{0o644, "s3cr3t", "everybody may read it"},
		{0o620, "s3cr3t", "others may write to it"},
		{0o600, "\n", "the first line is empty"},
	} {
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecretFile(path)
		switch {
		case c.wrong == "" && (err != nil || got.Reveal() != "s3cr3t"):
			t.Errorf("%v %q: %v, %v", c.mode, c.text, got.Reveal(), err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "s3cr3t")):
			t.Errorf("%v %q: %v, want %q", c.mode, c.text, err, c.wrong)
		}
	}
	for _, bad := range []string{"secret", filepath.Dir(path), path + ".not"} {
		if _, err := ReadSecretFile(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
