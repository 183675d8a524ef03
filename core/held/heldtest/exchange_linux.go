package heldtest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Exchange has do work at a path in another user's directory, rounds times, while that user exchanges everything there for links to
// what is root's. It fails the test if anything of root's has changed. do may fail: it is the user's own directory. The test is
// skipped where it is not root's.
func Exchange(t *testing.T, name string, rounds int, do func(path string)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root works in directories of others")
	}
	base, err := os.MkdirTemp("", "held") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base) //nolint:errcheck // as far as it goes
	p := &prey{t: t, file: filepath.Join(base, "roots", "file"), dir: filepath.Join(base, "roots", "dir")}
	theirs, decoy := filepath.Join(base, "theirs"), filepath.Join(base, "decoy")
	for _, dir := range []string{filepath.Dir(p.file), p.dir, theirs, decoy} {
		must(t, os.Mkdir(dir, 0o755))
	}
	must(t, os.Chmod(base, 0o755))
	must(t, os.WriteFile(p.file, []byte(precious), 0o600))
	for _, name := range []string{name, "s"} {
		must(t, os.Symlink(p.file, filepath.Join(decoy, name)))
	}
	must(t, os.Chown(theirs, Other, Other))
	must(t, os.Chown(decoy, Other, Other))
	e := &exchanger{dir: theirs, name: name, targets: []string{p.file, p.dir, decoy}}
	stop, ended, ready := make(chan struct{}), make(chan error, 1), make(chan struct{})
	go e.run(ready, stop, ended)
	<-ready
	enough, deadline := int64(rounds/20), time.Now().Add(patience)
	done := 0
	for ; !t.Failed() && (done < rounds || e.exchanged.Load() < enough && time.Now().Before(deadline)); done++ {
		do(filepath.Join(theirs, name))
		p.check()
	}
	close(stop)
	must(t, <-ended)
	if n := e.exchanged.Load(); n < enough {
		t.Errorf("only %d links were exchanged in %d rounds: that was no test", n, done)
	}
}

// patience is how long enough exchanges are waited for, where the other user's thread gets little of the machine.
const patience = time.Minute

const precious = "precious"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prey is what is root's and must stay so.
type prey struct {
	t         *testing.T
	file, dir string
}

func (p *prey) check() {
	p.t.Helper()
	info, err := os.Lstat(p.file)
	if err != nil {
		p.t.Errorf("root's file: %v", err)
		return
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 0 || st.Gid != 0 || info.Mode() != 0o600 {
		p.t.Errorf("root's file has mode %v and belongs to %d:%d", info.Mode(), st.Uid, st.Gid)
	}
	if text, err := os.ReadFile(p.file); string(text) != precious {
		p.t.Errorf("root's file has %q, %v", text, err)
	}
	info, err = os.Lstat(p.dir)
	if err != nil {
		p.t.Errorf("root's directory: %v", err)
		return
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 0 || info.Mode().Perm() != 0o755 {
		p.t.Errorf("root's directory has mode %v and belongs to %d", info.Mode(), st.Uid)
	}
	if entries, err := os.ReadDir(p.dir); len(entries) > 0 || err != nil {
		p.t.Errorf("root's directory has %v, %v", entries, err)
	}
}

// exchanger is the other user: a thread with that user's rights on files.
type exchanger struct {
	dir, name string
	targets   []string
	tries     int
	exchanged atomic.Int64
}

const away = ".away"

func (e *exchanger) run(ready, stop chan struct{}, ended chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with its rights
	_ = unix.Setfsgid(Other)
	_ = unix.Setfsuid(Other)
	dir, err := os.Open(e.dir)
	close(ready)
	for err == nil {
		select {
		case <-stop:
			_ = dir.Close()
			ended <- nil
			return
		default:
		}
		var names []string
		if names, err = dir.Readdirnames(-1); err == nil {
			_, err = dir.Seek(0, 0)
		}
		for _, name := range append(names, e.name) {
			e.exchange(name)
		}
	}
	ended <- err
}

// exchange puts a link in the place of something, for a moment.
func (e *exchanger) exchange(name string) {
	here, there := filepath.Join(e.dir, name), filepath.Join(e.dir, away+strconv.Itoa(e.tries))
	if strings.HasPrefix(name, away) {
		_ = os.Remove(here)
		return
	}
	e.tries++
	if os.Rename(here, there) != nil || os.Symlink(e.targets[rand.IntN(len(e.targets))], here) != nil { //nolint:gosec // whichever
		return
	}
	e.exchanged.Add(1)
	for range rand.IntN(2000) { //nolint:gosec // any moment will do
		runtime.KeepAlive(e)
	}
	_ = os.Remove(here)
	if rand.IntN(2) == 0 { //nolint:gosec // as above
		_ = os.Rename(there, here)
	}
}
