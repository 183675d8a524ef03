package procstat

import (
	"errors"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// row is a process of the daemon's with what it uses.
type row struct {
	name, group, stateName string
	state, pid             int

	seen       bool // the system knows the process, and what follows is good
	started    time.Time
	now        time.Time
	own, total usage
	ownRate    rate
	totalRate  rate
}

// usage is the usage of one process, or of several together. -1 means that this user may not read it.
type usage struct {
	processes            int
	user, system         time.Duration // CPU time
	rss, vms             int64         // bytes
	threads, fds         int64
	readBytes, written   int64 // from and to storage
	readChars, wroteChar int64 // by read(2) and write(2) and the like, pipes and sockets too
}

// rate is CPU time per time since an earlier sample; 100 is one CPU.
type rate struct {
	percent float64
	known   bool
}

var errStrange = errors.New("the daemon's answer to supervisor.getAllProcessInfo is not as expected")

// rowsOf reads the answer of supervisor.getAllProcessInfo.
func rowsOf(answer any) ([]row, error) {
	list, ok := answer.([]any)
	if !ok {
		return nil, errStrange
	}
	rows := make([]row, len(list))
	for i, v := range list {
		info, ok := v.(map[string]any)
		if !ok {
			return nil, errStrange
		}
		r := &rows[i]
		var have [5]bool
		r.name, have[0] = info["name"].(string)
		r.group, have[1] = info["group"].(string)
		r.stateName, have[2] = info["statename"].(string)
		r.state, have[3] = info["state"].(int)
		r.pid, have[4] = info["pid"].(int)
		if have != [5]bool{true, true, true, true, true} {
			return nil, errStrange
		}
	}
	return rows, nil
}

// is reports whether a name means the process: group:name, or the name of both.
func (r *row) is(name string) bool {
	group, process, two := strings.Cut(name, ":")
	if !two {
		process = group
	}
	return r.group == group && r.name == process
}

// answer is the row as methods answer with it.
func (r *row) answer() sdk.Struct {
	s := sdk.Struct{
		{Name: "name", Value: r.name}, {Name: "group", Value: r.group}, {Name: "state", Value: r.state}, {Name: "statename", Value: r.stateName},
		{Name: "pid", Value: r.pid},
	}
	if !r.seen {
		return s
	}
	own, total := r.own.answer(r.ownRate), r.total.answer(r.totalRate)
	return append(s,
		sdk.Member{Name: "started", Value: float64(r.started.UnixMilli()) / 1000}, sdk.Member{Name: "uptime", Value: max(0, r.now.Sub(r.started).Seconds())},
		sdk.Member{Name: "own", Value: own}, sdk.Member{Name: "total", Value: append(total, sdk.Member{Name: "processes", Value: r.total.processes})})
}

func (u *usage) answer(r rate) sdk.Struct {
	s := sdk.Struct{
		{Name: "cpu_seconds", Value: (u.user + u.system).Seconds()}, {Name: "cpu_user_seconds", Value: u.user.Seconds()}, {Name: "cpu_system_seconds", Value: u.system.Seconds()},
		{Name: "rss", Value: u.rss}, {Name: "vms", Value: u.vms}, {Name: "threads", Value: u.threads}, {Name: "fds", Value: u.fds},
		{Name: "read_bytes", Value: u.readBytes}, {Name: "write_bytes", Value: u.written}, {Name: "read_chars", Value: u.readChars}, {Name: "write_chars", Value: u.wroteChar},
	}
	if r.known {
		s = append(s, sdk.Member{Name: "cpu_percent", Value: r.percent})
	}
	return s
}

// add adds what another process uses. What is unknown of one is unknown of all.
func (u *usage) add(o *usage) {
	u.processes += o.processes
	u.user += o.user
	u.system += o.system
	u.rss += o.rss
	u.vms += o.vms
	u.threads += o.threads
	u.fds = sum(u.fds, o.fds)
	u.readBytes, u.written = sum(u.readBytes, o.readBytes), sum(u.written, o.written)
	u.readChars, u.wroteChar = sum(u.readChars, o.readChars), sum(u.wroteChar, o.wroteChar)
}

func sum(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}
