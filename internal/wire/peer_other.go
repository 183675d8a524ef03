//go:build !linux && !darwin && !freebsd

package wire

import "net"

// peerOf knows nothing: the socket's directory, 0700, keeps others out.
func peerOf(*net.UnixConn) (Peer, error) { return Peer{PID: -1, UID: -1}, nil }

func sameUser(Peer) error { return nil }
