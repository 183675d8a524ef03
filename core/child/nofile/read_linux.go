//go:build amd64 || arm64

package nofile

// prlimit is prlimit64(0, RLIMIT_NOFILE, NULL, old): it fills soft and hard limit.
// It returns the kernel's answer, 0 for success.
//
//go:noescape
func prlimit(old *[2]uint64) uint64

func read() (soft uint64, ok bool) {
	var limit [2]uint64
	if prlimit(&limit) != 0 {
		return 0, false
	}
	return limit[0], true
}
