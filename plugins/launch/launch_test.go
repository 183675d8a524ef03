package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/trust"
	"github.com/hark-supervisor/hark/sdk"
)

// script writes an executable shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// describing is a script that prints a true description where it is asked for one.
func describing(t *testing.T) string {
	t.Helper()
	type keys struct {
		URL string `hark:"url,required"`
	}
	doc, err := sdk.Describe(sdk.Plugin{Name: "shout", Version: "1.2.3", Doc: "Shouts.", Kinds: []sdk.Kind{
		sdk.NotifierOf(keys{}, func(context.Context, keys, sdk.Instance) (sdk.Notifier, error) {
			return nil, errors.New("never called")
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "doc")
	if err := os.WriteFile(path, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	return script(t, `test "$*" = --describe && test -z "$HOME" && cat `+path)
}

// launcher is one over a system of its own.
func launcher(t *testing.T) (l *Launcher, warnings func() []string) {
	t.Helper()
	system, err := child.New(child.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said []string
	l = New(system, func(level config.Level, text string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, fmt.Sprint(level)+" "+text)
	}, t.Name())
	t.Cleanup(func() {
		l.Wait()
		system.Close()
	})
	return l, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(said)
	}
}

// TestAPluginDescribesItself: once by itself and once by the daemon's launcher, with --describe, and without our environment.
func TestAPluginDescribesItself(t *testing.T) {
	path := describing(t)
	d, err := Describe(&trust.Executable{Argv: []string{path}, Path: path}, nil)
	if err != nil || d.Name != "shout" || d.Version != "1.2.3" || d.Doc != "Shouts." || !slices.Equal(d.Kinds, []string{"notifier"}) || !strings.Contains(string(d.Raw), `"url"`) {
		t.Errorf("by itself: %+v, %v", d, err)
	}
	l, _ := launcher(t)
	asked, err := Ask(testkit.Soon(t), l, "shout.describe", host.Settings{}, &host.Executable{Argv: []string{path}, Path: path})
	if err != nil || asked.Name != "shout" || asked.Version != "1.2.3" || len(asked.Kinds) != 1 {
		t.Errorf("by the launcher: %+v, %v", asked, err)
	}
}

// TestWhatDoesNotDescribeItself: the error says how it ended and what it said last.
func TestWhatDoesNotDescribeItself(t *testing.T) {
	for name, c := range map[string]struct{ text, once, asked string }{
		"it fails":                  {"echo first >&2; echo no such option >&2; exit 3", "it ended with status 3: no such option", "with --describe it ended: exit status 3"},
		"it fails without a word":   {"exit 3", "it ended with status 3", "with --describe it ended: exit status 3"},
		"a signal ends it":          {"echo oh >&2; kill -9 $$", "signal 9 ended it: oh", "with --describe it ended: terminated by SIGKILL"},
		"it prints something else":  {"echo hello", "", "with --describe it ended: exit status 0"},
		"it prints without any end": {"yes | head -c 3000000", "", "with --describe it ended: exit status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			path := script(t, c.text)
			if _, err := Describe(&trust.Executable{Argv: []string{path}, Path: path}, nil); err == nil || c.once != "" && err.Error() != c.once {
				t.Errorf("by itself: %v", err)
			}
			l, _ := launcher(t)
			if _, err := Ask(testkit.Soon(t), l, "x.describe", host.Settings{}, &host.Executable{Argv: []string{path}, Path: path}); err == nil || !strings.HasPrefix(err.Error(), c.asked) {
				t.Errorf("by the launcher: %v", err)
			}
		})
	}
	t.Run("it is not there", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "none")
		if _, err := Describe(&trust.Executable{Argv: []string{path}, Path: path}, nil); err == nil {
			t.Error("it was described")
		}
		l, _ := launcher(t)
		if _, err := Ask(testkit.Soon(t), l, "x.describe", host.Settings{}, &host.Executable{Argv: []string{path}, Path: path}); err == nil || !strings.HasPrefix(err.Error(), "cannot start it: ") {
			t.Errorf("by the launcher: %v", err)
		}
	})
}

// TestAPluginThatNeverAnswersIsKilled, with its children, once the context of the question ends.
func TestAPluginThatNeverAnswersIsKilled(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	path := script(t, "sleep 1000 & echo $$ $! > "+pids+".new; mv "+pids+".new "+pids+"; wait")
	l, _ := launcher(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := Ask(ctx, l, "x.describe", host.Settings{}, &host.Executable{Argv: []string{path}, Path: path})
		answer <- err
	}()
	var own, its int
	testkit.Until(t, "it runs", func() bool {
		text, err := os.ReadFile(pids)
		if err != nil {
			return false
		}
		_, err = fmt.Sscan(string(text), &own, &its)
		return err == nil
	})
	cancel()
	select {
	case err := <-answer:
		if !errors.Is(err, ErrNoAnswer) {
			t.Errorf("the answer is %v", err)
		}
	case <-testkit.Soon(t).Done():
		t.Fatal("it was not killed")
	}
	for _, pid := range []int{own, its} {
		testkit.Until(t, fmt.Sprintf("pid %d is gone", pid), func() bool { return !runs(pid) })
	}
}

// runs reports whether a process runs; one that has ended and whose parent has not noticed does not.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// TestTheSurroundingsOfAPlugin: its arguments, its directory, its umask, its environment and nothing of ours; output goes to where it
// belongs, all of it before the end is reported.
func TestTheSurroundingsOfAPlugin(t *testing.T) {
	t.Setenv("HARK_TEST_LEAK", "1")
	path := script(t, `echo "$0 $* $(pwd) $(umask) $WITH ${HARK_TEST_LEAK-none}"; echo trouble >&2; exit 4`)
	l, _ := launcher(t)
	var out, errs testkit.Buffer
	ended := make(chan string, 1)
	p, err := l.Launch(testkit.Soon(t), &host.Program{
		Plugin: "x", Argv: []string{"called", "-a", "b"}, Path: path, Env: []string{"WITH=this", "PATH=/usr/bin:/bin"},
		Stdout: func(b []byte) time.Duration { _, _ = out.Write(b); return 0 },
		Stderr: func(b []byte) time.Duration { _, _ = errs.Write(b); return 0 },
		Exited: func(how string) { ended <- how + "|" + out.String() + "|" + errs.String() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.PID() <= 0 {
		t.Errorf("its pid is %d", p.PID())
	}
	select {
	case got := <-ended:
		if want := "it ended: exit status 4|" + path + " -a b / 0077 this none\n|trouble\n"; got != want {
			t.Errorf("it is %q instead of %q", got, want)
		}
	case <-testkit.Soon(t).Done():
		t.Fatal("the end was not reported")
	}
	p.Kill() // does nothing any more
}

// TestAFloodIsHeldUp: a pipe whose reader asks for a pause is left alone so long, and read on afterwards.
func TestAFloodIsHeldUp(t *testing.T) {
	path := script(t, "head -c 1000000 /dev/zero")
	l, _ := launcher(t)
	var mu sync.Mutex
	var last time.Time
	var early, reads, bytes int
	ended := make(chan struct{})
	const hold = 5 * time.Millisecond
	_, err := l.Launch(testkit.Soon(t), &host.Program{
		Plugin: "x", Argv: []string{path}, Path: path, Env: []string{"PATH=/usr/bin:/bin"},
		Stdout: func(b []byte) time.Duration {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); reads > 0 && now.Sub(last) < hold {
				early++
			}
			last = time.Now()
			reads++
			bytes += len(b)
			return hold
		},
		Stderr: func([]byte) time.Duration { return 0 },
		Exited: func(string) { close(ended) },
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-testkit.Soon(t).Done():
		t.Fatal("it does not end")
	}
	mu.Lock()
	defer mu.Unlock()
	// At the end the rest is read at once.
	if bytes != 1000000 || reads < 3 || early > 2 {
		t.Errorf("%d bytes came in %d reads, %d of them too early", bytes, reads, early)
	}
}

// TestALaunchThatIsNotWantedAnyMore starts nothing, or kills what it has started.
func TestALaunchThatIsNotWantedAnyMore(t *testing.T) {
	path := script(t, "sleep 1000")
	l, _ := launcher(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 20 {
		ended := make(chan struct{})
		p, err := l.Launch(ctx, &host.Program{
			Plugin: "x", Argv: []string{path}, Path: path, Env: []string{"PATH=/usr/bin:/bin"},
			Stdout: func([]byte) time.Duration { return 0 }, Stderr: func([]byte) time.Duration { return 0 },
			Exited: func(string) { close(ended) },
		})
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the error is %v", err)
			}
			continue
		}
		p.Kill() // it had started before anyone looked at the context
		select {
		case <-ended:
		case <-testkit.Soon(t).Done():
			t.Fatal("it was not killed")
		}
	}
}

// TestTheUserOfAPlugin: it runs as it, which only root can arrange.
func TestTheUserOfAPlugin(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a program as another user")
	}
	dir := testkit.Dir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "plugin")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nid -u; id -g; id -G\n"), 0o755); err != nil { //nolint:gosec // another user executes it
		t.Fatal(err)
	}
	l, _ := launcher(t)
	var out testkit.Buffer
	ended := make(chan struct{})
	_, err := l.Launch(testkit.Soon(t), &host.Program{
		Plugin: "x", Argv: []string{path}, Path: path, Env: []string{"PATH=/usr/bin:/bin"}, User: &host.Account{Name: "x", UID: 4711, GID: 4712, Groups: []uint32{4712, 4713}},
		Stdout: func(b []byte) time.Duration { _, _ = out.Write(b); return 0 }, Stderr: func([]byte) time.Duration { return 0 },
		Exited: func(string) { close(ended) },
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-testkit.Soon(t).Done():
		t.Fatal("it does not end")
	}
	if got := out.String(); got != "4711\n4712\n4712 4713\n" {
		t.Errorf("it is %q", got)
	}
}
