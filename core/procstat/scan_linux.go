package procstat

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ticks is how many of the clock ticks of /proc/*/stat a second has: USER_HZ, which is
// 100 on every architecture that Go runs on.
const ticks = 100

const (
	// maxReaders is how many threads read the process table at most: nearly all of the time goes into the kernel, for each process its own.
	maxReaders = 4
	// perReader is how many processes are worth a further thread.
	perReader = 100
	// lineBytes is room for a line of /proc/*/stat, which has at most some 400.
	lineBytes = 1024
)

// scanner is one pass over /proc, with its buffers. It is used by one goroutine at a time.
type scanner struct {
	root    string // "/proc"
	boot    time.Time
	page    int64
	table   map[int]*entry // into entries
	entries []entry
}

// entry is one process of the table.
type entry struct {
	pid, parent, group int
	ticks              uint64
	pages              int64
	threads            int
	start              uint64 // in ticks after boot
	owner              *Stat  // the requested process to which it belongs; nil for none
	settled            bool
}

func newScanner() func([]int, bool) (map[int]*Stat, error) {
	s := &scanner{root: "/proc", page: int64(os.Getpagesize()), table: make(map[int]*entry)}
	return s.scan
}

// scan adds up what the wanted processes and theirs use; open files only if they are asked for.
func (s *scanner) scan(wanted []int, files bool) (map[int]*Stat, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	found := make(map[int]*Stat, len(wanted))
	for _, pid := range wanted {
		e := s.table[pid]
		if e == nil || found[pid] != nil {
			continue
		}
		stat := &Stat{Pid: pid, Started: s.boot.Add(time.Duration(e.start) * time.Second / ticks)}
		e.owner, e.settled = stat, true
		found[pid] = stat
	}
	for _, e := range s.table {
		stat := s.owner(e, found)
		if stat == nil {
			continue
		}
		stat.Processes++
		stat.CPU += time.Duration(e.ticks) * time.Second / ticks
		stat.RSS += e.pages * s.page
		stat.Threads += e.threads
		if !files {
			stat.FDs = -1
		} else if fds := s.openFiles(e.pid); fds < 0 || stat.FDs < 0 {
			stat.FDs = -1
		} else {
			stat.FDs += fds
		}
	}
	return found, nil
}

// owner is the nearest of the wanted processes that e descends from, or that leads
// its process group.
func (s *scanner) owner(e *entry, found map[int]*Stat) *Stat {
	if e.settled {
		return e.owner
	}
	e.settled = true // a circle of parents, seen while the table was read, ends here
	if parent := s.table[e.parent]; parent != nil {
		e.owner = s.owner(parent, found)
	}
	if e.owner == nil {
		e.owner = found[e.group]
	}
	return e.owner
}

// read fills the table. A process that ends meanwhile is left out.
func (s *scanner) read() error {
	if s.boot.IsZero() {
		boot, err := bootTime(s.root + "/stat")
		if err != nil {
			return err
		}
		s.boot = boot
	}
	dir, err := os.Open(s.root)
	if err != nil {
		return fmt.Errorf("cannot read the process table: %w", err)
	}
	defer dir.Close() //nolint:errcheck // it was only read
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("cannot read the process table: %w", err)
	}
	if cap(s.entries) < len(names) {
		s.entries = make([]entry, len(names))
	}
	s.entries = s.entries[:len(names)]
	s.readAll(names)
	clear(s.table)
	for i := range s.entries {
		if e := &s.entries[i]; e.pid != 0 {
			s.table[e.pid] = e
		}
	}
	return nil
}

// readAll reads the processes among names into entries, on a few threads; an entry that is not a process, or has ended, has no pid.
func (s *scanner) readAll(names []string) {
	var next atomic.Int64
	some := func() {
		var buf [lineBytes]byte
		for {
			i := int(next.Add(1)) - 1
			if i >= len(names) {
				return
			}
			e := &s.entries[i]
			*e = entry{}
			pid, err := strconv.Atoi(names[i])
			if err != nil {
				continue
			}
			if n := readLine(s.root+"/"+names[i]+"/stat", buf[:]); n > 0 && parseStat(buf[:n], e) {
				e.pid = pid
			}
		}
	}
	var others sync.WaitGroup
	for range min(maxReaders, runtime.NumCPU(), runtime.GOMAXPROCS(0), 1+len(names)/perReader) - 1 {
		others.Go(some)
	}
	some()
	others.Wait()
}

// readLine reads a short file into buf: os.ReadFile would take its poller and
// three more system calls for each of thousands.
func readLine(path string, buf []byte) int {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	n, err := syscall.Read(fd, buf)
	_ = syscall.Close(fd)
	if err != nil {
		return -1
	}
	return n
}

// openFiles counts a process's descriptors: since Linux 6.2 the directory's size
// is their number, before that the names are counted.
func (s *scanner) openFiles(pid int) int {
	path := s.root + "/" + strconv.Itoa(pid) + "/fd"
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err == nil && st.Size > 0 {
		if syscall.Access(path, 4) != nil { // R_OK: anyone could read the size
			return -1
		}
		return int(st.Size)
	}
	dir, err := os.Open(path)
	if err != nil {
		if os.IsNotExist(err) {
			return 0 // it has just ended
		}
		return -1
	}
	defer dir.Close() //nolint:errcheck // it was only read
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names)
}

// parseStat reads the fields of proc(5)'s stat that are of use. The command may hold
// anything, spaces and brackets too, so what follows is counted from its last bracket.
func parseStat(line []byte, e *entry) bool {
	i := bytes.LastIndexByte(line, ')')
	if i < 0 {
		return false
	}
	fields := bytes.Fields(line[i+1:])
	const ( // counted from the state, the third field there
		parent, group = 1, 2
		utime, cstime = 11, 14
		threads       = 17
		start         = 19
		resident      = 21
	)
	if len(fields) <= resident {
		return false
	}
	e.parent = int(number(fields[parent]))
	e.group = int(number(fields[group]))
	for _, f := range fields[utime : cstime+1] {
		e.ticks += number(f)
	}
	e.threads = int(number(fields[threads]))
	e.start = number(fields[start])
	e.pages = int64(number(fields[resident]))
	return true
}

// number is a decimal one, 0 for a negative or none.
func number(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// bootTime is btime of /proc/stat.
func bootTime(path string) (time.Time, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot find when the system started: %w", err)
	}
	_, after, ok := bytes.Cut(data, []byte("\nbtime "))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	if !ok || number(line) == 0 {
		return time.Time{}, fmt.Errorf("cannot find when the system started: %s has no btime", path)
	}
	return time.Unix(int64(number(line)), 0), nil
}
