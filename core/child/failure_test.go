package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestAFailedSpawnSaysWhatIsMissing(t *testing.T) {
	s := newSystem(t, Options{})
	dir := t.TempDir()
	plain := file(t, "plain", "x", 0o644)
	orphaned := file(t, "script", "#!/no/such/interpreter -x\n", 0o755)
	garbage := file(t, "garbage", "\x00\x01\x02", 0o755)
	const notSpawned = "supervisor: child process was not spawned\n"
	first := t.TempDir()
	if err := os.Mkdir(filepath.Join(first, "true"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		argv   []string
		change func(*Request)
		want   SpawnError
	}{
		{"an empty command", nil, nil,
			SpawnError{StageResolve, syscall.EINVAL, "command is empty", ""}},
		{"a name that is in no directory of the path", []string{"no-such"}, nil,
			SpawnError{StageResolve, syscall.ENOENT, "can't find command 'no-such'", ""}},
		{"a path that isn't there", []string{"/no/it's"}, nil,
			SpawnError{StageResolve, syscall.ENOENT, `can't find command "/no/it's"`, ""}},
		{"a directory", []string{dir}, nil,
			SpawnError{StageResolve, syscall.EISDIR, "command at '" + dir + "' is a directory", ""}},
		{"a directory found first in the path", []string{"true"}, func(r *Request) { r.SearchPath = []string{first, "/bin"} },
			SpawnError{StageResolve, syscall.EISDIR, "command at '" + first + "/true' is a directory", ""}},
		{"a file with no execute bit", []string{plain}, nil,
			SpawnError{StageResolve, syscall.ENOEXEC, "command at '" + plain + "' is not executable", ""}},
		{"a script whose interpreter is missing", []string{orphaned}, nil,
			SpawnError{StageExec, syscall.ENOENT, "couldn't exec '" + orphaned + "': ENOENT (its interpreter '/no/such/interpreter' is missing)",
				"supervisor: couldn't exec " + orphaned + ": ENOENT\n" + notSpawned}},
		{"something that is no program", []string{garbage}, nil,
			SpawnError{StageExec, syscall.ENOEXEC, "couldn't exec '" + garbage + "': ENOEXEC (it is neither a program nor a script that begins with #!)",
				"supervisor: couldn't exec " + garbage + ": ENOEXEC\n" + notSpawned}},
		{"a missing directory", []string{"true"}, func(r *Request) { r.Dir = "/no/dir" },
			SpawnError{StageChdir, syscall.ENOENT, "couldn't chdir to '/no/dir': ENOENT (there is no such directory)",
				"supervisor: couldn't chdir to /no/dir: ENOENT\n" + notSpawned}},
		{"a directory that is a file", []string{"true"}, func(r *Request) { r.Dir = plain },
			SpawnError{StageChdir, syscall.ENOTDIR, "couldn't chdir to '" + plain + "': ENOTDIR (it is not a directory)",
				"supervisor: couldn't chdir to " + plain + ": ENOTDIR\n" + notSpawned}},
		{"an argument too long", []string{"true", strings.Repeat("x", 1<<20)}, nil,
			SpawnError{StageExec, syscall.E2BIG, "couldn't exec '/bin/true': E2BIG (its arguments and environment are too long)",
				"supervisor: couldn't exec true: E2BIG\n" + notSpawned}},
		{"a NUL in an argument", []string{"true", "a\x00b"}, nil,
			SpawnError{StageExec, syscall.EINVAL, "couldn't exec '/bin/true': EINVAL (invalid argument)",
				"supervisor: couldn't exec true: EINVAL\n" + notSpawned}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := openFiles(t)
			got := fails(t, s, tc.argv, func(r *Request) {
				r.SearchPath = []string{"/no/such/dir", "/bin"}
				if tc.change != nil {
					tc.change(r)
				}
			})
			if *got != tc.want {
				t.Errorf("got  %+v\nwant %+v", *got, tc.want)
			}
			if after := openFiles(t); after != before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
	// Nothing that failed may look like an orphan or spoil what follows.
	if st := sh(t, s, "exit 3"); st.code() != 3 {
		t.Error("a spawn after the failures went wrong")
	}
}

func TestAFailedSpawnAsAnotherUserSaysWhatIsMissing(t *testing.T) {
	needRoot(t)
	s := newSystem(t, Options{})
	open := "/tmp"
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(closed, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	const notSpawned = "supervisor: child process was not spawned\n"
	for _, tc := range []struct {
		name string
		argv []string
		dir  string
		want SpawnError
	}{
		{"a directory the user can't enter", []string{"/bin/true"}, closed,
			SpawnError{StageChdir, syscall.EACCES, "couldn't chdir to '" + closed + "': EACCES (no permission to enter it as user 'www-data')",
				"supervisor: couldn't chdir to " + closed + ": EACCES\n" + notSpawned}},
		{"a program the user can't reach", []string{program}, open,
			SpawnError{StageExec, syscall.EACCES, "couldn't exec '" + program + "': EACCES (no permission to execute it or its interpreter '/bin/sh' as user 'www-data')",
				"supervisor: couldn't exec " + program + ": EACCES\n" + notSpawned}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := openFiles(t)
			got := fails(t, s, tc.argv, func(r *Request) {
				r.Dir = tc.dir
				r.Credential = &Credential{UID: 33, GID: 33, Groups: []uint32{33}, Name: "www-data"}
			})
			if *got != tc.want {
				t.Errorf("got  %+v\nwant %+v", *got, tc.want)
			}
			if after := openFiles(t); after != before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}

func TestACancelledSpawnNeverBegins(t *testing.T) {
	s := newSystem(t, Options{})
	release := make(chan struct{})
	hanging := hang(s, release)
	first, stuck, _ := queue(t, s, []string{"/bin/true"})
	<-hanging
	second, sp, done := queue(t, s, []string{"/bin/true"})
	if stuck.Cancel() {
		t.Error("a fork in progress was taken back")
	}
	if !sp.Cancel() {
		t.Error("a queued spawn couldn't be taken back")
	}
	if sp.Cancel() {
		t.Error("it could be taken back twice")
	}
	<-done // although the spawner hangs
	if second.failed == nil || second.failed.Stage != StageCancelled {
		t.Errorf("failed with %+v", second.failed)
	}
	close(release)
	first.wait()
}

// hang makes the next forks wait until release is closed; the channel reports when one does.
func hang(s *System, release chan struct{}) chan struct{} {
	hanging := make(chan struct{}, 1)
	s.spawner.fork = func(file string, argv []string, attr *syscall.ProcAttr) (int, error) {
		select {
		case hanging <- struct{}{}:
		default:
		}
		<-release
		return syscall.ForkExec(file, argv, attr)
	}
	return hanging
}

func TestASlowSpawnIsAnnouncedOnce(t *testing.T) {
	s := newSystem(t, Options{})
	release := make(chan struct{})
	hang(s, release)
	s.spawner.slow.after = 5 * time.Millisecond
	var slow atomic.Int32
	st, done := submit(t, s, []string{"/bin/true"}, func(r *Request) {
		r.Slow = func() {
			if slow.Add(1) == 1 {
				close(release)
			}
		}
	})
	<-done
	st.wait()
	if n := slow.Load(); n != 1 {
		t.Errorf("announced %d times", n)
	}
}

func TestQueuedSpawnsFailAtClose(t *testing.T) {
	s := newSystem(t, Options{})
	release := make(chan struct{})
	hanging := hang(s, release)
	_, _, first := queue(t, s, []string{"/bin/true"})
	<-hanging
	st, _, second := queue(t, s, []string{"/bin/true"})
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	testkit.Until(t, "the spawner closes", func() bool {
		s.spawner.mu.Lock()
		defer s.spawner.mu.Unlock()
		return s.spawner.closing
	})
	close(release)
	<-closed
	<-first
	<-second
	if st.failed == nil || st.failed.Stage != StageCancelled {
		t.Errorf("failed with %+v", st.failed)
	}
}

func TestRunGivesOutputAndStatus(t *testing.T) {
	s := newSystem(t, Options{})
	out, ws, err := s.Run([]string{"sh", "-c", "cat; echo found; echo lost >&2; exit 2"}, testkit.Patience)
	if err != nil || string(out) != "found\n" || ws.ExitStatus() != 2 {
		t.Errorf("got %q, %v, %v", out, ws, err)
	}
	if _, _, err = s.Run([]string{"no-such-command"}, testkit.Patience); fmt.Sprint(err) != "can't find command 'no-such-command'" {
		t.Errorf("a missing command: %v", err)
	}
	if _, _, err = s.Run([]string{"sleep", "1000"}, time.Millisecond); err != ErrTimeout {
		t.Errorf("a command that takes too long: %v", err)
	}
	testkit.Until(t, "it is killed", func() bool {
		s.reaper.mu.Lock()
		defer s.reaper.mu.Unlock()
		return len(s.reaper.known) == 0
	})
}

func TestPyReprQuotesAsPythonDoes(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                `'plain'`,
		"it's":                 `"it's"`,
		`it's "x"`:             `'it\'s "x"'`,
		"a\\b\n\t\x01":         `'a\\b\n\t\x01'`,
		"é\u00a0\u200b":        `'é\xa0\u200b'`,
		"\xff":                 `'\udcff'`,
		"\U0001f600\U000e0001": "'\U0001f600\\U000e0001'",
	} {
		if got := pytext.Quote(in); got != want {
			t.Errorf("pytext.Quote(%q) = %s, want %s", in, got, want)
		}
	}
}
