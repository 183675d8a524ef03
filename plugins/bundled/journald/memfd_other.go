//go:build !linux

package journald

import (
	"errors"
	"net"

	"github.com/hark-supervisor/hark/sdk"
)

// sendFile refuses: only Linux has memory files, and systemd.
func sendFile(*net.UnixConn, []byte) error {
	return sdk.Final(errors.New("the entry is too large for a datagram of this system"))
}
