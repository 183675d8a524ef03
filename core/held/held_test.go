package held

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make another user's files")
	}
}

const other = 12345

// theirs is a directory of another user's.
func theirs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ok(t, os.Chmod(dir, 0o755))
	ok(t, os.Chown(dir, other, other))
	return dir
}

func symlink(t *testing.T, owner int, target, path string) string {
	t.Helper()
	ok(t, os.Symlink(target, path))
	ok(t, os.Lchown(path, owner, owner))
	return path
}

func TestLinksOfOthersAreFollowedOnlyToWhatIsTheirs(t *testing.T) {
	needRoot(t)
	roots, dir := t.TempDir(), theirs(t)
	ok(t, os.Mkdir(filepath.Join(dir, "releases"), 0o755))
	ok(t, os.Chown(filepath.Join(dir, "releases"), other, other))
	third := t.TempDir()
	ok(t, os.Chown(third, 54321, 54321))
	for _, c := range []struct {
		name, path string
		good       bool
	}{
		{"to a directory of the same user", symlink(t, other, "releases", filepath.Join(dir, "current")), true},
		{"to a directory of root's", symlink(t, other, roots, filepath.Join(dir, "roots")), false},
		{"to another user's directory", symlink(t, other, third, filepath.Join(dir, "third")), false},
		{"root's link to anywhere", symlink(t, 0, third, filepath.Join(dir, "byroot")), true},
		{"back from a directory of root's", filepath.Join(symlink(t, other, roots, filepath.Join(dir, "twice")), "back"), true},
	} {
		if c.name == "back from a directory of root's" {
			symlink(t, 0, filepath.Join(dir, "releases"), filepath.Join(roots, "back"))
		}
		t.Run(c.name, func(t *testing.T) {
			d, err := OpenDir(c.path)
			if err == nil {
				ok(t, d.Close())
			}
			if c.good != (err == nil) || err != nil && !errors.Is(err, ErrUnsafe) {
				t.Errorf("the directory: %v", err)
			}
			fd, _, err := Open(filepath.Join(c.path, "x.log"), unix.O_WRONLY|unix.O_CREAT, 0o600)
			if err == nil {
				ok(t, unix.Close(fd))
			}
			if c.good != (err == nil) || err != nil && !errors.Is(err, ErrUnsafe) {
				t.Errorf("a file in it: %v", err)
			}
		})
	}
}

func TestAFileOfSeveralNamesIsRefusedWhereOthersMakeNames(t *testing.T) {
	needRoot(t)
	// One file system for both, or there are no such links.
	base := t.TempDir()
	roots, dir := filepath.Join(base, "roots"), filepath.Join(base, "theirs")
	ok(t, os.Mkdir(roots, 0o755))
	ok(t, os.Mkdir(dir, 0o755))
	ok(t, os.Chown(dir, other, other))
	file := filepath.Join(roots, "file")
	ok(t, os.WriteFile(file, nil, 0o600))
	ok(t, os.Link(file, filepath.Join(dir, "x.log")))
	ok(t, os.Link(file, filepath.Join(roots, "x.log")))
	own := filepath.Join(dir, "own")
	ok(t, os.WriteFile(own, nil, 0o600))
	ok(t, os.Chown(own, other, other))
	ok(t, os.Link(own, filepath.Join(dir, "own.log")))
	for path, good := range map[string]bool{filepath.Join(dir, "x.log"): false, filepath.Join(roots, "x.log"): true, filepath.Join(dir, "own.log"): true} {
		fd, _, err := Open(path, unix.O_WRONLY|unix.O_APPEND, 0)
		if err == nil {
			ok(t, unix.Close(fd))
		}
		if good != (err == nil) || err != nil && !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: %v", path, err)
		}
	}
	d, err := NewDraft(filepath.Join(dir, "x.log"), []byte("7\n"), 0o644)
	ok(t, err)
	ok(t, d.Publish())
	if text, _ := os.ReadFile(file); len(text) > 0 {
		t.Errorf("root's file has %q", text)
	}
	d.Remove()
}

