package core

import (
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/config"
)

// killTime is how long a shutdown waits for processes beyond their stopwaitsecs, while SIGKILL is sent again and again. A process that hangs in the
// kernel does not end by SIGKILL, and a spawn that hangs in a file system cannot be cancelled: Supervisor waits for them forever.
const killTime = 10 * time.Second

// groupStop is the progress of the stop of a group in a shutdown or restart.
type groupStop struct {
	group  *group
	kill   time.Time // when the child of a spawn that hangs is killed
	killed bool
	until  time.Time // when a shutdown gives up on the processes that still run
}

// forsake gives up on the processes of a group that a shutdown could not stop in time. A restart waits for them, since otherwise
// they would run twice.
func (l *loop) forsake(g *group, now time.Time) {
	if l.stopOf.group != g {
		kill := now.Add(g.longestStop())
		l.stopOf = groupStop{group: g, kill: kill, until: kill.Add(killTime)}
	}
	left := g.unstopped()
	if !now.Before(l.stopOf.kill) && !l.stopOf.killed {
		l.stopOf.killed = true
		if slices.ContainsFunc(left, func(m *member) bool { return m.spawn != nil }) {
			l.sys.KillForking()
		}
	}
	if l.Mood() != MoodShutdown || now.Before(l.stopOf.until) {
		return
	}
	for _, m := range left {
		m.forsaken = true
		l.log(config.CRIT, activity.Forsaken(m.namespec(), m.machine.Pid()))
	}
}

// nextForsake returns when forsake is due; false: at no time.
func (l *loop) nextForsake() (time.Time, bool) {
	st := &l.stopOf
	switch {
	case st.group == nil || st.group.stopped():
		return time.Time{}, false
	case !st.killed:
		return st.kill, true
	}
	return st.until, l.Mood() == MoodShutdown
}

// longestStop returns the longest stopwaitsecs of the processes that are still to be stopped.
func (g *group) longestStop() (longest time.Duration) {
	for _, m := range g.unstopped() {
		longest = max(longest, m.conf.StopWait)
	}
	return longest
}
