//go:build linux || freebsd

package child

import "syscall"

// dieWithParent has the kernel kill the child when the thread that forks ends, which it does with the program.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
