package rpc

import (
	"os"

	"golang.org/x/sys/unix"
)

// openFiles is how many descriptors this process has open.
func openFiles() (n int, known bool) {
	const listing = "/proc/self/fd"
	var st unix.Stat_t
	if err := unix.Stat(listing, &st); err != nil {
		return 0, false
	}
	if st.Size > 0 { // since Linux 6.2
		return int(st.Size), true
	}
	dir, err := os.Open(listing)
	if err != nil {
		return 0, false
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	return len(names) - 1, err == nil // without that of the listing
}
