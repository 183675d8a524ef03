//go:build linux

package journald

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// parsed is an entry as journald would keep it.
type parsed struct {
	fields map[string]string
	long   map[string]bool // by the length form
	file   bool            // it came as a file
}

// parse takes an entry apart as the native protocol's document says, and refuses what journald would drop or misread.
func parse(raw []byte) (parsed, error) {
	p := parsed{fields: map[string]string{}, long: map[string]bool{}}
	for len(raw) > 0 {
		line, rest, whole := bytes.Cut(raw, []byte{'\n'})
		if !whole {
			return p, fmt.Errorf("a field without its end: %.100q", raw)
		}
		name, value, plain := bytes.Cut(line, []byte{'='})
		if !plain {
			if len(rest) < 8 {
				return p, fmt.Errorf("%s has no length", name)
			}
			n := binary.LittleEndian.Uint64(rest)
			if rest = rest[8:]; uint64(len(rest)) < n+1 || rest[n] != '\n' {
				return p, fmt.Errorf("%s has not the %d bytes it tells", name, n)
			}
			value, rest = rest[:n], rest[n+1:]
			p.long[string(name)] = true
		}
		if len(name) == 0 || len(name) > 64 || name[0] < 'A' || name[0] > 'Z' ||
			len(bytes.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")) > 0 {
			return p, fmt.Errorf("%.100q is no name of a field", name)
		}
		if _, twice := p.fields[string(name)]; twice {
			return p, fmt.Errorf("%s is there twice", name)
		}
		p.fields[string(name)] = string(value)
		raw = rest
	}
	if p.fields["MESSAGE"] == "" {
		return p, errors.New("an entry without a message")
	}
	return p, nil
}

// server is a journal's socket.
type server struct {
	path  string
	conn  *net.UnixConn
	close func()

	mu    sync.Mutex
	got   []parsed
	wrong []error
}

// bind makes the socket, which nobody reads.
func bind(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	_ = os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func listen(t *testing.T, path string) *server {
	t.Helper()
	return serve(t, path, bind(t, path))
}

func serve(t *testing.T, path string, conn *net.UnixConn) *server {
	s := &server{path: path, conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf, oob := make([]byte, 1<<20), make([]byte, 1024)
		for {
			n, nOOB, _, _, err := conn.ReadMsgUnix(buf, oob)
			if err != nil {
				return
			}
			p, err := receive(buf[:n], oob[:nOOB])
			s.mu.Lock()
			if s.got = append(s.got, p); err != nil {
				s.wrong = append(s.wrong, err)
			}
			s.mu.Unlock()
		}
	}()
	s.close = sync.OnceFunc(func() { _ = conn.Close(); <-done })
	t.Cleanup(s.close)
	return s
}

// receive takes a datagram: an entry, or the descriptor of a file that is one.
func receive(data, oob []byte) (parsed, error) {
	var fds []int
	messages, err := unix.ParseSocketControlMessage(oob)
	for i := range messages {
		if rights, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, rights...)
		}
	}
	files := make([]*os.File, len(fds))
	for i, fd := range fds {
		files[i] = os.NewFile(uintptr(fd), "received")
		defer files[i].Close() //nolint:errcheck // a test
	}
	switch {
	case err != nil:
		return parsed{}, err
	case len(files) == 0:
		return parse(data)
	case len(files) > 1 || len(data) > 0:
		return parsed{}, fmt.Errorf("%d descriptors with %d bytes", len(files), len(data))
	}
	// journald reads a file where it is only if nobody can change it any more
	const all = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if seals, err := unix.FcntlInt(files[0].Fd(), unix.F_GET_SEALS, 0); err != nil || seals&all != all {
		return parsed{}, fmt.Errorf("seals %x (%v)", seals, err)
	}
	info, err := files[0].Stat()
	if err != nil {
		return parsed{}, err
	}
	raw, err := io.ReadAll(io.NewSectionReader(files[0], 0, info.Size()))
	if err != nil {
		return parsed{}, err
	}
	p, err := parse(raw)
	p.file = true
	return p, err
}

func (s *server) all(t *testing.T) []parsed {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.wrong {
		t.Error(err)
	}
	return append([]parsed{}, s.got...)
}

// wait waits for n entries and takes them out.
func (s *server) wait(t *testing.T, n int) []parsed {
	t.Helper()
	testkit.Await(t, func() bool { return len(s.all(t)) >= n || t.Failed() }, func() string { return fmt.Sprintf("%d entries of %d", len(s.all(t)), n) })
	got := s.all(t)
	if len(got) > n {
		t.Fatalf("%d entries have come, want %d", len(got), n)
	}
	s.clear()
	return got
}

func (s *server) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = nil
}

// socketPath has a short name: that of a socket has at most 107 bytes.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "socket")
}

// stuck is a journal that takes no more: its queue is full.
func stuck(t *testing.T) (path string, conn *net.UnixConn, queued int) {
	t.Helper()
	path = socketPath(t)
	conn = bind(t, path)
	from, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close() //nolint:errcheck // a test
	raw, err := from.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		for unix.Sendto(int(fd), []byte("MESSAGE=it was full before\n"), unix.MSG_DONTWAIT, nil) == nil {
			queued++
		}
	})
	return path, conn, queued
}
