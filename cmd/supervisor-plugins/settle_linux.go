package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// settleAfter is how long after its start a plugin's process gives back what only the start needed: by then its sections
	// are configured.
	settleAfter = 2 * time.Second
	// settleEvery is how often it looks afterwards whether it has become larger.
	settleEvery = time.Minute
	// settleFaults is how many page faults since the last time make it worth while.
	settleFaults = 200
)

// settle gives memory back after the start, and after there was something to do. A program with gRPC, TLS and all plugins in it runs through
// most of its 22 MB as it starts, and the kernel maps 64 KB around each page that is touched: a plugin that waits for events would
// hold 10 MB more than it uses. What is given back is the file's and comes from the page cache when it is needed again. It never returns.
func settle() {
	time.Sleep(settleAfter)
	last := int64(0)
	for {
		if now := faults(); now-last > settleFaults {
			giveBack()
			last = faults()
		}
		time.Sleep(settleEvery)
	}
}

func faults() int64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // it does not fail for oneself
	return u.Minflt
}

func giveBack() {
	runtime.GC() // what pools keep, compressors above all, goes only with the second collection after its last use
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // it was only read
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	var found []mapping
	for lines := bufio.NewScanner(f); lines.Scan(); {
		found = addLine(found, lines.Text(), self)
	}
	for _, m := range found {
		if m.ours && m.clean {
			// nothing depends on whether it works
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
		}
	}
}

// mapping is a part of the process's memory.
type mapping struct {
	from, to uintptr
	ours     bool // of the program's file, and never written to
	clean    bool // without pages that are not the file's, as relocations make them, in memory or in swap
}

// addLine takes a line of /proc/PID/smaps (proc_pid_smaps(5)).
func addLine(found []mapping, line, self string) []mapping {
	var m mapping
	var mode, rest string
	if n, _ := fmt.Sscanf(line, "%x-%x %4s %s", &m.from, &m.to, &mode, &rest); n == 4 {
		m.ours = strings.HasSuffix(line, " "+self) && mode[0] == 'r' && mode[1] == '-'
		return append(found, m)
	}
	if len(found) == 0 {
		return found
	}
	last := &found[len(found)-1]
	if kb, ok := strings.CutPrefix(line, "Anonymous:"); ok {
		last.clean = strings.TrimSpace(kb) == "0 kB"
	}
	// Comes later. A relocated page that was swapped out is not counted as anonymous, and would come back as the file has it.
	if kb, ok := strings.CutPrefix(line, "Swap:"); ok && strings.TrimSpace(kb) != "0 kB" {
		last.clean = false
	}
	return found
}
