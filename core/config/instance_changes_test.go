package config

import (
	"slices"
	"strings"
	"testing"
)

func TestChangesOfSectionsAboutPluginsNameTheirKeysAndShowNoSecret(t *testing.T) {
	read := func(token, title, wait string) *Config {
		return readGroups(t, "[plugin:slack]\ncommand=/opt/slack %(ENV_TOKEN)s\n[notifier:ops]\nplugin=slack\nevents=TICK\ntitle_template="+title+
			"\ngroup_wait="+wait+"\nwebhook_url=http://"+token+"\n", "TOKEN="+token)
	}
	a, b := read("hunter1", "a hunter3", "1"), read("hunter2", "b hunter3", "90s")
	got := InstanceChanges(&a.Instances[0], &b.Instances[0])
	want := []Change{{"", "group_wait", "1", "90"}, {"", "title_template", masked, masked}, {"", "webhook_url", masked, masked}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	got = PluginChanges(&a.Plugins[0], &b.Plugins[0])
	if len(got) != 1 || got[0].Key != "command" || got[0].To != "/opt/slack %(ENV_TOKEN)s" || strings.Contains(got[0].From, "hunter") {
		t.Errorf("%v", got)
	}
	if a.Plugins[0].Command.Line != "/opt/slack hunter1" {
		t.Errorf("the command is %q", a.Plugins[0].Command.Line)
	}
}
