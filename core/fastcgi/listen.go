package fastcgi

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held"
)

func backlog(c *config.Socket) int {
	if c.Backlog == 0 {
		return syscall.SOMAXCONN
	}
	return c.Backlog
}

// listenFastCGI makes a blocking descriptor with socket(2), because children share its flags, and has it listen. The file of a unix socket,
// nil for others, has its owner and mode and not its name yet.
func listenFastCGI(c *config.Socket) (fd int, file *held.Socket, err error) {
	family, addr := syscall.AF_UNIX, syscall.Sockaddr(nil)
	if c.Network == "tcp" {
		if family, addr, err = inetAddress(c.Host, c.Port); err != nil {
			return -1, nil, err
		}
	}
	if fd, err = child.Socket(family); err != nil {
		return -1, nil, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = syscall.Close(fd)
		}
	}()
	listen := func(addr syscall.Sockaddr) error {
		if err := syscall.Bind(fd, addr); err != nil {
			return os.NewSyscallError("bind", err)
		}
		return os.NewSyscallError("listen", syscall.Listen(fd, backlog(c)))
	}
	if c.Network != "tcp" {
		file, err = bindUnix(c, func(address string) error { return listen(&syscall.SockaddrUnix{Name: address}) })
		return fd, file, err
	}
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return -1, nil, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil, listen(addr)
}

// bindUnix makes the socket's file, for the place of a socket that is there or of nothing.
// Supervisor would remove whatever stands there.
func bindUnix(c *config.Socket, listen func(address string) error) (*held.Socket, error) {
	var owner *held.Owner
	if c.Owner != nil {
		owner = &held.Owner{UID: c.Owner.UID, GID: c.Owner.GID}
	}
	file, err := held.Bind(c.Path, c.Mode, owner, listen)
	if err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			switch failed.Op {
			case "chown":
				return nil, fmt.Errorf("could not change ownership of socket file: %w", err)
			case "chmod":
				return nil, fmt.Errorf("could not change permissions of socket file: %w", err)
			}
		}
		return nil, err
	}
	if err := replaceable(file, c.Path); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// replaceable refuses a name that something else than a socket has.
func replaceable(file *held.Socket, path string) error {
	st, err := file.Occupant()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && st.Mode&syscall.S_IFMT != syscall.S_IFSOCK:
		return fmt.Errorf("cannot use %q as a socket: it exists and is not a socket", path)
	}
	return err
}

// nameUnix moves the socket's file to its name, and replaces an existing socket.
func nameUnix(file *held.Socket, path string) error {
	if err := replaceable(file, path); err != nil {
		return err
	}
	return file.Replace()
}

func inetAddress(host string, port int) (int, syscall.Sockaddr, error) {
	if host == "" || host == "*" {
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: port}, nil
	}
	addr, err := net.ResolveIPAddr("ip", host)
	if err != nil {
		return 0, nil, fmt.Errorf("cannot resolve %q: %w", host, err)
	}
	if v4 := addr.IP.To4(); v4 != nil {
		sa := &syscall.SockaddrInet4{Port: port}
		copy(sa.Addr[:], v4)
		return syscall.AF_INET, sa, nil
	}
	sa := &syscall.SockaddrInet6{Port: port}
	copy(sa.Addr[:], addr.IP.To16())
	return syscall.AF_INET6, sa, nil
}
