//go:build !linux

package child

// mayHang reports whether a path is on a file system that depends on a server or another process. That is not known here.
func mayHang(string) bool { return false }
