package spool

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestDirectoriesOfOthersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another user's files")
	}
	const other = 4242
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string) string // gives Dir
		good bool
	}{
		"another user's spool": {func(t *testing.T, dir string) string {
			ok(t, os.Mkdir(inside(dir), 0o700))
			ok(t, os.Chown(inside(dir), other, other))
			return dir
		}, false},
		"a spool others can write": {func(t *testing.T, dir string) string {
			ok(t, os.Mkdir(inside(dir), 0o700))
			ok(t, os.Chmod(inside(dir), 0o770))
			return dir
		}, false},
		"a link for the spool": {func(t *testing.T, dir string) string {
			ok(t, os.Symlink(t.TempDir(), inside(dir)))
			return dir
		}, false},
		"another user's link on the way": {func(t *testing.T, dir string) string {
			ok(t, os.Chmod(dir, 0o777))
			ok(t, os.Symlink(t.TempDir(), filepath.Join(dir, "link")))
			ok(t, os.Lchown(filepath.Join(dir, "link"), other, other))
			return filepath.Join(dir, "link")
		}, false},
		"another user's link in root's own directory": {func(t *testing.T, dir string) string {
			ok(t, os.Chmod(dir, 0o755))
			ok(t, os.Symlink(t.TempDir(), filepath.Join(dir, "link")))
			ok(t, os.Lchown(filepath.Join(dir, "link"), other, other))
			return filepath.Join(dir, "link")
		}, true},
		"root's link in a directory others can write": {func(t *testing.T, dir string) string {
			ok(t, os.Chmod(dir, 0o777))
			ok(t, os.Symlink(t.TempDir(), filepath.Join(dir, "link")))
			return filepath.Join(dir, "link")
		}, true},
		"a relative link up and down again": {func(t *testing.T, dir string) string {
			ok(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
			ok(t, os.Symlink("../../c/.", filepath.Join(dir, "a", "b", "link")))
			ok(t, os.Mkdir(filepath.Join(dir, "c"), 0o755))
			return dir + "/a/b/link/../c/"
		}, true},
		"a relative path": {func(t *testing.T, dir string) string {
			t.Chdir(dir)
			return "."
		}, true},
		"a link to itself": {func(t *testing.T, dir string) string {
			ok(t, os.Symlink("link", filepath.Join(dir, "link")))
			return filepath.Join(dir, "link")
		}, false},
		"a world-writable directory": {func(t *testing.T, dir string) string {
			ok(t, os.Chmod(dir, 0o777|os.ModeSticky))
			return dir
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.make(t, t.TempDir())
			s, err := Open(options(dir))
			if err == nil {
				fill(t, s, 1)
				closed(t, s)
				if _, err := os.Stat(dir + "/pool.spool/" + cursorName); err != nil {
					t.Error(err)
				}
			}
			if c.good != (err == nil) {
				t.Fatal(err)
			}
			if !c.good && name != "a link to itself" && !errors.Is(err, ErrUnsafe) {
				t.Fatal(err)
			}
		})
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
