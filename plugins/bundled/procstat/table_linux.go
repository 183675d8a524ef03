package procstat

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// ticks is how many clock ticks of /proc/PID/stat a second has: USER_HZ, 100 on every architecture that Go runs on.
const ticks = 100

func newTable() table { return tableAt(procfs.DefaultMountPoint) }

func tableAt(root string) table {
	t := &scanner{root: root}
	return t.scan
}

// scanner reads /proc.
type scanner struct {
	root string
	boot time.Time
}

// process is one of the process table.
type process struct {
	procfs.Proc
	stat    procfs.ProcStat
	owner   *found // the requested process to which it belongs; nil for none
	settled bool
}

// scan reads the process table once, and then what belongs to the wanted processes: their descendants, and the members of a process
// group that one of them leads.
func (s *scanner) scan(wanted []int) (map[int]*found, error) {
	proc, err := procfs.NewFS(s.root)
	if err != nil {
		return nil, fmt.Errorf("cannot read what processes use: %s is not /proc: %w", s.root, bare(err))
	}
	if s.boot.IsZero() {
		stat, err := proc.Stat()
		if err != nil || stat.BootTime == 0 {
			return nil, fmt.Errorf("cannot find when the system started: %s/stat has no btime", s.root)
		}
		s.boot = time.Unix(int64(stat.BootTime), 0)
	}
	procs, err := proc.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	all := make(map[int]*process, len(procs))
	for _, p := range procs {
		if stat, err := p.Stat(); err == nil { // else it has ended
			all[p.PID] = &process{Proc: p, stat: stat}
		}
	}
	results := make(map[int]*found, len(wanted))
	for _, pid := range wanted {
		p := all[pid]
		if p == nil || results[pid] != nil {
			continue
		}
		f := &found{started: s.boot.Add(time.Duration(p.stat.Starttime) * time.Second / ticks)}
		p.owner, p.settled = f, true
		results[pid] = f
	}
	for pid, p := range all {
		f := owner(p, all, results)
		if f == nil {
			continue
		}
		u := p.usage()
		if results[pid] == f {
			f.own = u
		}
		u.user += time.Duration(max(0, p.stat.CUTime)) * time.Second / ticks // what it started and has waited for
		u.system += time.Duration(max(0, p.stat.CSTime)) * time.Second / ticks
		f.total.add(&u)
	}
	return results, nil
}

// owner is the nearest of the wanted processes that p descends from, or that leads its process group.
func owner(p *process, all map[int]*process, results map[int]*found) *found {
	if p.settled {
		return p.owner
	}
	p.settled = true // a circle of parents, seen while the table was read, ends here
	if parent := all[p.stat.PPID]; parent != nil {
		p.owner = owner(parent, all, results)
	}
	if p.owner == nil {
		p.owner = results[p.stat.PGRP]
	}
	return p.owner
}

// usage is what the process itself uses. One that ends meanwhile has nothing open any more.
func (p *process) usage() usage {
	u := usage{
		processes: 1, user: time.Duration(p.stat.UTime) * time.Second / ticks, system: time.Duration(p.stat.STime) * time.Second / ticks,
		rss: int64(p.stat.ResidentMemory()), vms: bounded(uint64(p.stat.VirtualMemory())), threads: int64(p.stat.NumThreads),
		readBytes: -1, written: -1, readChars: -1, wroteChar: -1,
	}
	n, err := p.FileDescriptorsLen()
	ended := errors.Is(err, fs.ErrNotExist)
	if u.fds = int64(n); err != nil && !ended {
		u.fds = -1
	}
	io, err := p.IO()
	if err == nil || ended || errors.Is(err, syscall.ESRCH) {
		u.readBytes, u.written, u.readChars, u.wroteChar = bounded(io.ReadBytes), bounded(io.WriteBytes), bounded(io.RChar), bounded(io.WChar)
	}
	return u
}

func bounded(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// bare is an error without its path, which the text has already.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
