package settle

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// faults is how many page faults the process has had.
func faults() int64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // it does not fail for oneself
	return u.Minflt
}

// giveBack releases free heap, and the pages of the program's file that were never written to.
func giveBack() {
	runtime.GC() // what pools keep, compressors above all, goes only with the second collection after its last use
	debug.FreeOSMemory()
	if isRemote("/proc/self/exe") {
		return // a page would wait for a server that may be down
	}
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

// isRemote reports whether a file may be on another machine, or is served by a program.
func isRemote(path string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil {
		return true
	}
	switch uint32(fs.Type) { //nolint:gosec // magic numbers have 32 bits
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC,
		unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC:
		return true
	}
	return false
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
