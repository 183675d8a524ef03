//go:build !linux

package faulty

// escape is for Linux.
func escape() string { return "" }
