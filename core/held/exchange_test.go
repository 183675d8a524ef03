package held_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
	"github.com/hark-supervisor/hark/core/held/heldtest"
)

// Whatever another user exchanges meanwhile, root changes nothing of its own.
func TestWhatRootMakesInAnotherUsersDirectoryGivesNothingAway(t *testing.T) {
	const rounds = 1000
	for name, do := range map[string]func(path string){
		"a pidfile": func(path string) {
			if d, err := held.NewDraft(path, []byte("7\n"), 0o666); err == nil {
				if d.Publish() != nil {
					d.Discard()
				} else {
					d.Remove()
				}
			}
		},
		"a log": func(path string) {
			if fd, _, err := held.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT, 0o666); err == nil {
				_, _ = unix.Write(fd, []byte("a line\n"))
				_ = unix.Close(fd)
			}
			if at, err := held.Locate(path, false); err == nil {
				_ = at.Rename(at.Name, at.Name+".1")
				_ = at.Unlink(at.Name + ".1")
				at.Close()
			}
		},
		"a directory of our own": func(path string) {
			dir, name, err := held.OpenParent(path)
			if err != nil {
				return
			}
			defer dir.Close() //nolint:errcheck // only a descriptor
			sub, err := dir.OpenSubdir(name, 0o700)
			if err != nil {
				return
			}
			defer sub.Close() //nolint:errcheck // as above
			root, err := sub.Root()
			if err != nil {
				return
			}
			defer root.Close() //nolint:errcheck // as above
			if f, err := root.OpenFile("segment", os.O_RDWR|os.O_CREATE, 0o600); err == nil {
				_ = f.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) { heldtest.Exchange(t, "x", rounds, do) })
	}
}
