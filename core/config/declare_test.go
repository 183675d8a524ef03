package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// twoValues are two values of each type that mean different things. A test of a key of a new type fails until it has a row.
func twoValues() map[string][2]string {
	return map[string][2]string{
		"text": {"one", "two"}, "integer": {"7", "8"}, "boolean": {"true", "false"}, "seconds": {"5", "6"}, "time": {"5", "500ms"}, "size": {"2MB", "3MB"},
		"log level": {"debug", "warn"}, "restart policy": {"true", "unexpected"}, "overflow policy": {"discard_newest", "discard_oldest"},
		"form of events": {"json", "extended"}, "permission": {"read", "control"}, "channels": {"stdout", "both"},
		"overflow policy of a log sink": {"block", "drop_oldest"}, "severity": {"warning", "error"}, "what to do with a full disk": {"drop", "block"},
		"what to do with a breach of the protocol": {"restart", "unknown"}, "log file": {"/tmp/one", "NONE"}, "mode": {"0700", "0770"}, "umask": {"022", "077"},
		"owner": {"root", "nobody"}, "user": {"root", "nobody"}, "name of a user": {"root", "nobody"}, "file": {"/tmp/one", "/tmp/two"}, "directory": {"/tmp", "/"},
		"socket file": {"/tmp/one", "/tmp/two"}, "spool directory": {"/tmp/one", "/tmp/two"}, "path": {"/etc/passwd", "/etc/group"},
		"variables": {`A="1"`, `A="2"`}, "exit codes": {"0", "0,2"}, "event types": {"EVENT", "TICK_5"}, "patterns": {"web:*", "db"},
		"names of programs": {"one", "two"}, "files of a plugin": {"/a", "/b"}, "directories": {"/a", "/b"}, "command": {"/bin/cat", "/bin/cat -u"},
		"signal": {"TERM", "HUP"}, "server URL": {"http://localhost:1", "http://localhost:2"}, "address of a socket": {"unix:///tmp/one", "tcp://localhost:9000"},
		"port": {"9001", "127.0.0.1:9001"}, "name of processes": {"p%(process_num)d", "q%(process_num)d"},
		"factory":        {"supervisor.rpcinterface:make_main_rpcinterface", "supervisor_cache.rpcinterface:make_cache_rpcinterface"},
		"result handler": {"supervisor.dispatchers:default_handler", "supervisor_stdout:event_handler"},
		"severities":     {"TICK=info", "TICK=error"}, "rate": {"1/1m", "1/2m"}, "times of day": {"22:00-07:00", "22:00-06:00"},
		"template": {"a", "b"}, "SHA-256": {strings.Repeat("0", 64), strings.Repeat("1", 64)},
	}
}

// around are the other keys of a section that one of its keys is tried in.
func around(section, key string) map[string]string {
	all := map[string]map[string]string{
		"unix_http_server": {"file": "/tmp/s.sock"}, "inet_http_server": {"port": "9001"},
		"program:x": {"command": "/bin/cat", "process_name": "%(program_name)s_%(process_num)d"}, "group:x": {"programs": "one"},
		"plugin:x": {"command": "/bin/plugin"}, "notifier:x": {"plugin": "webhook", "events": "TICK"}, "logsink:x": {"plugin": "syslog"},
	}
	all["fcgi-program:x"] = maps.Clone(all["program:x"])
	all["fcgi-program:x"]["socket"] = "unix:///tmp/f.sock"
	all["eventlistener:x"] = maps.Clone(all["program:x"])
	all["eventlistener:x"]["events"] = "TICK"
	keys := maps.Clone(all[section])
	if keys == nil {
		keys = map[string]string{}
	}
	switch {
	case strings.HasPrefix(key, "spool_"):
		keys["overflow"] = "spool"
	case key == "certfile" || key == "keyfile" || key == "client_ca":
		keys["certfile"], keys["keyfile"] = "/etc/hosts", "/etc/hosts"
	case key == "username" || strings.HasSuffix(key, "password") || key == "password_file" || key == "read_only_username":
		keys["username"], keys["password"] = "u", "p"
		if strings.HasPrefix(key, "read_only") {
			keys["read_only_username"], keys["read_only_password"] = "r", "s"
		}
		if key == "password_file" {
			delete(keys, "password")
		}
	}
	return keys
}

// with loads a configuration in which a key of a section has a value.
func with(t *testing.T, section, key, value string) *Config {
	t.Helper()
	keys := around(section, key)
	if key != "" {
		keys[key] = value
	}
	text := "[program:one]\ncommand=/bin/cat\n[program:two]\ncommand=/bin/cat\n"
	if section != "supervisord" {
		text += "[supervisord]\n"
	}
	text += "[" + section + "]\n"
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		text += k + "=" + keys[k] + "\n"
	}
	path := filepath.Join(t.TempDir(), "s.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{Path: path, Environ: []string{"PATH=/bin"}})
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return c
}

