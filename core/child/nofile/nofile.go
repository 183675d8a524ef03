// Package nofile remembers the soft limit of open files that this program was
// started with. Go's syscall package raises that limit to the hard one when it
// is initialised, before any code that can call it runs. This package imports
// nothing, so the order of initialisation (ready packages by import path) puts
// it before syscall; the one system call it needs is in assembly.
package nofile

// original is read once, before package syscall raises the limit.
var original, known = read()

// Original returns the soft RLIMIT_NOFILE that this program was started with.
// ok is false where it cannot be known this way (anything but Linux on amd64
// and arm64, or a system call that was refused).
func Original() (soft uint64, ok bool) { return original, known }
