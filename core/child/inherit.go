package child

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeListedOnExec marks the descriptors that a directory lists, from 3 on.
func closeListedOnExec(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}
