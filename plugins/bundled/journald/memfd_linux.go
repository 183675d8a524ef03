package journald

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// sendFile sends an entry that is too large for a datagram: as a file without a name, sealed so that journald can read it where it
// is, and an empty datagram that carries its descriptor.
func sendFile(conn *net.UnixConn, entry []byte) error {
	fd, err := unix.MemfdCreate("hark-journal-entry", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fmt.Errorf("cannot make a memory file for a large entry: %w", err)
	}
	f := os.NewFile(uintptr(fd), "hark-journal-entry")
	defer f.Close() //nolint:errcheck // the descriptor that was sent is another
	if _, err := f.Write(entry); err != nil {
		return fmt.Errorf("cannot fill a memory file with a large entry: %w", err)
	}
	const all = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, all); err != nil {
		return fmt.Errorf("cannot seal a large entry: %w", err)
	}
	return sendDescriptor(conn, int(f.Fd()))
}

// sendDescriptor sends an empty datagram with a descriptor. It waits as a Write does; package net itself sends none over a connected socket.
func sendDescriptor(conn *net.UnixConn, fd int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	rights := unix.UnixRights(fd)
	var sent error
	err = raw.Write(func(socket uintptr) bool {
		for {
			if sent = unix.Sendmsg(int(socket), nil, rights, nil, 0); sent != unix.EINTR {
				return sent != unix.EAGAIN
			}
		}
	})
	if err != nil {
		return err
	}
	return sent
}
