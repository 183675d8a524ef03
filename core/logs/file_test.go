package logs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// logStep is one thing done to a log, by us and by Supervisor's handler.
type logStep struct {
	Op   string // write, reopen, clear, truncate, unlink
	Data []byte
}

type logCase struct {
	MaxBytes int64
	Backups  int
	Before   []byte
	Steps    []logStep
	Dir      string
}

const rotationScript = `
from supervisor.loggers import getLogger, handle_file
answer = []
for case in json.load(sys.stdin):
    os.umask(0o022)
    name = os.path.join(case['Dir'], 'x.log')
    log = getLogger()
    handle_file(log, name, '%(message)s', rotating=not not case['MaxBytes'],
                maxbytes=case['MaxBytes'], backups=case['Backups'])
    handler = log.handlers[0]
    for step in case['Steps'] or []:
        op = step['Op']
        if op == 'write': log.info(base64.b64decode(step['Data']))
        elif op == 'reopen': handler.reopen()
        elif op == 'clear':
            handler.remove()
            handler.reopen()
        elif op == 'truncate': os.truncate(name, 0)
        elif op == 'unlink': os.remove(name)
    log.close()
    answer.append(True)
json.dump(answer, sys.stdout)
`

func TestRotationLeavesTheFilesThatSupervisorLeaves(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var cases []logCase
	for i := range 150 {
		c := logCase{
			MaxBytes: []int64{0, 1, 10, 50, 100, 1000}[rnd.IntN(6)],
			Backups:  []int{0, 1, 2, 3, 10, 12}[rnd.IntN(6)],
			Dir:      t.TempDir(),
		}
		if rnd.IntN(3) == 0 {
			c.Before = bytes.Repeat([]byte{'b'}, rnd.IntN(120))
		}
		for j := range rnd.IntN(60) {
			step := logStep{Op: "write", Data: fmt.Appendf(nil, "%d.%d%s\n", i, j, strings.Repeat("x", rnd.IntN(60)))}
			switch rnd.IntN(20) {
			case 0:
				step = logStep{Op: "reopen"}
			case 1:
				step = logStep{Op: "clear"}
			}
			c.Steps = append(c.Steps, step)
		}
		cases = append(cases, c)
	}
	cases = append(cases,
		logCase{MaxBytes: 10, Backups: 2, Dir: t.TempDir(), Steps: []logStep{
			{Op: "write", Data: []byte("123456789")}, {Op: "write", Data: []byte("0")}, {Op: "write", Data: []byte("a")},
		}},
		logCase{MaxBytes: 10, Backups: 3, Dir: t.TempDir(), Steps: []logStep{ // the log is removed by somebody
			{Op: "write", Data: []byte("12345")}, {Op: "unlink"}, {Op: "write", Data: []byte("67890")}, {Op: "write", Data: []byte("a")},
		}},
		logCase{MaxBytes: 10, Backups: 0, Dir: t.TempDir(), Steps: []logStep{
			{Op: "write", Data: []byte("12345")}, {Op: "unlink"}, {Op: "write", Data: []byte("67890")}, {Op: "write", Data: []byte("a")},
		}},
		logCase{MaxBytes: 10, Backups: 2, Dir: t.TempDir(), Steps: []logStep{ // logrotate's copytruncate
			{Op: "write", Data: []byte("123456789")}, {Op: "truncate"}, {Op: "write", Data: []byte("abcdefgh")}, {Op: "write", Data: []byte("ijk")},
		}},
	)
	theirs := make([]logCase, len(cases))
	for i, c := range cases {
		theirs[i] = c
		theirs[i].Dir = t.TempDir()
		if c.Before != nil {
			for _, dir := range []string{c.Dir, theirs[i].Dir} {
				if err := os.WriteFile(filepath.Join(dir, "x.log"), c.Before, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		perform(t, c)
	}
	var answer []bool
	supervisorPython(t, rotationScript, theirs, &answer)
	for i, c := range cases {
		ours, wanted := snapshot(t, c.Dir), snapshot(t, theirs[i].Dir)
		if ours != wanted {
			t.Errorf("case %d (maxbytes %d, backups %d):\nours:\n%s\nSupervisor's:\n%s", i, c.MaxBytes, c.Backups, ours, wanted)
		}
	}
}

func perform(t *testing.T, c logCase) {
	t.Helper()
	name := filepath.Join(c.Dir, "x.log")
	f := open(t, name, Options{MaxBytes: c.MaxBytes, Backups: c.Backups})
	for _, step := range c.Steps {
		var err error
		switch step.Op {
		case "write":
			_, err = f.Write(step.Data)
		case "reopen":
			err = f.Reopen()
		case "clear":
			err = f.Clear()
		case "truncate":
			err = os.Truncate(name, 0)
		case "unlink":
			err = os.Remove(name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s: %q\n", e.Name(), read(t, filepath.Join(dir, e.Name())))
	}
	return b.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func open(t *testing.T, path string, o Options) *File {
	t.Helper()
	f, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func write(t *testing.T, f *File, s string) {
	t.Helper()
	if dropped, err := f.Write([]byte(s)); dropped != 0 || err != nil {
		t.Fatalf("Write(%.40q) = %d, %v", s, dropped, err)
	}
}

// trouble checks that an error announces what is expected.
func trouble(t *testing.T, err error, kind TroubleKind) *Trouble {
	t.Helper()
	var tr *Trouble
	if !errors.As(err, &tr) || tr.Kind != kind {
		t.Fatalf("announced %v, want kind %d", err, kind)
	}
	return tr
}

func TestSixtyFourMegabytesPassThroughRotationUntornAndInOrder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	const total, chunk, backups = 64 << 20, 96 << 10, 80
	f := open(t, name, Options{MaxBytes: 1 << 20, Backups: backups})
	var pending []byte
	tail := strings.Repeat(" the quick brown fox", 10)
	for n, sent := 0, 0; sent < total; {
		for len(pending) < chunk {
			pending = fmt.Appendf(pending, "%09d%s\n", n, tail)
			n++
		}
		write(t, f, string(pending[:chunk]))
		sent += chunk
		pending = append(pending[:0], pending[chunk:]...)
	}
	if f.Written() < total || f.Rotations() < 50 {
		t.Fatalf("%d bytes written, %d rotations", f.Written(), f.Rotations())
	}
	var all []byte
	for i := backups; i > 0; i-- {
		b, err := os.ReadFile(backup(name, i))
		if err == nil {
			all = append(all, b...)
		}
	}
	all = append(all, read(t, name)...)
	if int64(len(all)) != f.Written() {
		t.Fatalf("%d bytes in the files, %d written", len(all), f.Written())
	}
	var want []byte
	for i := 0; len(all) > len(tail)+len("000000000\n"); i++ {
		want = fmt.Appendf(want[:0], "%09d%s\n", i, tail)
		if !bytes.HasPrefix(all, want) {
			t.Fatalf("line %d is %.60q", i, all)
		}
		all = all[len(want):]
	}
}

func TestALogMovedAwayAndMadeAnewBySomebodyIsNotRotatedOver(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.log")
	f := open(t, name, Options{MaxBytes: 10, Backups: 1})
	write(t, f, "one")
	if err := os.Rename(name, name+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two, which fills it")
	write(t, f, "next")
	if got, want := snapshot(t, dir), "x.log: \"\"\nx.log.1: \"other\\nnext\"\nx.log.old: \"onetwo, which fills it\"\n"; got != want {
		t.Errorf("files:\n%s", got)
	}
}

func TestALogThatCannotBeRotatedGoesOnAndSaysSoOnce(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.log")
	// A directory with something in it cannot be replaced by the backup.
	if err := os.MkdirAll(filepath.Join(name+".1", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, name, Options{MaxBytes: 4, Backups: 1})
	_, err := f.Write([]byte("12345"))
	_ = trouble(t, err, NotRotated)
	write(t, f, "6789")
	write(t, f, "abcd")
	if got := read(t, name); got != "123456789abcd" {
		t.Errorf("log holds %q", got)
	}
	if err := os.RemoveAll(name + ".1"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "efgh")
	write(t, f, "x")
	if got, first := read(t, name), read(t, name+".1"); got+first == "" || f.Rotations() != 1 {
		t.Errorf("log %q, first backup %q, %d rotations", got, first, f.Rotations())
	}
}

func TestAFullDeviceIsAnnouncedOnceAndCounted(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	f := open(t, "/dev/full", Options{Keep: 100, MaxBytes: 10, Backups: 1})
	dropped, err := f.Write([]byte(strings.Repeat("a", 60) + "\n"))
	if tr := trouble(t, err, Failing); dropped != 0 || tr.Kept != 61 || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("first: %d dropped, %+v", dropped, tr)
	}
	if dropped, err = f.Write([]byte("b\n")); dropped != 0 || err != nil {
		t.Errorf("second: %d, %v", dropped, err)
	}
	dropped, err = f.Write([]byte(strings.Repeat("c", 30) + "\n" + strings.Repeat("d", 30) + "\n"))
	if tr := trouble(t, err, Dropping); dropped != 31 || tr.Dropped != 31 || tr.Kept != 94 {
		t.Errorf("third: %d dropped, %+v; whole lines are kept", dropped, tr)
	}
	if dropped, err = f.Write([]byte("e\n")); dropped != 2 || err != nil {
		t.Errorf("fourth: %d, %v; nothing is kept behind a gap", dropped, err)
	}
	if err := f.Retry(); err != nil || f.Pending() != 94 || f.Full() {
		t.Errorf("Retry: %v, %d pending, full %v", err, f.Pending(), f.Full())
	}
	if tr := trouble(t, f.Close(), Abandoned); tr.Dropped != 33+94 || f.Lost() != 33+94 {
		t.Errorf("Close: %+v, %d lost", tr, f.Lost())
	}
	if dropped, err := f.Write([]byte("f")); dropped != 1 || !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %d, %v", dropped, err)
	}
}

func TestAFullDiskLosesNothingThatFitsTheBoundAndOrderIsKept(t *testing.T) {
	for name, policy := range map[string]Policy{"drop": Drop, "block": Block} {
		t.Run(name, func(t *testing.T) {
			disk := tinyDisk(t)
			path := filepath.Join(disk, "x.log")
			filler := filepath.Join(disk, "filler")
			f := open(t, path, Options{OnFull: policy})
			var want bytes.Buffer
			line := strings.Repeat("x", 4000)
			var announced []TroubleKind
			put := func(i int) {
				b := fmt.Appendf(nil, "%06d %s\n", i, line)
				want.Write(b)
				dropped, err := f.Write(b)
				var tr *Trouble
				if errors.As(err, &tr) {
					announced = append(announced, tr.Kind)
				}
				if dropped != 0 {
					t.Fatalf("line %d: %d bytes dropped", i, dropped)
				}
			}
			if err := os.WriteFile(filler, make([]byte, 192<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			for i := range 40 {
				put(i)
			}
			if f.Pending() == 0 || f.Full() != (policy == Block) {
				t.Fatalf("%d bytes pending, full %v", f.Pending(), f.Full())
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			if err := f.Retry(); err != nil {
				t.Fatalf("an episode that has just ended may go on: %v", err)
			}
			if f.Pending() != 0 || f.Full() {
				t.Fatalf("after room was made %d bytes pending, full %v", f.Pending(), f.Full())
			}
			put(40)
			pass(f, Calm)
			_ = trouble(t, f.Retry(), Recovered)
			if f.Unsettled() {
				t.Error("there is more to be told")
			}
			if got := read(t, path); got != want.String() {
				t.Errorf("the log has %d bytes, %d were written", len(got), want.Len())
			}
			if len(announced) != 1 || announced[0] != Failing {
				t.Errorf("announced %v", announced)
			}
		})
	}
}

// pass has time go by for the episode of a log.
func pass(f *File, d time.Duration) {
	e := f.o.Episode
	e.mu.Lock()
	defer e.mu.Unlock()
	at := e.clock().Add(d)
	e.now = func() time.Time { return at }
}

// A disk that has room for a moment now and then is full.
func TestAFullDiskWithRoomNowAndThenIsOneEpisode(t *testing.T) {
	disk := tinyDisk(t)
	path, filler := filepath.Join(disk, "x.log"), filepath.Join(disk, "filler")
	var told []error
	var dropped int64
	note := func(n int, err error) {
		dropped += int64(n)
		if err != nil {
			told = append(told, err)
		}
	}
	var shared Episode
	f := open(t, path, Options{Keep: 20 << 10, Episode: &shared})
	for i := range 45 {
		if err := os.WriteFile(filler, make([]byte, 256<<10), 0o600); err != nil && !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		note(f.Write(bytes.Repeat([]byte("y\n"), 12<<10)))
		if i == 20 { // the program is started again
			note(0, f.Clear())
			note(0, f.Close())
			f = open(t, path, Options{Keep: 20 << 10, Episode: &shared})
		}
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		note(0, f.Retry())
		if f.Pending() > 0 {
			t.Fatalf("round %d: %d bytes are kept though there is room", i, f.Pending())
		}
		pass(f, Calm/2)
	}
	if len(told) != 1 {
		t.Fatalf("%d times told: %v", len(told), told)
	}
	_ = trouble(t, told[0], Dropping)
	pass(f, Calm/2)
	if tr := trouble(t, f.Retry(), Recovered); tr.Dropped != dropped {
		t.Errorf("%d bytes dropped are told, %d were", tr.Dropped, dropped)
	}
	// The next failure is another one.
	if err := os.WriteFile(filler, make([]byte, 256<<10), 0o600); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	_, err := f.Write(bytes.Repeat([]byte("z\n"), 10<<10))
	_ = trouble(t, err, Failing)
}

func TestADueLogOnAFullDiskMakesRoomByRotating(t *testing.T) {
	disk := tinyDisk(t)
	path := filepath.Join(disk, "x.log")
	f := open(t, path, Options{MaxBytes: 100 << 10, Backups: 1})
	for range 200 {
		if dropped, err := f.Write(bytes.Repeat([]byte("y"), 10<<10)); dropped != 0 || err != nil {
			t.Fatalf("%d, %v", dropped, err)
		}
	}
	if f.Rotations() == 0 {
		t.Error("never rotated")
	}
}

// tinyDisk mounts a file system of 256 KiB.
func tinyDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := t.TempDir()
	if err := mountTmpfs(dir, "size=256k,mode=700"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, 0) })
	return dir
}

func TestAFifoNeitherBlocksNorIsRotatedOrRemoved(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, name, Options{MaxBytes: 10, Backups: 2, Keep: 1 << 20})
	chunk := bytes.Repeat([]byte("0123456789abcde\n"), 4096)
	var want []byte
	for !f.Full() { // the pipe takes 64 KiB, then its reader is missing
		if dropped, err := f.Write(chunk); dropped != 0 || err != nil {
			t.Fatalf("%d, %v: a slow reader is not announced", dropped, err)
		}
		want = append(want, chunk...)
	}
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var got []byte
	buf := make([]byte, 32<<10)
	for f.Full() || len(got) < len(want) {
		n, err := reader.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
		if err := f.Retry(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, written %d", len(got), len(want))
	}
	if st, err := os.Stat(name); err != nil || st.Mode()&os.ModeNamedPipe == 0 || f.Rotations() != 0 {
		t.Errorf("the FIFO is gone: %v, %v", st, err)
	}
}

func TestAPipeWithoutAReaderDropsBeyondTheBound(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	f, err := OpenDescriptor(int(w.Fd()), "stdout", Options{Keep: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var told error
	for range 10 {
		_, err := f.Write(bytes.Repeat([]byte("z"), 32<<10))
		told = errors.Join(told, err)
	}
	if tr := trouble(t, told, Dropping); !errors.Is(tr, ErrStalled) || f.Lost() == 0 {
		t.Errorf("announced %v, lost %d", told, f.Lost())
	}
	if err := f.Reopen(); err != nil {
		t.Error(err)
	}
}

func TestTheStandardDescriptorsAreNeverRotated(t *testing.T) {
	for _, name := range []string{"/dev/stdout", "/dev/stderr", "/dev/fd/1"} {
		f, err := Open(name, Options{MaxBytes: 1, Backups: 1})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !f.fixed {
			t.Errorf("%s would be rotated", name)
		}
		if err := errors.Join(f.Clear(), f.Reopen(), f.Remove()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(name); err != nil {
			t.Error(err)
		}
	}
	link := filepath.Join(t.TempDir(), "access.log")
	if err := os.Symlink("/dev/stdout", link); err != nil {
		t.Fatal(err)
	}
	if f := open(t, link, Options{MaxBytes: 1}); !f.fixed {
		t.Error("a link to /dev/stdout would be rotated")
	}
}

func TestRemoveTakesTheFileAndReopenMakesItAnew(t *testing.T) {
	dir := t.TempDir()
	f := open(t, filepath.Join(dir, "x.log"), Options{})
	write(t, f, "one")
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, dir); got != "" {
		t.Error(got)
	}
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two")
	if got := snapshot(t, dir); got != "x.log: \"two\"\n" {
		t.Error(got)
	}
}

func TestAReopenThatFailsLeavesTheOldFileOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, filepath.Join(dir, "x.log"), Options{})
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Reopen: %v", err)
	}
	write(t, f, "still here")
	if got := read(t, filepath.Join(dir+".away", "x.log")); got != "still here" {
		t.Error(got)
	}
}

func TestSymbolicLinksThatOthersCouldMakeAreRefusedToRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is protected from other users' links")
	}
	base := t.TempDir()
	mkdir := func(name string, mode os.FileMode, uid int) string {
		dir := filepath.Join(base, name)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, uid, uid), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	private := mkdir("private", 0o755, 0)
	sticky := mkdir("sticky", 0o777|os.ModeSticky, 0)
	shared := mkdir("shared", 0o775, 0)
	theirs := mkdir("theirs", 0o755, 12345)
	target := filepath.Join(private, "target")
	targetDir := mkdir("private/dir", 0o755, 0)
	for _, c := range []struct {
		name, dir string
		owner     int // of the links
		refused   bool
	}{
		{"a private directory", private, 0, false},
		{"another user's link in a sticky directory of all", sticky, 12345, true},
		{"another user's link in a directory a group may write", shared, 12345, true},
		{"another user's link in that user's directory", theirs, 12345, true},
		{"root's link in a directory a group may write", mkdir("varlog", 0o775, 0), 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			link := filepath.Join(c.dir, "link")
			dirLink := filepath.Join(c.dir, "dirlink")
			relative := filepath.Join(c.dir, "relative")
			twice := filepath.Join(private, filepath.Base(c.dir)+".twice")
			if err := errors.Join(os.Symlink(target, link), os.Symlink(targetDir, dirLink), os.Symlink("../private/target", relative), os.Symlink(link, twice)); err != nil {
				t.Fatal(err)
			}
			for _, l := range []string{link, dirLink, relative} {
				if err := os.Lchown(l, c.owner, c.owner); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{link, filepath.Join(dirLink, "x.log"), relative, twice} {
				f, err := Open(path, Options{})
				if (err != nil) != c.refused || c.refused && !errors.Is(err, ErrUnsafe) {
					t.Errorf("%s: %v", path, err)
				}
				if f != nil {
					write(t, f, "x")
					_ = f.Close()
				}
				if _, err := readSlice(path, 0, 0); (err != nil) != c.refused {
					t.Errorf("reading %s: %v", path, err)
				}
			}
			f := open(t, filepath.Join(c.dir, "plain.log"), Options{MaxBytes: 3, Backups: 1})
			write(t, f, "plain")
			if f.Rotations() != 1 {
				t.Error("a regular file of our own was not rotated")
			}
		})
	}
	loop := filepath.Join(private, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(loop, Options{}); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a loop of links: %v", err)
	}
	if _, err := Open(private, Options{}); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := Open(filepath.Join(private, "missing", "x.log"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	chunk := bytes.Repeat([]byte("0123456789abcde\n"), 4096)
	b.Run("File", func(b *testing.B) {
		f, err := Open(filepath.Join(b.TempDir(), "x.log"), Options{MaxBytes: 256 << 20})
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		b.SetBytes(int64(len(chunk)))
		for b.Loop() {
			_, _ = f.Write(chunk)
		}
	})
	b.Run("write(2)", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "x.log"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		b.SetBytes(int64(len(chunk)))
		n := 0
		for b.Loop() {
			if n += len(chunk); n >= 256<<20 {
				_ = f.Truncate(0)
				_, _ = f.Seek(0, 0)
				n = 0
			}
			_, _ = unix.Write(int(f.Fd()), chunk)
		}
	})
}
