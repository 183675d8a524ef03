package rpc

import (
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// peerOf is the user at the other end of a unix socket.
func peerOf(c *net.UnixConn) string {
	name := "a local user"
	raw, err := c.SyscallConn()
	if err != nil {
		return name
	}
	_ = raw.Control(func(fd uintptr) {
		if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			name = "user " + strconv.Itoa(int(peer.Uid))
		}
	})
	return name
}
