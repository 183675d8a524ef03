package config

import "slices"

// Equal reports whether a running group needs no change to become o, the group of
// the same name in a newly read configuration: Supervisor's comparison
// (options.py, __eq__ of the group and process configurations), g being the
// running one. A log file that is AUTO in o matches any: there the running one
// has got a name of its own by then, and Supervisor passes over it.
//
// [group:x] and [program:x] with the same processes are equal; a FastCGI group
// or a listener pool equals only its own kind.
func (g *Group) Equal(o *Group) bool {
	if g.Kind != o.Kind || g.Name != o.Name || g.Priority != o.Priority {
		return false
	}
	if g.Kind == ListenerGroup && !g.Listener.equal(o.Listener) {
		return false
	}
	if g.Kind == FastCGIGroup && !g.Socket.equal(o.Socket) {
		return false
	}
	return slices.EqualFunc(g.Processes, o.Processes, (*Process).Equal)
}

func (l *Listener) equal(o *Listener) bool {
	// Supervisor compares lists made of sets, so order means nothing.
	a, b := slices.Clone(l.Events), slices.Clone(o.Events)
	slices.Sort(a)
	slices.Sort(b)
	return l.BufferSize == o.BufferSize && l.ResultHandler == o.ResultHandler && slices.Equal(a, b) &&
		slices.Equal(l.Programs.Patterns(), o.Programs.Patterns()) && l.Overflow == o.Overflow &&
		l.SpoolDir == o.SpoolDir && l.SpoolMaxBytes == o.SpoolMaxBytes && l.SpoolSync == o.SpoolSync && l.MaxInFlight == o.MaxInFlight &&
		l.AckTimeout == o.AckTimeout && l.MaxDeliveries == o.MaxDeliveries && l.RestartOnError == o.RestartOnError && l.Stdin == o.Stdin && l.Payload == o.Payload
}

// equal compares the URL only, as in Supervisor: a new owner, mode or backlog is no change.
func (s *Socket) equal(o *Socket) bool {
	return s.Network == o.Network && s.Path == o.Path && s.Host == o.Host && s.Port == o.Port
}

// Equal reports whether a running process needs no change to become o. See Group.Equal.
func (p *Process) Equal(o *Process) bool {
	return p.Name == o.Name && sameUser(p.User, o.User) && p.Command == o.Command && p.Directory == o.Directory &&
		p.Umask == o.Umask && p.Priority == o.Priority && p.AutoStart == o.AutoStart && p.AutoRestart == o.AutoRestart &&
		p.StartSecs == o.StartSecs && p.StartRetries == o.StartRetries &&
		p.Stdout.equal(o.Stdout) && p.Stderr.equal(o.Stderr) &&
		p.StopSignal == o.StopSignal && p.StopWaitSecs == o.StopWaitSecs && p.StopAsGroup == o.StopAsGroup && p.KillAsGroup == o.KillAsGroup &&
		slices.Equal(p.ExitCodes, o.ExitCodes) && p.RedirectStderr == o.RedirectStderr &&
		sameVars(p.Environment, o.Environment) && p.ServerURL == o.ServerURL
}

// sameUser compares uids: that is all Supervisor keeps.
func sameUser(a, b *User) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.UID == b.UID
}

func (s Stream) equal(o Stream) bool {
	logfiles := o.Logfile.Kind == LogAuto || s.Logfile == o.Logfile
	return logfiles && s.MaxBytes == o.MaxBytes && s.Backups == o.Backups && s.CaptureMaxBytes == o.CaptureMaxBytes &&
		s.EventsEnabled == o.EventsEnabled && s.Syslog == o.Syslog && s.Block == o.Block
}

// sameVars compares without regard to order, as dicts compare.
func sameVars(a, b []EnvVar) bool {
	if len(a) != len(b) {
		return false
	}
	values := make(map[string]string, len(a))
	for _, v := range a {
		values[v.Name] = v.Value
	}
	for _, v := range b {
		if have, ok := values[v.Name]; !ok || have != v.Value {
			return false
		}
	}
	return true
}

// Diff compares the running groups with those of a newly read configuration
// (supervisord.py, diff_to_active): added and changed in the order of next,
// removed in the order of current.
func Diff(current, next []*Group) (added, changed, removed []string) {
	// Of two groups of a name the last counts, as when a dict is made of them.
	running, wanted := make(map[string]*Group), make(map[string]bool)
	for _, g := range current {
		running[g.Name] = g
	}
	for _, g := range next {
		wanted[g.Name] = true
		old := running[g.Name]
		switch {
		case old == nil:
			added = append(added, g.Name)
		case !old.Equal(g):
			changed = append(changed, g.Name)
		}
	}
	for _, g := range current {
		if !wanted[g.Name] {
			removed = append(removed, g.Name)
		}
	}
	return added, changed, removed
}