func TestADraftReplacesItsFileInOneStep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pid")
	names := func() []string {
		var all []string
		entries, err := os.ReadDir(dir)
		ok(t, err)
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	ok(t, os.WriteFile(path, []byte("the old one, which is longer\n"), 0o600))
	d, err := NewDraft(path, []byte("7\n"), 0o644)
	ok(t, err)
	if text, _ := os.ReadFile(path); string(text) != "the old one, which is longer\n" {
		t.Errorf("before Publish there is %q", text)
	}
	d.Discard()
	if got := names(); !slices.Equal(got, []string{"pid"}) {
		t.Errorf("after Discard: %q", got)
	}
	d, err = NewDraft(path, []byte("7\n"), 0o644)
	ok(t, err)
	ok(t, d.Publish())
	text, err := os.ReadFile(path)
	if info, _ := os.Stat(path); string(text) != "7\n" || err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%q, %v, mode %v", text, err, info.Mode())
	}
	if got := names(); !slices.Equal(got, []string{"pid"}) {
		t.Errorf("after Publish: %q", got)
	}
	// Somebody else's by now.
	ok(t, os.WriteFile(path+".new", []byte("8\n"), 0o644))
	ok(t, os.Rename(path+".new", path))
	d.Remove()
	if text, _ := os.ReadFile(path); string(text) != "8\n" {
		t.Errorf("another's file: %q", text)
	}
	if d, err = NewDraft(filepath.Join(dir, "none"), []byte("7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.Discard()
	if got := names(); !slices.Equal(got, []string{"pid"}) {
		t.Errorf("after Discard of a new one: %q", got)
	}
}

func TestADraftIsWrittenInPlaceWhereItCannotReplace(t *testing.T) {
	dir := t.TempDir()
	d, err := NewDraft(os.DevNull, []byte("7\n"), 0o644)
	ok(t, err)
	ok(t, d.Publish())
	d.Remove()
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("%s is %v, %v", os.DevNull, info, err)
	}
	if _, err := NewDraft(dir, []byte("7\n"), 0o644); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := NewDraft(filepath.Join(dir, "none", "pid"), nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestASocketHasItsModeAndOwnerBeforeItsName(t *testing.T) {
	dir, err := os.MkdirTemp("", "held")
	ok(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s.sock")
	owner := &Owner{UID: os.Geteuid(), GID: os.Getegid()}
	if os.Geteuid() == 0 {
		owner = &Owner{UID: other, GID: other}
	}
	bind := func() (*net.UnixListener, *Socket) {
		var l *net.UnixListener
		s, err := Bind(path, 0o606, owner, func(address string) (err error) {
			l, err = net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
			return err
		})
		ok(t, err)
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { _ = l.Close() })
		return l, s
	}
	_, first := bind()
	if _, err := first.Occupant(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it has its name: %v", err)
	}
	ok(t, first.Link())
	st, err := first.Occupant()
	ok(t, err)
	if st.Mode != unix.S_IFSOCK|0o606 || int(st.Uid) != owner.UID || int(st.Gid) != owner.GID {
		t.Errorf("mode %#o, owner %d:%d", st.Mode, st.Uid, st.Gid)
	}
	if !first.Present(path) || first.Present(path+"x") {
		t.Error("it is not where it is")
	}
	_, second := bind()
	if err := second.Link(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("two have the name: %v", err)
	}
	ok(t, second.Replace())
	if first.Present(path) || !second.Present(path) {
		t.Error("it was not replaced")
	}
	_ = first.Close()
	if !second.Present(path) {
		t.Error("the first one has removed the second")
	}
	conn, err := net.Dial("unix", path)
	ok(t, err)
	_ = conn.Close()
	ok(t, second.Close())
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	long := filepath.Join(dir, strings.Repeat("x", 108-len(dir)-1))
	if _, err := Bind(long, 0o600, nil, func(string) error { return nil }); !errors.Is(err, ErrTooLong) {
		t.Errorf("%d bytes: %v", len(long), err)
	}
}

func TestATemporaryNameIsLikeThatOfPython(t *testing.T) {
	d, err := OpenDir(t.TempDir())
	ok(t, err)
	defer d.Close() //nolint:errcheck // only a descriptor
	seen := map[string]bool{}
	for range 100 {
		f, name, err := d.CreateTemp("a-", ".log", 0o600)
		ok(t, err)
		_ = f.Close()
		middle, found := strings.CutPrefix(strings.TrimSuffix(name, ".log"), "a-")
		if !found || len(middle) != 8 || strings.Trim(middle, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			t.Errorf("a name is %q", name)
		}
		seen[name] = true
	}
	names, err := d.Names()
	if err != nil || len(names) != 100 || len(seen) != 100 {
		t.Errorf("%d names, %v", len(names), err)
	}
}
