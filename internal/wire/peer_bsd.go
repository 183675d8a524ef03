//go:build darwin || freebsd

package wire

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// peerOf asks LOCAL_PEERCRED, which tells the user.
func peerOf(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Xucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	}); err != nil {
		return Peer{}, err
	}
	if failed != nil {
		return Peer{}, failed
	}
	return Peer{PID: -1, UID: int(cred.Uid)}, nil
}

// sameUser lets root have peers of any user: a plugin may have a user= of its own.
func sameUser(p Peer) error {
	if own := os.Geteuid(); own != 0 && p.UID != 0 && p.UID != own {
		return fmt.Errorf("the peer is of user %d", p.UID)
	}
	return nil
}
