package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// TestSupervisorctlReadsItsCommandLineAsSupervisors needs no daemon: nothing
// listens where the configurations point.
func TestSupervisorctlReadsItsCommandLineAsSupervisors(t *testing.T) {
	t.Parallel()
	binary, script := supervisorctl(t), startPython(t, "supervisor.supervisorctl")
	for _, c := range []struct {
		name  string
		args  []string
		conf  string // of DIR/supervisord.conf, "" for none
		stdin string
	}{
		{name: "an unknown short option", args: []string{"-x"}},
		{name: "an unknown long option", args: []string{"--nosuch"}},
		{name: "a long option that is several", args: []string{"--"}, stdin: "quit\n"},
		{name: "an option without its value", args: []string{"-c"}},
		{name: "a long option without its value", args: []string{"--serverurl"}},
		{name: "a value for a switch", args: []string{"--interactive=1"}},
		{name: "a server that is no URL", args: []string{"-s", "foo", "status"}},
		{name: "a server that is no URL, quoted", args: []string{"--serverurl=it's", "status"}},
		{name: "a server of a scheme alone", args: []string{"-s", "http:", "status"}},
		{name: "a switch twice", args: []string{"-i", "--interactive", "pid"}},
		{name: "a file twice", args: []string{"-c", "x", "-c", "y", "pid"}},
		{name: "a name twice", args: []string{"-u", "x", "--username=y", "pid"}},
		{name: "a password twice", args: []string{"-px", "-py", "pid"}},
		{name: "a file that is missing", args: []string{"-c", "missing.conf", "pid"}},
		{name: "a file that is a directory", args: []string{"-c", ".", "pid"}},
		{name: "a file without the section", args: []string{"-c", "supervisord.conf", "pid"}, conf: "[supervisord]\n"},
		{name: "a file found where nobody named one", args: []string{"status"}, conf: "[supervisorctl]\nserverurl=unix://%(here)s/sock\n"},
		{name: "a file that is empty", args: []string{"-c", "supervisord.conf", "pid"}, conf: "\n"},
		{name: "an expansion that fails", args: []string{"-c", "supervisord.conf", "pid"}, conf: "[supervisorctl]\nprompt=%(nosuch)s\n"},
		{name: "a plugin without a factory", args: []string{"-c", "supervisord.conf", "pid"}, conf: "[supervisorctl]\n[ctlplugin:x]\nkey=value\n"},
		{name: "an action of bad syntax", args: []string{"-s", "unix:///nonexistent", "nosuch", "-x"}},
		{name: "options after the action", args: []string{"-s", "unix:///nonexistent", "status", "-s"}},
		{name: "an abbreviated option", args: []string{"--serv", "unix:///nonexistent", "status"}},
		{name: "an abbreviated option with a value", args: []string{"--serv=unix:///nonexistent", "--user=x", "--pass=y", "status"}},
		{name: "a cluster", args: []string{"-ux", "-py", "-sunix:///nonexistent", "--", "pid"}},
		{name: "a cluster that ends in an unknown option", args: []string{"-ix", "pid"}},
		{name: "a scheme that nobody speaks", args: []string{"-s", "ftp://localhost", "pid"}},
		{name: "a scheme that nobody speaks, in the file", args: []string{"-c", "supervisord.conf", "status"}, conf: "[supervisorctl]\nserverurl=foo\n"},
		{name: "nothing listens", args: []string{"-s", "http://127.0.0.1:1", "status"}},
		{name: "nothing listens: start", args: []string{"-s", "http://127.0.0.1:1", "start", "x"}},
		{name: "nothing listens: reread", args: []string{"-s", "http://127.0.0.1:1", "reread"}},
		{name: "nothing listens: update", args: []string{"-s", "http://127.0.0.1:1", "update"}},
		{name: "nothing listens: reload", args: []string{"-s", "http://127.0.0.1:1", "reload"}},
		{name: "nothing listens: shutdown", args: []string{"-s", "http://127.0.0.1:1", "shutdown"}},
		{name: "nothing listens: avail", args: []string{"-s", "http://127.0.0.1:1", "avail"}},
		{name: "nothing listens: add", args: []string{"-s", "http://127.0.0.1:1", "add", "x"}},
		{name: "nothing listens: add nothing", args: []string{"-s", "http://127.0.0.1:1", "add"}},
		{name: "nothing listens: restart", args: []string{"-s", "http://127.0.0.1:1", "restart", "x"}},
		{name: "nothing listens: tail", args: []string{"-s", "http://127.0.0.1:1", "tail"}},
		{name: "nothing listens: tail -f", args: []string{"-s", "http://127.0.0.1:1", "tail", "-f", "x"}},
		{name: "nothing listens: maintail", args: []string{"-s", "http://127.0.0.1:1", "maintail"}},
		{name: "nothing listens: fg", args: []string{"-s", "http://127.0.0.1:1", "fg", "x"}},
		{name: "nothing listens: clear", args: []string{"-s", "http://127.0.0.1:1", "clear", "all"}},
		{name: "nothing listens: signal", args: []string{"-s", "http://127.0.0.1:1", "signal", "HUP", "x"}},
		{name: "nothing listens: pid", args: []string{"-s", "http://127.0.0.1:1", "pid", "x"}},
		{name: "nothing listens: version", args: []string{"-s", "http://127.0.0.1:1", "version"}},
		{name: "no socket: remove", args: []string{"-s", "unix:///nonexistent", "remove", "x"}},
		{name: "no socket: shutdown", args: []string{"-s", "unix:///nonexistent", "shutdown"}},
		{name: "no socket: avail", args: []string{"-s", "unix:///nonexistent", "avail"}},
		{name: "a socket that is a file", args: []string{"-s", "unix:///etc/passwd", "status"}},
		{name: "a socket below a file", args: []string{"-s", "unix:///etc/passwd/x", "status"}},
		{name: "a prompt", args: []string{"-c", "supervisord.conf"}, conf: "[supervisorctl]\nserverurl=unix:///nonexistent\nprompt=what now\n", stdin: "pid\nbogus\n"},
		{name: "a shell without a server", args: []string{"-s", "unix:///nonexistent"}, stdin: "start x\nreread\nhelp pid\n"},
		{name: "opening what is not there", args: []string{"-s", "unix:///nonexistent"}, stdin: "open http://127.0.0.1:1\nopen ftp://x\nopen\npid\nopen unix:///nonexistent\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := &instance{t: t, dir: testkit.Dir(t)}
			if c.conf != "" {
				in.conf = filepath.Join(in.dir, "supervisord.conf")
				in.writeConf(c.conf)
			}
			got := script.run(t, pythonJob{Dir: in.dir, Stdin: c.stdin, Args: append([]string{"supervisorctl"}, c.args...)})
			python := fmt.Sprintf("%s[exit status %d]", got.Out, got.Status)

			cmd := exec.Command(binary, c.args...)
			cmd.Args[0] = "supervisorctl"
			cmd.Dir = in.dir
			cmd.Stdin = strings.NewReader(c.stdin)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState == nil {
				t.Fatal(err)
			}
			hark := fmt.Sprintf("%s[exit status %d]", withoutAdditions(withoutIssues(string(out))), cmd.ProcessState.ExitCode())
			compare(t, in.normal(python), in.normal(hark))
		})
	}
}

// withoutIssues takes out what Hark says beyond Supervisor's sentence about a
// configuration that cannot be used.
func withoutIssues(out string) string {
	first, rest, ok := strings.Cut(out, "\n")
	end := strings.Index(rest, "For help, use ")
	if !ok || !strings.HasPrefix(first, "Error: ") || end < 0 {
		return out
	}
	return first + "\n" + rest[end:]
}
