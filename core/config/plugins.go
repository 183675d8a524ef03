package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// Plugin is a [plugin:x] section: how a plugin's process runs. A plugin without one runs by the defaults.
type Plugin struct {
	Name         string     `key:"-"`
	Command      Command    `key:"command" is:"hark" sample:"/opt/plugins/slack" doc:"The program of the plugin, with an absolute path, and its arguments. Without it, the plugin is searched by its name in plugin_dirs, and then among those that come with Hark."`
	SHA256       string     `key:"sha256" type:"SHA-256" is:"hark" sample:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" doc:"The SHA-256 hash that the program must have. Without it, the one that was recorded when the plugin was installed."`
	Files        []string   `key:"files" type:"files of a plugin" is:"hark" doc:"Further files that the command reads and that are checked as well, such as the script of an interpreter." example:"/opt/plugins/alert.py"`
	User         *User      `key:"user" type:"user" is:"hark" sample:"nobody" doc:"The user that the plugin runs as. Without it, the daemon's own user."`
	Permissions  Permission `key:"permissions" is:"hark" default:"none" sample:"read" doc:"Which of the daemon's methods the plugin may call. These are none, those that change nothing (read), or all (control). A plugin that comes with Hark and has no section may call what its description asks for."`
	MaxProcesses int        `key:"max_processes" is:"hark" default:"0" unit:"processes" min:"0" max:"4194304" sample:"64" doc:"How many processes and threads the plugin's user may have; 0 is no limit. Where the daemon can create cgroups, only those of the plugin count."`
	File         string     `key:"-"`
	Line         int        `key:"-"`
}

func pluginTable() *table { return tableOf[Plugin](inOrder) }

// Permission is what a plugin may call of the daemon's methods.
type Permission int

// The permissions, least first.
const (
	NoCalls   Permission = iota // none
	ReadCalls                   // those that change nothing
	AllCalls                    // control: all
)

// String is the permission as it is written.
func (p Permission) String() string {
	switch p {
	case ReadCalls:
		return "read"
	case AllCalls:
		return "control"
	}
	return "none"
}

// The kinds of PluginInstance: what their sections' names begin with.
const (
	NotifierInstance  = "notifier"
	LogSinkInstance   = "logsink"
	NamespaceInstance = "rpcinterface"
)

// PluginInstance is a section that a plugin serves: [notifier:x], [logsink:x], or [rpcinterface:x] with plugin=.
type PluginInstance struct {
	Kind     string
	Section  string
	Name     string // x
	Plugin   string
	Keys     []PluginKey // those that are the plugin's, in order
	Notifier *Notifier   // of [notifier:x]: the keys that the host uses
	LogSink  *LogSink    // of [logsink:x]
	File     string
	Line     int
}

// PluginKey is a key that belongs to a plugin. Its value may be secret: only the plugin's schema says.
type PluginKey struct {
	Name  string
	Value Secret
	File  string
	Line  int
	// Near is the key of supervisord's own that this one, which is not known, is like; "" for none. Only its plugin knows whether it is its own.
	Near string
}

// Equal reports whether a running plugin needs no change to become o.
func (p *Plugin) Equal(o *Plugin) bool { return p.Name == o.Name && pluginTable().same(p, o) }

// Equal reports whether an instance needs no change to become o. Where a key was written does not count.
func (i *PluginInstance) Equal(o *PluginInstance) bool {
	if i.Section != o.Section || i.Plugin != o.Plugin || (i.Notifier == nil) != (o.Notifier == nil) || (i.LogSink == nil) != (o.LogSink == nil) {
		return false
	}
	if i.Notifier != nil && !i.Notifier.Equal(o.Notifier) || i.LogSink != nil && !i.LogSink.Equal(o.LogSink) {
		return false
	}
	return slices.EqualFunc(i.Keys, o.Keys, func(a, b PluginKey) bool { return a.Name == b.Name && a.Value == b.Value })
}

// pluginNames is what plugin= may be: sdk.Plugin's Name.
const pluginNames = `^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`

// instanceNames is what x of [notifier:x] may be: it becomes the name of files and of groups.
const instanceNames = `^[A-Za-z0-9_.-]{1,64}$`

// readPlugins reads every section about plugins; those of [rpcinterface:x] are read already.
func (l *loader) readPlugins() {
	names, instances := regexp.MustCompile(pluginNames), regexp.MustCompile(instanceNames)
	for _, i := range l.cfg.RPCInterfaces {
		if i.Plugin != "" {
			l.readNamespace(i)
		}
	}
	for _, section := range l.doc.Sections() {
		kind, name, _ := strings.Cut(section, ":")
		switch kind {
		case "plugin":
			if !names.MatchString(name) {
				l.rejectOwn(section, "", fmt.Sprintf("cannot name a plugin %q; accepted: lower-case letters, digits and hyphens", name))
				continue
			}
			l.readPlugin(section, name)
		case NotifierInstance, LogSinkInstance:
			if !instances.MatchString(name) {
				l.rejectOwn(section, "", fmt.Sprintf("cannot use the name %q; accepted: letters, digits, and _ . -, at most 64", name))
				continue
			}
			l.readInstance(kind, section, name)
		}
	}
	for i := range l.cfg.Instances {
		if in := &l.cfg.Instances[i]; in.Plugin != "" && !names.MatchString(in.Plugin) {
			l.rejectOwn(in.Section, "plugin", fmt.Sprintf("cannot use %q; accepted: the name of a plugin, lower-case letters, digits and hyphens", in.Plugin))
		}
	}
}

