//go:build !linux && !freebsd

package child

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}
