package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/hark-supervisor/hark/eventlistener"
)

// Change is one setting that differs between a running group and a newly read one,
// values as they would be written. Where both are alike they are not shown.
type Change struct {
	Process string `rpc:"process" doc:"empty for the group's own settings"`
	Key     string `rpc:"key" doc:"as in the file; environment NAME for one variable"`
	From    string `rpc:"from" doc:"the value that is in use; empty if it is not set. Secrets and values of environment are <secret>"`
	To      string `rpc:"to" doc:"the value in the file. If both are equal, the values differ in what is not shown"`
}

// Changes lists what makes current differ from next, the group of the same name in
// a newly read configuration: it is empty exactly where Equal is true. Values of
// environment= are never shown. Processes that only one of them has are for the
// caller to report.
func Changes(current, next *Group) []Change {
	var c changes
	if current.Kind != next.Kind {
		c.set("section", current.Kind.String(), next.Kind.String())
	}
	c.set("name", current.Name, next.Name)
	c.compare(groupTable(), current, next)
	if current.Kind == ListenerGroup && next.Kind == ListenerGroup {
		c.compare(listenerTable(), current.Listener, next.Listener)
	}
	if current.Kind == FastCGIGroup && next.Kind == FastCGIGroup {
		c.compare(socketTable(), current.Socket, next.Socket)
	}
	was, will := processNames(current), processNames(next)
	if slices.Equal(was, will) {
		for i, p := range current.Processes {
			c.process(p, next.Processes[i])
		}
		return c.all
	}
	// Supervisor compares by place. What is in both is compared by name here, and
	// the names themselves are a change.
	c.set("processes", strings.Join(was, ","), strings.Join(will, ","))
	byName := make(map[string]*Process, len(current.Processes))
	for _, p := range current.Processes {
		byName[p.Name] = p
	}
	for _, p := range next.Processes {
		if old := byName[p.Name]; old != nil {
			c.process(old, p)
		}
	}
	return c.all
}

// Additions lists what a newly read group sets other than by default, as changes
// from nothing, and the command of each process.
func Additions(next *Group) []Change {
	var c changes
	base := fresh[Group](groupTable())
	standard := fresh[Listener](listenerTable())
	if next.Kind == ListenerGroup {
		base.Priority = standard.Priority
	}
	c.compare(groupTable(), &base, next)
	if next.Kind == FastCGIGroup {
		c.compare(socketTable(), &Socket{}, next.Socket)
	}
	if next.Kind == ListenerGroup {
		if next.Listener.Overflow != eventlistener.SpoolEvents {
			standard.Spool = Spool{} // its keys mean nothing
		}
		c.compare(listenerTable(), &standard, next.Listener)
	}
	for _, p := range next.Processes {
		standard := fresh[Process](processTable())
		standard.Name, standard.KillAsGroup = p.Name, p.StopAsGroup
		if p.RedirectStderr {
			standard.Stderr.Logfile = p.Stderr.Logfile
		}
		c.process(&standard, p)
	}
	for i := range c.all {
		c.all[i].From = ""
	}
	return slices.DeleteFunc(c.all, func(ch Change) bool { return ch.To == "" })
}

// InstanceChanges lists what makes an instance differ from what it is to become, both of one section: empty exactly where Equal is true.
// Values of keys that belong to the plugin are not shown.
func InstanceChanges(current, next *PluginInstance) []Change {
	var c changes
	c.set("plugin", current.Plugin, next.Plugin)
	if current.Notifier != nil && next.Notifier != nil {
		c.compare(notifierTable(), current.Notifier, next.Notifier)
	}
	if current.LogSink != nil && next.LogSink != nil {
		c.compare(logSinkTable(), current.LogSink, next.LogSink)
	}
	values := func(keys []PluginKey) (all []EnvVar) {
		for _, k := range keys {
			all = append(all, EnvVar{k.Name, k.Value.Reveal()})
		}
		return all
	}
	c.variables("", values(current.Keys), values(next.Keys))
	return c.all
}

// PluginChanges lists what makes a plugin differ from what it is to become: empty exactly where Equal is true.
func PluginChanges(current, next *Plugin) []Change {
	var c changes
	c.compare(pluginTable(), current, next)
	return c.all
}

// changes collects changes; who is the process that the next ones are about.
type changes struct {
	all []Change
	who string
}

func (c *changes) set(key, from, to string) {
	if from != to {
		c.add(key, from, to)
	}
}

// add adds a change of a setting whose values may not be shown completely, so that two look alike.
func (c *changes) add(key, from, to string) {
	c.all = append(c.all, Change{c.who, key, from, to})
}

// compare adds a change for each key that differs between two structs of a table, in the order of their declaration.
func (c *changes) compare(t *table, running, next any) {
	a, b := reflect.ValueOf(running).Elem(), reflect.ValueOf(next).Elem()
	for _, k := range t.compared {
		from, to := k.in(a), k.in(b)
		switch {
		case k.same(a.Addr().UnsafePointer(), b.Addr().UnsafePointer()):
		case k.Type.changes != nil:
			k.Type.changes(c, k, from, to)
		case k.Unquoted():
			c.add(k.Key, masked, masked)
		default:
			c.add(k.Key, k.Type.text(from), k.Type.text(to))
		}
	}
}

func (c *changes) process(a, b *Process) {
	c.who = a.Name
	c.compare(processTable(), a, b)
	c.who = ""
}

// variables adds a change for each variable that differs, its name behind prefix, without the values.
func (c *changes) variables(prefix string, a, b []EnvVar) {
	old := make(map[string]string, len(a))
	for _, v := range a {
		old[v.Name] = v.Value
	}
	for _, v := range b {
		switch was, had := old[v.Name]; {
		case !had:
			c.add(prefix+v.Name, "", masked)
		case was != v.Value:
			c.add(prefix+v.Name, masked, masked)
		}
		delete(old, v.Name)
	}
	for _, v := range a {
		if _, left := old[v.Name]; left {
			c.add(prefix+v.Name, masked, "")
			delete(old, v.Name)
		}
	}
}

func processNames(g *Group) []string {
	names := make([]string, len(g.Processes))
	for i, p := range g.Processes {
		names[i] = p.Name
	}
	return names
}

func umaskText(umask int) string {
	if umask < 0 {
		return ""
	}
	return fmt.Sprintf("%03o", umask)
}

// signalText is a signal's name without SIG, or its number.
func signalText(sig syscall.Signal) string {
	for _, known := range signalNames() {
		if known.number == sig && !strings.Contains(known.name, "_") {
			return strings.TrimPrefix(known.name, "SIG")
		}
	}
	return strconv.Itoa(int(sig))
}

func userText(u *User) string {
	if u == nil {
		return ""
	}
	return strconv.Itoa(u.UID)
}

func serverText(address string) string {
	if address == "" {
		return "AUTO"
	}
	return URLText(address)
}

func numbers(all []int) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}
