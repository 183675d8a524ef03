package wire

import (
	"net"
	"syscall"
)

// peerOf asks SO_PEERCRED: who connected, or who called listen.
func peerOf(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return Peer{}, err
	}
	if failed != nil {
		return Peer{}, failed
	}
	return Peer{PID: int(cred.Pid), UID: int(cred.Uid)}, nil
}

// sameUser never has to answer: Linux always tells the process.
func sameUser(Peer) error { return nil }
