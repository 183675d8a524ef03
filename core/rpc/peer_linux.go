package rpc

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerUser is the user at the other end of a unix socket.
func peerUser(c *net.UnixConn) (uid int, known bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	_ = raw.Control(func(fd uintptr) {
		if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid, known = int(peer.Uid), true
		}
	})
	return uid, known
}

// unread reports whether a client has sent bytes that have not been read.
func unread(c net.Conn) (is bool) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ) //nolint:gosec // a descriptor
		is = err == nil && n > 0
	})
	return is
}
