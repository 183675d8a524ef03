//go:build !solaris

package held

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// deadSocket makes a file of a unix socket that nobody listens at.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	ok(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	ok(t, l.Close())
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	ok(t, err)
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func bindIn(t *testing.T, path string) (*Socket, func()) {
	t.Helper()
	var l net.Listener
	s, err := Bind(path, 0o600, nil, func(address string) (err error) {
		l, err = net.Listen("unix", address)
		if err == nil {
			l.(*net.UnixListener).SetUnlinkOnClose(false)
		}
		return err
	})
	ok(t, err)
	return s, func() { _ = l.Close() }
}

func TestWhatAKilledProcessLeftIsRemovedByTheNext(t *testing.T) {
	dir, err := os.MkdirTemp("", "held") // a socket's path must be short
	ok(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	at := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	ok(t, os.WriteFile(at(".p.abcdefg1"), []byte("7\n"), 0o600))
	for _, name := range []string{".sabcdefg1", ".sabcdefg2"} {
		ok(t, os.Mkdir(at(name), 0o700))
	}
	deadSocket(t, at(".sabcdefg1", "s"))

	// What may be somebody's stays.
	stays := []string{".p.abcdefgH", ".p.abcdefg", ".p.abcdefg12", ".q.abcdefg1", "p.abcdefg1"}
	for _, name := range stays {
		ok(t, os.WriteFile(at(name), nil, 0o600))
	}
	ok(t, os.Mkdir(at(".p.abcdefg4"), 0o700))
	ok(t, os.Symlink(at(".q.abcdefg1"), at(".p.abcdefg5")))
	for name, mode := range map[string]os.FileMode{".sabcdefg3": 0o755, ".sabcdefg4": 0o700, ".sabcdefg5": 0o700} {
		ok(t, os.Mkdir(at(name), 0o700))
		ok(t, os.Chmod(at(name), mode))
	}
	deadSocket(t, at(".sabcdefg3", "s"))
	deadSocket(t, at(".sabcdefg4", "s"))
	ok(t, os.WriteFile(at(".sabcdefg4", "more"), nil, 0o600))
	ok(t, os.WriteFile(at(".sabcdefg5", "s"), []byte("no socket"), 0o600))
	stays = append(stays, ".p.abcdefg4", ".p.abcdefg5", ".sabcdefg3", ".sabcdefg4", ".sabcdefg5")
	if os.Geteuid() == 0 {
		for _, name := range []string{".p.abcdefg6", ".sabcdefg6"} {
			if name[1] == 's' {
				ok(t, os.Mkdir(at(name), 0o700))
			} else {
				ok(t, os.WriteFile(at(name), nil, 0o600))
			}
			ok(t, os.Chown(at(name), other, other))
			stays = append(stays, name)
		}
	}

	first, err := NewDraft(at("p"), []byte("8\n"), 0o600)
	ok(t, err)
	firstSocket, closeFirst := bindIn(t, at("f"))
	defer closeFirst()
	firstTemp := first.temp
	stays = append(stays, firstTemp, firstSocket.privy)
	second, err := NewDraft(at("p"), []byte("9\n"), 0o600) // finds that of the first in use
	ok(t, err)
	secondSocket, closeSecond := bindIn(t, at("g"))
	defer closeSecond()
	slices.Sort(stays)
	want := append([]string{second.temp, secondSocket.privy}, stays...)
	slices.Sort(want)
	if got := entries(t, dir); !slices.Equal(got, want) {
		t.Errorf("there is\n%q, want\n%q", got, want)
	}
	for _, name := range []string{".sabcdefg3/s", ".sabcdefg4/s", ".sabcdefg4/more", ".sabcdefg5/s"} {
		if _, err := os.Lstat(at(name)); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []*Socket{firstSocket, secondSocket} {
		ok(t, s.Link())
	}
	first.Discard()
	ok(t, second.Publish())
	second.Remove()
	for _, s := range []*Socket{firstSocket, secondSocket} {
		ok(t, s.Close())
	}
	stays = slices.DeleteFunc(stays, func(name string) bool { return name == firstTemp || name == firstSocket.privy })
	if got := entries(t, dir); !slices.Equal(got, stays) {
		t.Errorf("in the end there is\n%q, want\n%q", got, stays)
	}
}

// Who makes something and finds it taken for a leftover makes another.
func TestWhatIsSweptBeforeItIsMarkedIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenDir(dir)
	ok(t, err)
	defer d.Close() //nolint:errcheck // only a descriptor
	f, name, err := d.CreateTemp(".p.", "", 0o600)
	ok(t, err)
	defer f.Close() //nolint:errcheck // only looked at
	d.sweepFiles(".p.")
	if _, err := os.Lstat(filepath.Join(dir, name)); !os.IsNotExist(err) {
		t.Fatalf("it was not swept: %v", err)
	}
	if err := mark(int(f.Fd())); err == nil {
		t.Error("it was marked though it is gone")
	}
	ok(t, os.Mkdir(filepath.Join(dir, ".sabcdefg1"), 0o700))
	fd, err := openat(d.fd, ".sabcdefg1", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	ok(t, err)
	defer unix.Close(fd) //nolint:errcheck // as above
	d.sweepPrivate()
	if err := mark(fd); err == nil {
		t.Error("a directory was marked though it is gone")
	}
}
