package trust

import (
	"os"
	"syscall"
)

// stampOf returns the state of a file; false if it is not available.
func stampOf(st os.FileInfo) (stamp, bool) {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, false
	}
	return stamp{
		dev: int64(sys.Dev), ino: int64(sys.Ino), size: sys.Size, //nolint:gosec,unconvert // numbers to be compared, of other types elsewhere
		mtime: sys.Mtim.Nano(), ctime: sys.Ctim.Nano(),
	}, true
}