func (l *loader) rejectOwn(section, key, text string) {
	l.own(func() { l.reject(section, key, "", text) })
}

func (l *loader) readPlugin(section, name string) {
	at := l.doc.Where(section, "")
	p := fresh[Plugin](pluginTable())
	p.Name, p.File, p.Line = name, at.File, at.Line
	l.reads(section).fill(pluginTable().reading, &p)
	l.cfg.Plugins = append(l.cfg.Plugins, p)
}

// readInstance reads a [notifier:x] or [logsink:x].
func (l *loader) readInstance(kind, section, name string) {
	at := l.doc.Where(section, "")
	i := PluginInstance{Kind: kind, Section: section, Name: name, File: at.File, Line: at.Line}
	plugin := l.get(section, "plugin", l.here)
	if i.Plugin = strip(l.text(plugin, "")); i.Plugin == "" && plugin.state != broken {
		l.rejectOwn(section, "plugin", "there is no plugin; accepted: the name of one")
	}
	if kind == NotifierInstance {
		i.Notifier = l.readNotifier(section)
	} else {
		i.LogSink = l.readLogSink(section)
	}
	i.Keys = l.pluginKeys(section)
	l.cfg.Instances = append(l.cfg.Instances, i)
}

func (l *loader) readNamespace(from RPCInterface) {
	section := NamespaceInstance + ":" + from.Name
	if slices.Contains([]string{"supervisor", "system", "hark"}, from.Name) {
		l.rejectOwn(section, "plugin", fmt.Sprintf("cannot serve the namespace %q, which is built in; accepted: another name", from.Name))
		return
	}
	if !regexp.MustCompile(instanceNames).MatchString(from.Name) || strings.Contains(from.Name, ".") {
		l.rejectOwn(section, "", fmt.Sprintf("cannot use the name %q; accepted: letters, digits, _ and -, at most 64", from.Name))
		return
	}
	l.cfg.Instances = append(l.cfg.Instances, PluginInstance{
		Kind: NamespaceInstance, Section: section, Name: from.Name, Plugin: from.Plugin,
		Keys: l.pluginKeys(section), File: from.File, Line: from.Line,
	})
}

// pluginKeys are the keys of a section that the host does not know. Those of [DEFAULT] are not among them: a plugin refuses what
// it does not know.
func (l *loader) pluginKeys(section string) (keys []PluginKey) {
	known := schemaOf(l.schemas, section)
	for _, name := range l.doc.Own(section) {
		if known.Field(name) != nil {
			continue
		}
		var v setting
		l.own(func() { v = l.get(section, name, l.here) })
		at := l.doc.Where(section, name)
		near := known.nearest(name, func(k string) bool { _, set := l.doc.Get(section, k); return set })
		keys = append(keys, PluginKey{Name: name, Value: NewSecret(v.text), File: at.File, Line: at.Line, Near: near})
	}
	return keys
}

// DefaultPluginDirs are the plugin directories without plugin_dirs.
func DefaultPluginDirs() []string { return fresh[Supervisord](supervisordTable()).PluginDirs }

// pluginDirs reads plugin_dirs.
func (l *loader) pluginDirs(k *key, v setting) (dirs []string) {
	for _, dir := range stringList(l.text(v, "")) {
		if !filepath.IsAbs(dir) {
			l.reject(v.section, v.key, "", fmt.Sprintf("cannot use %q; accepted: %s", dir, k.Type.Accepts))
			continue
		}
		dirs = append(dirs, filepath.Clean(dir))
	}
	return dirs
}

// ReadSecretFile reads a secret: the first line of a file that belongs to root or to us, that no one else may write and that is not world-readable.
// The error contains neither its name, which only those may see who may read the section, nor its content. It may block on a disk.
func ReadSecretFile(path string) (Secret, error) {
	st, err := CheckSecretFile(path)
	if err != nil {
		return Secret{}, err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
		return Secret{}, fmt.Errorf("cannot use the file: it belongs to uid %d, not to root or supervisord; chown it to root", sys.Uid)
	}
	return secretLine(path)
}

// CheckSecretFile reports what is known to be wrong with a file with a secret, for a user who may not be allowed to read it. It may block
// on a disk.
func CheckSecretFile(path string) (os.FileInfo, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("cannot use the file: its path must be absolute")
	}
	st, err := os.Stat(path)
	var failed *os.PathError
	switch {
	case errors.As(err, &failed):
		return nil, fmt.Errorf("cannot read the file: %w", failed.Err)
	case !st.Mode().IsRegular():
		return nil, errors.New("cannot use the file: it is not a regular file")
	case st.Mode()&0o022 != 0:
		return nil, errors.New("cannot use the file: others may write to it; chmod it to 0600")
	case st.Mode()&0o004 != 0:
		return nil, errors.New("cannot use the file: everybody may read it; chmod it to 0600")
	}
	return st, nil
}
