package child

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// KillForking kills the child of a fork that does not end, because a file system hangs: its pid is not known yet, and it cannot be
// cancelled. If the kernel lets it end by that, the spawn is answered, Started first. It does nothing if no fork is in progress. It does not wait.
func (s *System) KillForking() { s.killForking() }

// killForking is KillForking, and gives the pids of those that it killed.
func (s *System) killForking() (killed []int) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	names, _ := filepath.Glob("/proc/[0-9]*")
	s.reaper.mu.Lock()
	defer s.reaper.mu.Unlock()
	if !s.reaper.forking {
		return nil
	}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil || s.reaper.known[pid] != nil || parentOf(name) != os.Getpid() {
			continue
		}
		// Until it has executed it is this program; adopted orphans are others.
		if exe, err := os.Readlink(name + "/exe"); err == nil && exe == self {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			killed = append(killed, pid)
		}
	}
	return killed
}

// parentOf reads the fourth field of /proc/PID/stat. The second is a name in parentheses, with anything in it.
func parentOf(proc string) int {
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return 0
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}
