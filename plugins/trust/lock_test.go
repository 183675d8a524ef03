package trust

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the record says is executed: it is trusted no further than a program is.
func TestARecordThatOthersCanHaveWrittenIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(dir, lock string) error
		words  string
		root   bool
	}{
		{"everybody can write it", func(_, lock string) error { return os.Chmod(lock, 0o666) }, "can be written by everybody", false},
		{"another user's", func(_, lock string) error { return os.Chown(lock, 12345, 0) }, "belongs to uid 12345", true},
		{"a group can write it", func(_, lock string) error {
			return errors.Join(os.Chown(lock, 0, 12345), os.Chmod(lock, 0o664))
		}, "can be written by group 12345", true},
		{"everybody can write its directory", func(dir, _ string) error { return os.Chmod(dir, 0o777) }, "can be written by everybody", false},
		{"another user's directory", func(dir, _ string) error { return os.Chown(dir, 12345, 0) }, "belongs to uid 12345", true},
		{"everybody can write a directory above", func(dir, _ string) error { return os.Chmod(filepath.Dir(dir), 0o777) }, "can be written by everybody", false},
		{"a link to what everybody can write", func(dir, lock string) error {
			other := filepath.Join(dir, "other")
			return errors.Join(os.Rename(lock, other), os.Chmod(other, 0o666), os.Symlink(other, lock))
		}, "can be written by everybody", false},
		{"no file", func(_, lock string) error { return errors.Join(os.Remove(lock), os.Mkdir(lock, 0o755)) }, "is not a regular file", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root && os.Getuid() != 0 {
				t.Skip("only root can give files away")
			}
			p := newPlace(t)
			p.install(p.write("x", answer, 0o755), "answer")
			if err := c.damage(p.dir, filepath.Join(p.dir, LockName)); err != nil {
				t.Fatal(err)
			}
			_, resolve := p.Resolve(Wanted{Name: "answer"})
			_, recorded := p.Recorded("answer")
			_, verify := p.Verify("answer")
			_, list := p.List()
			_, stray := p.VerifyDirs()
			remove := p.Remove("answer")
			_, _, install := p.Install(context.Background(), Source{File: p.write("y", answer, 0o755)}, describes("other"), time.Unix(1700000000, 0))
			for what, err := range map[string]error{
				"Resolve": resolve, "Recorded": recorded, "Verify": verify, "List": list, "VerifyDirs": stray, "Remove": remove, "Install": install,
			} {
				if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.words) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if _, err := os.Stat(filepath.Join(p.dir, "answer")); err != nil {
				t.Errorf("the program was removed: %v", err)
			}
		})
	}
}