// seen is what reread reports as changed between two configurations, and the keys that config diff names.
func seen(a, b *Config) (changed bool, keys []string) {
	add := func(all []Change) {
		for _, c := range all {
			name, _, _ := strings.Cut(c.Key, " ") // environment NAME
			keys = append(keys, name)
		}
	}
	added, differ, removed := Diff(a.Groups, b.Groups)
	for i, g := range a.Groups {
		if i < len(b.Groups) && b.Groups[i].Name == g.Name {
			add(Changes(g, b.Groups[i]))
		}
	}
	changed = len(added)+len(differ)+len(removed) > 0
	for i := range a.Plugins {
		changed = changed || !a.Plugins[i].Equal(&b.Plugins[i])
		add(PluginChanges(&a.Plugins[i], &b.Plugins[i]))
	}
	for i := range min(len(a.Instances), len(b.Instances)) {
		changed = changed || !a.Instances[i].Equal(&b.Instances[i])
		add(InstanceChanges(&a.Instances[i], &b.Instances[i]))
	}
	for _, c := range StartupChanges(a, b) {
		keys = append(keys, c.Keys...)
		changed = true
	}
	return changed, keys
}

// A key that is declared is one that reread sees change and config diff names, without another line of code.
func TestRereadSeesTheChangeOfEveryKey(t *testing.T) {
	others := []string{"supervisorctl", "ctlplugin:x", "fleet:x", "include"} // which supervisord does not read, or not keep
	tried := 0
	for _, s := range Schema() {
		if slices.Contains(others, s.Name) {
			continue
		}
		for _, f := range s.Fields {
			if s.Name == "eventlistener:x" && f.Key == "redirect_stderr" { // it has one value
				continue
			}
			values, ok := twoValues()[f.Type.Name]
			if !ok {
				t.Errorf("[%s] %s: there are no values of the type %q to try", s.Name, f.Key, f.Type.Name)
				continue
			}
			section := s.Name
			if s.Name == "rpcinterface:x" && f.Key == "supervisor.rpcinterface_factory" {
				section = "rpcinterface:cache"
			}
			tried++
			one, again, two := with(t, section, f.Key, values[0]), with(t, section, f.Key, values[0]), with(t, section, f.Key, values[1])
			if changed, keys := seen(one, again); changed || len(keys) > 0 {
				t.Errorf("[%s] %s: %s is changed to itself: %v", s.Name, f.Key, values[0], keys)
			}
			changed, keys := seen(one, two)
			want := f.Key
			switch {
			case f.Names || f.Key == "process_name":
				want = "processes"
			case !f.Compared:
				if changed || len(keys) > 0 {
					t.Errorf("[%s] %s: it is declared as not compared, and there are changes: %v", s.Name, f.Key, keys)
				}
				continue
			}
			if !changed || !slices.Contains(keys, want) {
				t.Errorf("[%s] %s from %s to %s: changed is %v, config diff names %v", s.Name, f.Key, values[0], values[1], changed, keys)
			}
			if len(slices.Compact(slices.Sorted(slices.Values(keys)))) > 1 && f.Key != "priority" && f.Key != "redirect_stderr" && f.Key != "stopasgroup" && !f.Names {
				t.Errorf("[%s] %s: config diff names more than it: %v", s.Name, f.Key, keys)
			}
		}
	}
	if tried < 150 {
		t.Errorf("only %d keys were tried", tried)
	}
}

