package wire

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc/credentials"
)

// Peer is the process at the other end of a unix socket, as the kernel tells it.
type Peer struct {
	PID int // -1 where the system does not tell
	UID int // -1 where the system does not tell
}

// PeerCredentials are transport credentials of gRPC over unix sockets: nothing is encrypted, since nothing leaves
// the machine; each connection, on either end, is let through only if check says nil of its peer. On Linux that is the process that
// connected or that listens; on macOS and FreeBSD only its user is known, elsewhere neither, and the
// permissions of the socket's directory are what protects it.
func PeerCredentials(check func(Peer) error) credentials.TransportCredentials {
	return peerCredentials{check}
}

// IsPID is a check for PeerCredentials: the peer is the process that pid tells at that moment, where the system tells processes apart;
// otherwise it runs as the same user or root.
func IsPID(pid func() int) func(Peer) error {
	return func(p Peer) error {
		switch want := pid(); {
		case p.PID == want:
			return nil
		case p.PID >= 0:
			return fmt.Errorf("the peer is process %d, not %d", p.PID, want)
		}
		return sameUser(p)
	}
}

type peerCredentials struct{ check func(Peer) error }

func (c peerCredentials) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.handshake(conn)
}

func (c peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.handshake(conn)
}

func (c peerCredentials) handshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, nil, errors.New("not a unix socket")
	}
	p, err := peerOf(u)
	if err == nil {
		err = c.check(p)
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("connection refused: %w", err)
	}
	return conn, PeerInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}, p}, nil
}

func (c peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peercred"}
}

func (c peerCredentials) Clone() credentials.TransportCredentials { return c }

func (c peerCredentials) OverrideServerName(string) error { return nil }

// PeerInfo is what peer.FromContext of gRPC has as AuthInfo of a connection with PeerCredentials.
type PeerInfo struct {
	credentials.CommonAuthInfo
	Peer Peer
}

// AuthType names the credentials.
func (PeerInfo) AuthType() string { return "peercred" }
