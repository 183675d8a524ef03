package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The test binary is pidproxy itself when called by that name, and what pid
// files point to when called target.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "pidproxy":
		os.Exit(run(os.Args))
	case "target":
		printSignals()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// printSignals prints the signals it gets until its stdin ends.
func printSignals() {
	caught := make(chan os.Signal, 16)
	signal.Notify(caught, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	end := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(end)
	}()
	fmt.Println("ready")
	for {
		select {
		case s := <-caught:
			fmt.Println(s)
		case <-end:
			return
		}
	}
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "pidproxy"
	return cmd
}

func statusOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

func TestTooFewArgumentsShowTheUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"pidfile"}} {
		out, err := command(t, args...).Output()
		if statusOf(err) != 1 || !strings.Contains(string(out), "Usage: pidproxy <pidfile name> <command> [<cmdarg1> ...]\n") {
			t.Errorf("%q: %v %s", args, err, out)
		}
	}
}

func TestItEndsWithTheCommandAndStatusZero(t *testing.T) {
	out, err := command(t, "none", "/bin/sh", "-c", "echo $0 $1; exit 3", "a", "b").Output()
	if err != nil || string(out) != "a b\n" {
		t.Errorf("%v %q", err, out)
	}
}

func TestACommandThatCannotRunIsSaid(t *testing.T) {
	out, err := command(t, "none", "/no/such/program").CombinedOutput()
	if statusOf(err) != 127 || !strings.Contains(string(out), `cannot run "/no/such/program"`) {
		t.Errorf("%v %s", err, out)
	}
}

func TestSignalsReachTheProcessOfThePidfile(t *testing.T) {
	pidfile := filepath.Join(t.TempDir(), "pid")
	target := command(t)
	target.Args[0] = "target"
	out, err := target.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := target.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = target.Process.Kill()
		_ = target.Wait()
	}()
	lines := bufio.NewReader(out)
	expect := func(want string) {
		t.Helper()
		if line, err := lines.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("got %q, %v; want %s", line, err, want)
		}
	}
	expect("ready")

	for _, s := range []struct {
		signal syscall.Signal
		name   string
		ends   bool
	}{
		{syscall.SIGHUP, "HUP", false},
		{syscall.SIGUSR1, "USR1", false},
		{syscall.SIGUSR2, "USR2", false},
		{syscall.SIGTERM, "TERM", true},
		{syscall.SIGINT, "INT", true},
		{syscall.SIGQUIT, "QUIT", true},
	} {
		t.Run(s.name, func(t *testing.T) {
			if err := os.WriteFile(pidfile, fmt.Appendf(nil, " %d\n", target.Process.Pid), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := command(t, pidfile, "/bin/sh", "-c", "echo up; read x")
			up, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(up).ReadString('\n'); err != nil || line != "up\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			if err := cmd.Process.Signal(s.signal); err != nil {
				t.Fatal(err)
			}
			expect(s.signal.String())
			if !s.ends {
				_ = stdin.Close() // now the command ends, and pidproxy with it
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func TestAnUnreadablePidfileIsSaidAndSurvived(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"text": "x", "empty": "", "everybody": "-1", "group": "0"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := command(t, file, "/bin/sh", "-c", "echo up; read x")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(stdout)
		for _, want := range []string{"up\n", "Can't read child pidfile " + file + "!\n"} {
			if line, err := lines.ReadString('\n'); err != nil || line != want {
				t.Fatalf("got %q, %v; want %q", line, err, want)
			}
			if want == "up\n" {
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: it ended with %v", name, err)
		}
	}
}