// What is written of a key that takes effect at start gets into its field: reread compares the text of such keys.
func TestEveryKeyThatTakesEffectAtStartIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	ctl := func(section, key, value string) any {
		text := "[supervisorctl]\n"
		if section != "supervisorctl" {
			text += "[" + section + "]\nservers=http://h:1\n"
		}
		if err := os.WriteFile(path, []byte(text+key+"="+value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadCtl(Options{Path: path, Dir: "/"})
		if err != nil {
			t.Fatal(err)
		}
		if section == "supervisorctl" {
			return c
		}
		return &c.Fleets[0]
	}
	for _, c := range []struct {
		section string
		table   *table
		read    func(key, value string) any
	}{
		{"supervisord", supervisordTable(), func(key, value string) any { return &with(t, "supervisord", key, value).Supervisord }},
		{"unix_http_server", serverTable(), func(key, value string) any { return &with(t, "unix_http_server", key, value).Servers[0] }},
		{"inet_http_server", serverTable(), func(key, value string) any { return &with(t, "inet_http_server", key, value).Servers[0] }},
		{"supervisorctl", ctlTable(), func(key, value string) any { return ctl("supervisorctl", key, value) }},
		{"fleet:x", fleetTable(), func(key, value string) any { return ctl("fleet:x", key, value) }},
	} {
		for _, k := range c.table.keys {
			if k.Only != "" && k.Only != c.section {
				continue
			}
			values := twoValues()[k.Type.Name]
			switch k.Type.Name {
			case "port":
				values = [2]string{"9001", "9002"}
			case "URL", "URLs":
				values = [2]string{"http://a:1", "http://b:1"}
			case "name of a user":
				values = [2]string{"root", "0"} // which differ in their names
			}
			field := func(value string) any { return k.in(reflect.ValueOf(c.read(k.Key, value)).Elem()).Interface() }
			one, two := field(values[0]), field(values[1])
			if reflect.DeepEqual(one, two) || !reflect.DeepEqual(one, field(values[0])) {
				t.Errorf("[%s] %s: %s and %s are both read as %v", c.section, k.Key, values[0], values[1], one)
			}
		}
	}
}

func TestANotifierWhoseWordsMoveBetweenTemplatesIsChanged(t *testing.T) {
	a, b := fresh[Notifier](notifierTable()), fresh[Notifier](notifierTable())
	a.Title, a.Body = "a b", "c"
	b.Title, b.Body = "a", "b c"
	if a.Equal(&b) {
		t.Error("they are equal")
	}
}

// allTables is every struct that declares keys, with the order in which Supervisor reads them.
func allTables() map[string]*table {
	return map[string]*table{
		"Process": processTable(), "Listener": listenerTable(), "Socket": socketTable(), "Group": groupTable(), "Supervisord": supervisordTable(), "Server": serverTable(),
		"RPCInterface": rpcInterfaceTable(), "Ctl": ctlTable(), "CtlPlugin": ctlPluginTable(), "Fleet": fleetTable(), "Plugin": pluginTable(), "Notifier": notifierTable(), "LogSink": logSinkTable(),
	}
}

func TestDeclarationsAreWhole(t *testing.T) {
	for name, tab := range allTables() {
		v := reflect.New(tab.defaults.Type()).Elem()
		for _, k := range tab.keys {
			at := name + ": " + k.Key
			if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || !unicode.IsUpper(rune(k.Doc[0])) && k.Doc[0] != '{' && !strings.HasPrefix(k.Doc, "std") {
				t.Errorf("%s: the documentation is no sentence: %q", at, k.Doc)
			}
			if k.Origin == fromSupervisor && !k.byHand && !slices.Contains(tab.order, k.Key) {
				t.Errorf("%s: it is Supervisor's, and it is not said when Supervisor reads it", at)
			}
			for _, text := range []string{k.Example, k.Sample, k.Min, k.Max} {
				if text == "" || strings.Contains(text, "%(") || strings.HasPrefix(text, "more than") || k.Type.Name == "user" || k.Type.Name == "owner" || k.Type.Name == "port" || k.Type.Name == "log file" {
					continue
				}
				if err := k.Type.parse(&loader{paths: paths{anywhere: true}}, k, text, k.in(v)); err != nil {
					t.Errorf("%s: %q is none: %v", at, text, err)
				}
			}
		}
		for _, o := range tab.order {
			if tab.key(o) == nil {
				t.Errorf("%s: there is no %s to read", name, o)
			}
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("[supervisord]\n")
	const sections = 11430
	for i := range sections {
		fmt.Fprintf(&text, "[program:p%d]\ncommand=/bin/cat -u %%(program_name)s\nautostart=false\nstdout_logfile=/tmp/%%(program_name)s.log\nenvironment=A=\"%d\"\nstopwaitsecs=5\n", i, i)
	}
	path := filepath.Join(b.TempDir(), "s.conf")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	var c *Config
	for b.Loop() {
		var err error
		if c, err = Load(Options{Path: path, Environ: []string{"PATH=/bin"}}); err != nil {
			b.Fatal(err)
		}
	}
	if len(c.Groups) != sections {
		b.Errorf("%d groups", len(c.Groups))
	}
}

func BenchmarkDiff(b *testing.B) {
	var groups [2][]*Group
	for i := range groups {
		for n := range 11430 {
			groups[i] = append(groups[i], &Group{Name: fmt.Sprint(n), Processes: []*Process{sampleProcess("p")}})
		}
	}
	for b.Loop() {
		if _, changed, _ := Diff(groups[0], groups[1]); len(changed) > 0 {
			b.Fatal(changed)
		}
	}
}

func TestThePlaceOfAnErrorHasNoLineThatIsNotKnown(t *testing.T) {
	for want, got := range map[string]string{"a.conf:3: ": Place("a.conf", 3), "a.conf: ": Place("a.conf", 0), "command line: ": Place("", 0)} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
