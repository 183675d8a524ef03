package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/config"
)

// errInUse is what Supervisor says when a port or a socket is taken
// (supervisor/options.py, openhttpservers).
var errInUse = errors.New("Another program is already listening on a port that one of our HTTP servers is configured to use.  " + //nolint:staticcheck // Supervisor's words
	"Shut this program down first before starting supervisord.")

// claimTries: how often a stale socket may be found in the way, and removed,
// before somebody is taken to put it back on purpose.
const claimTries = 5

// listenOn opens the socket of one server section, TLS included; it is
// listening, but nobody accepts yet. A unix socket's file comes into being with
// its mode and owner. The error is Supervisor's text for those it has.
func listenOn(c config.Server, warn io.Writer) (net.Listener, error) {
	var l net.Listener
	var err error
	if c.Network == "unix" {
		l, err = listenUnix(c, warn)
	} else {
		l, err = listenInet(c)
	}
	if err != nil {
		return nil, openError(err)
	}
	return l, nil
}

func openError(err error) error {
	var errno syscall.Errno
	var op *net.OpError
	var named *textError
	switch {
	case errors.As(err, &named):
		return named
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

func listenInet(c config.Server) (net.Listener, error) {
	network := "tcp"
	if c.Host == "" {
		network = "tcp4" // Supervisor knows no other
	}
	return net.Listen(network, net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
}

// listenUnix makes the socket in a directory that nobody else can enter, gives
// it its mode and owner there and links it to its place: at no moment can
// somebody connect who shouldn't, and of two daemons only one gets the place
// (supervisor/http.py, supervisor_af_unix_http_server, does the same without
// the directory).
func listenUnix(c config.Server, warn io.Writer) (_ net.Listener, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(c.Path), ".s")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	made := filepath.Join(dir, "s")
	bound, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	bound.SetUnlinkOnClose(false)
	defer func() {
		if err != nil {
			_ = bound.Close()
		}
	}()
	mode := os.FileMode(c.Mode & 0o777)
	if err := os.Chmod(made, mode); err != nil {
		return nil, err
	}
	if c.Chown != nil {
		if err := os.Chown(made, c.Chown.UID, c.Chown.GID); err != nil {
			return nil, chownError(c, err)
		}
	}
	if err := claim(made, c.Path, warn); err != nil {
		return nil, err
	}
	info, err := os.Lstat(c.Path)
	if err != nil {
		return nil, err
	}
	return &unixListener{UnixListener: bound, path: c.Path, info: info}, nil
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

// claim puts the socket made at its place, unless a live daemon serves it.
func claim(made, place string, warn io.Writer) error {
	for range claimTries {
		err := os.Link(made, place)
		if err == nil {
			return nil
		}
		info, statErr := os.Lstat(place)
		switch {
		case errors.Is(statErr, os.ErrNotExist):
			if errors.Is(err, os.ErrExist) {
				continue // it went away in between
			}
			// A file system without hard links: here two daemons that start at
			// the same moment could both get the place.
			return os.Rename(made, place)
		case statErr != nil:
			return statErr
		case info.Mode()&os.ModeSocket == 0:
			return &textError{fmt.Sprintf("Cannot open an HTTP server: %q is in the way and isn't a socket", place), err}
		}
		switch served, err := served(place); {
		case err != nil:
			return err
		case served:
			return errInUse
		}
		_, _ = fmt.Fprintf(warn, "Unlinking stale socket %s\n", place)
		if err := os.Remove(place); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errInUse
}

// served tells whether somebody listens on a unix socket.
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

// unixListener removes its file when closed, if it is still its own.
type unixListener struct {
	*net.UnixListener
	path string
	info os.FileInfo
	once sync.Once
}

func (l *unixListener) Close() error {
	// Once: later the file may be a successor's, which may even have the inode.
	l.once.Do(func() {
		if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.info) {
			_ = os.Remove(l.path)
		}
	})
	return l.UnixListener.Close()
}

// tlsConfig is nil for a server without certfile.
func tlsConfig(c config.Server) (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("cannot load the certificate of [%s]: %w", c.Section, err)
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.ClientCA != "" {
		pem, err := os.ReadFile(c.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("cannot load the client_ca of [%s]: %w", c.Section, err)
		}
		t.ClientCAs = x509.NewCertPool()
		if !t.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot load the client_ca of [%s]: no certificate in %q", c.Section, c.ClientCA)
		}
		t.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return t, nil
}
