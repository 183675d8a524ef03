package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// screenTest is supervisorctl top in a window of tmux.
type screenTest struct {
	t      *testing.T
	socket string
}

func (s *screenTest) tmux(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("/usr/bin/tmux", append([]string{"-S", s.socket, "-f", "/dev/null"}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// see waits until the screen shows all of the texts, and none of those behind "!".
func (s *screenTest) see(texts ...string) {
	s.t.Helper()
	var screen string
	testkit.Await(s.t, func() bool {
		screen = s.tmux("capture-pane", "-p")
		for _, text := range texts {
			if not, isNot := strings.CutPrefix(text, "!"); isNot == strings.Contains(screen, not) {
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("the screen shows %q; it shows\n%s", texts, screen) })
}

func TestTopOnATerminal(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	end := daemonAt(t, dir, `
[supervisord]
identifier=topical
[program:cat]
command=/bin/cat
startsecs=0
[program:say]
command=/bin/sh -c 'printf "\\033[32mwords\\033[0m from say\\n"; exec cat'
startsecs=0
`)
	waitFor(t, dir, `say +RUNNING`, "status", "say")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "supervisorctl") // the test binary is run by that name
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	s := &screenTest{t, filepath.Join(dir, "tmux")}
	s.tmux("new-session", "-d", "-x", "100", "-y", "20", link+" -c "+dir+"/supervisord.conf top --every 0.2; echo ended $?; cat")
	t.Cleanup(func() { s.tmux("kill-server") })
	s.see("topical: 2 processes (2 RUNNING)", "NAME", "cat", "say", "q quit")
	s.tmux("send-keys", "Down", "l")
	s.see("log of say: stdout", "words from say", "!?[32m")
	s.tmux("resize-window", "-x", "60", "-y", "14")
	s.see("log of say: stdout", "words from say", "q quit")
	s.tmux("send-keys", "S")
	s.see("stop say? y or any other key")
	s.tmux("send-keys", "y")
	s.see("say: stopped", "1 STOPPED, 1 RUNNING")
	s.tmux("send-keys", "s")
	s.see("say: started", "2 RUNNING")
	s.tmux("send-keys", "/", "c", "a", "t", "Enter")
	s.see("only \"cat\"", "!words from say", "!say  ")
	s.tmux("send-keys", "Escape") // alone: with a key right behind it, it would be Alt and that key
	s.see("say  ")
	s.tmux("send-keys", "?")
	s.see("Keys of top")
	s.tmux("resize-window", "-x", "20", "-y", "4")
	s.see("Keys of top")
	s.tmux("resize-window", "-x", "100", "-y", "30")
	s.see("any key: back")
	s.tmux("send-keys", "Space")
	s.see("say", "q quit")
	end()
	s.see("trying again")
	s.tmux("send-keys", "q")
	s.see("ended 0", "!trying again")
}
