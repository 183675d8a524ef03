//go:build !linux

package rpc

// openFiles is how many descriptors this process has open.
func openFiles() (n int, known bool) { return 0, false }
