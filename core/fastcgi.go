package core

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held"
)

// fastcgiSocket is the listening socket of an [fcgi-program:x] group. It is
// made for the first process that starts, kept over restarts of the group's
// processes, and closed with the last (socket_manager.py). It is a blocking
// descriptor made with socket(2), because children share its flags.
// Taken by the spawner (binding may touch a disk or ask a name server)
// and given back on the loop, hence the lock.
type fastcgiSocket struct {
	conf *config.Socket
	log  func(config.Level, string)

	mu    sync.Mutex
	fd    int
	users int
}

// get takes a use of the socket, making it for the first.
func (f *fastcgiSocket) get() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users == 0 {
		f.log(config.INFO, creatingSocketLine(f.conf.URL))
		fd, err := openFastCGI(f.conf)
		if err != nil {
			return -1, &child.SocketError{URL: f.conf.URL, Err: err}
		}
		f.fd = fd
	}
	f.users++
	return f.fd, nil
}

// put gives a use back; the last closes the socket. A unix socket's file is
// left where it is, as Supervisor leaves it.
func (f *fastcgiSocket) put() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users > 0 {
		return
	}
	f.log(config.INFO, closingSocketLine(f.conf.URL))
	_ = syscall.Close(f.fd)
}

func openFastCGI(c *config.Socket) (fd int, err error) {
	backlog := c.Backlog
	if backlog == 0 {
		backlog = syscall.SOMAXCONN
	}
	family, addr := syscall.AF_UNIX, syscall.Sockaddr(nil)
	if c.Network == "tcp" {
		if family, addr, err = inetAddress(c.Host, c.Port); err != nil {
			return -1, err
		}
	}
	syscall.ForkLock.RLock()
	fd, err = syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
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
		return os.NewSyscallError("listen", syscall.Listen(fd, backlog))
	}
	if c.Network != "tcp" {
		err = listenUnix(c, func(address string) error { return listen(&syscall.SockaddrUnix{Name: address}) })
		return fd, err
	}
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return -1, os.NewSyscallError("setsockopt", err)
	}
	err = listen(addr)
	return fd, err
}

// listenUnix makes the socket's file, in the place of a socket that is there.
// Supervisor would remove whatever stands there.
func listenUnix(c *config.Socket, listen func(address string) error) error {
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
				return fmt.Errorf("could not change ownership of socket file: %w", err)
			case "chmod":
				return fmt.Errorf("could not change permissions of socket file: %w", err)
			}
		}
		return err
	}
	st, err := file.Occupant()
	switch {
	case err == nil && st.Mode&syscall.S_IFMT != syscall.S_IFSOCK:
		err = fmt.Errorf("cannot use %q as a socket: it exists and is not a socket", c.Path)
	case err == nil || errors.Is(err, fs.ErrNotExist):
		err = file.Replace()
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	return file.Abandon()
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
