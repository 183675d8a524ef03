//go:build !linux

package rpc

import "net"

// peerUser is the user at the other end of a unix socket, who is not known here.
func peerUser(*net.UnixConn) (uid int, known bool) { return 0, false }

// unread reports whether a client has sent bytes that have not been read, as far as that is known here.
func unread(net.Conn) bool { return false }
