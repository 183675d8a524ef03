package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Change is one setting that differs between a running group and a newly read one,
// values as they would be written. Where both are alike they are not shown.
type Change struct {
	Process string // "" for the group's own settings
	Key     string // as in the file; "environment NAME" for one variable
	From    string // "" for what was not set
	To      string
}

// Changes lists what makes current differ from next, the group of the same name in
// a newly read configuration: it is empty exactly where Equal is true. Values of
// environment= are never shown. Processes that only one of them has are for the
// caller to tell.
func Changes(current, next *Group) []Change {
	var c changes
	if current.Kind != next.Kind {
		c.set("section", kindName(current.Kind), kindName(next.Kind))
	}
	c.set("name", current.Name, next.Name)
	c.number("priority", current.Priority, next.Priority)
	if current.Kind == ListenerGroup && next.Kind == ListenerGroup {
		c.listener(current.Listener, next.Listener)
	}
	if current.Kind == FastCGIGroup && next.Kind == FastCGIGroup && !current.Socket.equal(next.Socket) {
		c.all = append(c.all, Change{Key: "socket", From: current.Socket.URL, To: next.Socket.URL})
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
	priority := 999
	if next.Kind == ListenerGroup {
		priority = -1
	}
	if next.Priority != priority {
		c.set("priority", "", strconv.Itoa(next.Priority))
	}
	if next.Kind == FastCGIGroup {
		c.set("socket", "", next.Socket.URL)
	}
	if next.Kind == ListenerGroup {
		c.listener(&Listener{BufferSize: 10, ResultHandler: defaultResultHandler, MaxInFlight: 1, SpoolDir: next.Listener.SpoolDir, SpoolMaxBytes: next.Listener.SpoolMaxBytes}, next.Listener)
	}
	stream := Stream{Logfile: Logfile{Kind: LogAuto}, MaxBytes: 50 << 20, Backups: 10}
	for _, p := range next.Processes {
		stderr := stream
		if p.RedirectStderr {
			stderr.Logfile = p.Stderr.Logfile
		}
		c.process(&Process{Name: p.Name, Umask: -1, Priority: 999, AutoStart: true, AutoRestart: RestartUnexpected, StartSecs: 1, StartRetries: 3,
			ExitCodes: []int{0}, StopSignal: defaultStopSignal, StopWaitSecs: 10, KillAsGroup: p.StopAsGroup, Stdout: stream, Stderr: stderr}, p)
	}
	for i := range c.all {
		c.all[i].From = ""
	}
	return slices.DeleteFunc(c.all, func(ch Change) bool { return ch.To == "" })
}

func processNames(g *Group) []string {
	names := make([]string, len(g.Processes))
	for i, p := range g.Processes {
		names[i] = p.Name
	}
	return names
}

func kindName(k Kind) string {
	switch k {
	case ListenerGroup:
		return "eventlistener"
	case FastCGIGroup:
		return "fcgi-program"
	}
	return "program"
}

// changes gathers; who is the process that the next ones are about.
type changes struct {
	all []Change
	who string
}

func (c *changes) set(key, from, to string) {
	if from != to {
		c.all = append(c.all, Change{c.who, key, from, to})
	}
}

// hidden is a setting whose values are not shown whole, so that two may look alike.
func (c *changes) hidden(key string, differs bool, from, to string) {
	if differs {
		c.all = append(c.all, Change{c.who, key, from, to})
	}
}

func (c *changes) number(key string, from, to int) {
	c.set(key, strconv.Itoa(from), strconv.Itoa(to))
}

func (c *changes) size(key string, from, to int64) {
	c.set(key, strconv.FormatInt(from, 10), strconv.FormatInt(to, 10))
}

func (c *changes) truth(key string, from, to bool) {
	c.set(key, strconv.FormatBool(from), strconv.FormatBool(to))
}

func (c *changes) listener(a, b *Listener) {
	events := func(l *Listener) string {
		names := make([]string, len(l.Events))
		for i, e := range l.Events {
			names[i] = e.String()
		}
		slices.Sort(names)
		return strings.Join(names, ",")
	}
	c.set("events", events(a), events(b))
	c.number("buffer_size", a.BufferSize, b.BufferSize)
	c.set("result_handler", a.ResultHandler, b.ResultHandler)
	c.set("programs", strings.Join(a.Programs.Patterns(), ","), strings.Join(b.Programs.Patterns(), ","))
	c.set("overflow", a.Overflow.String(), b.Overflow.String())
	c.set("spool_dir", a.SpoolDir, b.SpoolDir)
	c.size("spool_maxbytes", a.SpoolMaxBytes, b.SpoolMaxBytes)
	c.truth("spool_sync", a.SpoolSync, b.SpoolSync)
	c.number("max_in_flight", a.MaxInFlight, b.MaxInFlight)
	c.set("ack_timeout", a.AckTimeout.String(), b.AckTimeout.String())
	c.number("max_deliveries", a.MaxDeliveries, b.MaxDeliveries)
	c.set("on_protocol_error", onProtocolError(a), onProtocolError(b))
	c.truth("stdin", a.Stdin, b.Stdin)
	c.set("payload", a.Payload.String(), b.Payload.String())
	if len(c.all) == 0 && !a.equal(b) { // a key that is not in this list yet
		c.all = append(c.all, Change{Key: "eventlistener"})
	}
}

func onProtocolError(l *Listener) string {
	if l.RestartOnError {
		return "restart"
	}
	return "unknown"
}

func (c *changes) process(a, b *Process) {
	c.who = a.Name
	defer func() { c.who = "" }()
	before := len(c.all)
	c.set("name", a.Name, b.Name)
	c.hidden("command", a.Command != b.Command, shownOf(a), shownOf(b))
	c.set("directory", a.Directory, b.Directory)
	c.set("umask", umaskText(a.Umask), umaskText(b.Umask))
	c.number("priority", a.Priority, b.Priority)
	c.truth("autostart", a.AutoStart, b.AutoStart)
	c.set("autorestart", autoRestartText(a.AutoRestart), autoRestartText(b.AutoRestart))
	c.number("startsecs", a.StartSecs, b.StartSecs)
	c.number("startretries", a.StartRetries, b.StartRetries)
	c.set("exitcodes", numbers(a.ExitCodes), numbers(b.ExitCodes))
	c.set("stopsignal", signalText(a.StopSignal), signalText(b.StopSignal))
	c.number("stopwaitsecs", a.StopWaitSecs, b.StopWaitSecs)
	c.truth("stopasgroup", a.StopAsGroup, b.StopAsGroup)
	c.truth("killasgroup", a.KillAsGroup, b.KillAsGroup)
	if !sameUser(a.User, b.User) {
		c.set("user", userText(a.User), userText(b.User))
	}
	c.truth("redirect_stderr", a.RedirectStderr, b.RedirectStderr)
	c.stream("stdout", a.Stdout, b.Stdout)
	c.stream("stderr", a.Stderr, b.Stderr)
	c.environment(a.Environment, b.Environment)
	c.hidden("serverurl", a.ServerURL != b.ServerURL, serverText(a.ServerURL), serverText(b.ServerURL))
	if len(c.all) == before && !a.Equal(b) { // a key that is not in this list yet
		c.all = append(c.all, Change{Process: a.Name, Key: "program"})
	}
}

func (c *changes) stream(name string, a, b Stream) {
	if b.Logfile.Kind != LogAuto && a.Logfile != b.Logfile {
		from, to := logfileText(a.Logfile), logfileText(b.Logfile)
		if from == to { // NONE written in two ways
			from, to = "NONE", `""`
		}
		c.set(name+"_logfile", from, to)
	}
	c.size(name+"_logfile_maxbytes", a.MaxBytes, b.MaxBytes)
	c.number(name+"_logfile_backups", a.Backups, b.Backups)
	c.size(name+"_capture_maxbytes", a.CaptureMaxBytes, b.CaptureMaxBytes)
	c.truth(name+"_events_enabled", a.EventsEnabled, b.EventsEnabled)
	c.truth(name+"_syslog", a.Syslog, b.Syslog)
	c.set(name+"_on_full", onFullText(a.Block), onFullText(b.Block))
}

func (c *changes) environment(a, b []EnvVar) {
	old := make(map[string]string, len(a))
	for _, v := range a {
		old[v.Name] = v.Value
	}
	for _, v := range b {
		switch was, had := old[v.Name]; {
		case !had:
			c.set("environment "+v.Name, "", masked)
		case was != v.Value:
			c.hidden("environment "+v.Name, true, masked, masked)
		}
		delete(old, v.Name)
	}
	for _, v := range a {
		if _, left := old[v.Name]; left {
			c.set("environment "+v.Name, masked, "")
			delete(old, v.Name)
		}
	}
}

func autoRestartText(a AutoRestart) string {
	switch a {
	case RestartAlways:
		return "true"
	case RestartUnexpected:
		return "unexpected"
	}
	return "false"
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

func logfileText(f Logfile) string {
	switch f.Kind {
	case LogPath:
		return f.Path
	case LogAuto:
		return "AUTO"
	}
	return "NONE"
}

func onFullText(block bool) string {
	if block {
		return "block"
	}
	return "drop"
}

func serverText(address string) string {
	if address == "" {
		return "AUTO"
	}
	return URLText(address)
}

// URLText is a URL as anybody may see it: without its password.
func URLText(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return masked
	}
	if _, secret := u.User.Password(); secret {
		return u.Redacted()
	}
	return address
}

func shownOf(p *Process) string {
	if p.Shown == "" {
		return p.Command
	}
	return p.Shown
}

func numbers(all []int) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}
