package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held"
)

// errInUse is what Supervisor says when a port or a socket is taken
// (supervisor/options.py, openhttpservers).
var errInUse = errors.New("Another program is already listening on a port that one of our HTTP servers is configured to use.  " + //nolint:staticcheck // Supervisor's words
	"Shut this program down first before starting supervisord.")

// claimTries is how often a stale socket may be found under the name, and removed,
// before it is assumed that another process puts it back on purpose.
const claimTries = 5

func openError(err error) error {
	var errno syscall.Errno
	var op *net.OpError
	var named *textError
	switch {
	case errors.As(err, &named):
		return named
	case errors.Is(err, held.ErrTooLong):
		return &textError{"Cannot open an HTTP server: socket.error reported " + held.ErrTooLong.Error(), err}
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, errInUse):
		return errInUse
	case errors.As(err, &errno):
		return &textError{fmt.Sprintf("Cannot open an HTTP server: socket.error reported errno.%s (%d)", unix.ErrnoName(errno), int(errno)), err}
	case errors.As(err, &op):
		return &textError{"Cannot open an HTTP server: " + op.Err.Error(), err}
	}
	return fmt.Errorf("cannot open an HTTP server: %w", err)
}

// textError is an error whose whole text is Supervisor's.
type textError struct {
	text  string
	cause error
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.cause }

func listenInet(c config.Server) (*net.TCPListener, error) {
	network := "tcp"
	if c.Host == "" {
		network = "tcp4" // Supervisor knows no other
	}
	l, err := net.Listen(network, net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, err
	}
	t, ok := l.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("internal error: a TCP socket is a %T", l)
	}
	return t, nil
}

// bindUnix creates a listening socket whose file has its mode and owner, but not yet its name: at no moment can
// an unauthorized user connect (supervisor/http.py, supervisor_af_unix_http_server, creates it under a temporary name).
func bindUnix(c config.Server) (l *net.UnixListener, file *held.Socket, err error) {
	var owner *held.Owner
	if c.Chown != nil {
		owner = &held.Owner{UID: c.Chown.UID, GID: c.Chown.GID}
	}
	file, err = held.Bind(c.Path, c.Mode, owner, func(address string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
		return err
	})
	if l != nil {
		l.SetUnlinkOnClose(false)
		if err != nil {
			_ = l.Close()
		}
	}
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Op == "chown" {
		err = chownError(c, err)
	}
	return l, file, err
}

func chownError(c config.Server, err error) error {
	if !errors.Is(err, syscall.EPERM) {
		return err
	}
	name := strconv.Itoa(os.Geteuid())
	if u, lookup := user.LookupId(name); lookup == nil {
		name = u.Username
	}
	return &textError{fmt.Sprintf(`Not permitted to chown %s to uid/gid (%d, %d); adjust "sockchown" value in config file or on command line to values that the current user (%s) can successfully chown`,
		c.Path, c.Chown.UID, c.Chown.GID, name), err}
}

// claim gives the socket its name, unless a live daemon serves it.
func claim(file *held.Socket, place string, warn io.Writer) error {
	for range claimTries {
		err := file.Link()
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		st, err := file.Occupant()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // it went away in between
		case err != nil:
			return err
		case st.Mode&syscall.S_IFMT != syscall.S_IFSOCK:
			return &textError{fmt.Sprintf("Cannot open an HTTP server: %q is in the way and isn't a socket", place), fs.ErrExist}
		}
		switch served, err := served(file.Address()); {
		case err != nil:
			return err
		case served:
			return errInUse
		}
		_, _ = fmt.Fprintf(warn, "Unlinking stale socket %s\n", place)
		file.RemoveOccupant(&st)
	}
	return errInUse
}

// served reports whether a process listens on a unix socket.
func served(path string) (bool, error) {
	conn, err := net.DialTimeout("unix", path, 5*time.Second)
	switch {
	case err == nil:
		_ = conn.Close()
		return true, nil
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return false, nil
	case errors.Is(err, syscall.EAGAIN), os.IsTimeout(err):
		return true, nil // its queue is full
	}
	return false, err
}

// tlsConfig is nil for a server without certfile.
func tlsConfig(c config.Server) (*tls.Config, *BindError) {
	if c.CertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, &BindError{c.Section, "certfile", c.CertFile, fmt.Errorf("cannot load the certificate of [%s]: %w", c.Section, err), err}
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.ClientCA == "" {
		return t, nil
	}
	t.ClientCAs = x509.NewCertPool()
	pem, err := os.ReadFile(c.ClientCA)
	if err == nil && !t.ClientCAs.AppendCertsFromPEM(pem) {
		err = fmt.Errorf("no certificate in %q", c.ClientCA)
	}
	if err != nil {
		return nil, &BindError{c.Section, "client_ca", c.ClientCA, fmt.Errorf("cannot load the client_ca of [%s]: %w", c.Section, err), err}
	}
	t.ClientAuth = tls.RequireAndVerifyClientCert
	return t, nil
}
