package rundir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// XDG_RUNTIME_DIR stays root's where user= has made the daemon another user.
func TestADirectoryOfAnotherUserIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	if !isOwn(dir) || isOwn(dir+"/nothing") {
		t.Error("our own is not ours, or what is not there is")
	}
	other := "/"
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 12345, 0); err != nil {
			t.Fatal(err)
		}
		other = dir
	}
	if isOwn(other) {
		t.Errorf("%s is another user's", other)
	}
}

func TestAnotherUsersDirectoryDoesNotTakeTheRunDirectoryAway(t *testing.T) {
	for name, spoil := range map[string]func(base string) error{
		"nothing":                      func(string) error { return nil },
		"our own of before":            func(base string) error { return os.Mkdir(base, 0o711) },
		"another user's":               func(base string) error { return errors.Join(os.Mkdir(base, 0o755), os.Chown(base, 12345, 12345)) },
		"one that everybody can write": func(base string) error { return errors.Join(os.Mkdir(base, 0o777), os.Chmod(base, 0o777)) },
		"a link":                       func(base string) error { return os.Symlink(filepath.Dir(base), base) },
		"a file":                       func(base string) error { return os.WriteFile(base, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "another user's" && os.Geteuid() != 0 {
				t.Skip("only root can give a directory away")
			}
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			base := filepath.Join(tmp, "hark-test")
			r := &Dir{bases: []string{filepath.Join(tmp, "missing", "hark"), base}, name: "abc"}
			if err := spoil(base); err != nil {
				t.Fatal(err)
			}
			path, err := r.Make()
			if err != nil {
				t.Fatal(err)
			}
			usual := name == "nothing" || name == "our own of before"
			if usual != (path == filepath.Join(base, "abc")) {
				t.Errorf("it is %s", path)
			}
			for _, dir := range []string{path, filepath.Dir(path)} {
				if info, err := os.Lstat(dir); err != nil || !isOwn(dir) || info.Mode() != os.ModeDir|Passable {
					t.Errorf("%s: %v, %v", dir, info, err)
				}
			}
			if again, err := r.Make(); again != path || err != nil {
				t.Errorf("again: %s, %v", again, err)
			}
			if err := os.RemoveAll(filepath.Dir(path)); err != nil { // as those do who clear the temporary folder
				t.Fatal(err)
			}
			path, err = r.Make()
			if info, stat := os.Lstat(path); err != nil || stat != nil || !info.IsDir() {
				t.Errorf("after it was removed: %s, %v, %v", path, err, stat)
			}
		})
	}
}
