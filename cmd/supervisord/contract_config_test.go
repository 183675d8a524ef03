package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// refusedByPython is what Supervisor's supervisord says with a command line that
// does not start it.
func refusedByPython(t *testing.T, p *pythonServer, dir string, args ...string) string {
	t.Helper()
	return refusal("supervisord", dir, p.run(t, pythonJob{Dir: dir, Pidfile: filepath.Join(dir, "p"), Args: append([]string{"supervisord"}, args...)}))
}

// refusedByHark is what ours says.
func refusedByHark(t *testing.T, dir string, args ...string) string {
	t.Helper()
	f := hark(t)
	cmd := exec.Command(f.argv[0], args...) //nolint:gosec // a table of tests
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), f.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	var got pythonResult
	testkit.Until(t, "supervisord ends or starts", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		if _, err := os.Stat(filepath.Join(dir, "p")); err == nil {
			got.Started = true
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
		return false
	})
	got.Out, got.Err, got.Status = stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	return refusal(f.argv[0], dir, got)
}

// refusal is the exit status, the standard error and the output, with the names
// of the program and its directory replaced; "accepted" when it started.
func refusal(program, dir string, got pythonResult) string {
	if got.Started {
		return fmt.Sprintf("accepted [exit status %d]", got.Status)
	}
	out := stamped.ReplaceAllString(got.Out, "")
	if out != "" && !strings.HasPrefix(out, "4.") {
		out = strings.ReplaceAll(out, "Usage: "+program, "Usage: PROGRAM")
	}
	said := strings.ReplaceAll(got.Err, "For help, use "+program, "For help, use PROGRAM")
	return strings.ReplaceAll(fmt.Sprintf("[exit status %d]\n%s[stdout] %s", got.Status, said, out), dir, "DIR")
}

// stamped is a line of the activity log.
var stamped = regexp.MustCompile(`(?m)^\d{4}-.*\n`)

// sameRefusal compares; after Supervisor's own words Hark may add lines that
// name each error and its place, before the last line.
func sameRefusal(t *testing.T, python, hark string) {
	t.Helper()
	words, last, _ := strings.Cut(python, "\nFor help, use ")
	if strings.Contains(words, " cannot be resolved within [") {
		words += ":" // 4.4 goes on with the reason, 4.2.5 does not
		hark = strings.Replace(hark, words+" ", words+"\n", 1)
	}
	if strings.HasPrefix(hark, words+"\n") && strings.HasSuffix(hark, "\nFor help, use "+last) {
		return
	}
	compare(t, python, hark)
}

func TestBrokenConfigurationsAreRefusedAlike(t *testing.T) {
	t.Parallel()
	supervisord := startPython(t, "supervisor.supervisord")
	const sup = "[supervisord]\nnodaemon=true\nlogfile=DIR/l\npidfile=DIR/p\n"
	const main = "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
	for _, c := range []struct{ name, conf string }{
		{"empty file", ""},
		{"no supervisord section", "[program:a]\ncommand=x\n"},
		{"no section header", "a=b\n"},
		{"a line without a delimiter", sup + "nonsense\n"},
		{"a section not closed", "[supervisord\n"},
		{"a DEFAULT section", "[DEFAULT]\nx=1\n" + sup},
		{"loglevel", sup + "loglevel=loud\n"},
		{"umask", sup + "umask=9\n"},
		{"size", sup + "logfile_maxbytes=1.5MB\n"},
		{"backups", sup + "logfile_backups=x\n"},
		{"minfds", sup + "minfds=many\n"},
		{"user", sup + "user=nosuchuser\n"},
		{"directory", sup + "directory=DIR/missing\n"},
		{"childlogdir", sup + "childlogdir=DIR/missing\n"},
		{"logfile in a missing directory", sup + "[supervisord]\nlogfile=DIR/missing/l\n"},
		{"pidfile in a missing directory", sup + "[supervisord]\npidfile=DIR/missing/p\n"},
		{"boolean", sup + "nocleanup=perhaps\n"},
		{"empty boolean", sup + "nocleanup=\n"},
		{"environment", sup + "environment=A\n"},
		{"expansion", sup + "identifier=%(nosuch)s\n"},
		{"lone percent", sup + "identifier=50%\n"},
		{"no command", sup + "[program:a]\n"},
		{"program environment", sup + "[program:a]\ncommand=x\nenvironment=A=,B=2\n"},
		{"program expansion", sup + "[program:a]\ncommand=x %(nosuch)s\n"},
		{"program environment variable", sup + "[program:a]\ncommand=x %(ENV_NO_SUCH_VARIABLE)s\n"},
		{"program lone percent", sup + "[program:a]\ncommand=date +%Y\n"},
		{"priority", sup + "[program:a]\ncommand=x\npriority=high\n"},
		{"autostart", sup + "[program:a]\ncommand=x\nautostart=1.0\n"},
		{"autorestart", sup + "[program:a]\ncommand=x\nautorestart=sometimes\n"},
		{"startsecs", sup + "[program:a]\ncommand=x\nstartsecs=ten\n"},
		{"startretries", sup + "[program:a]\ncommand=x\nstartretries=\n"},
		{"stopsignal", sup + "[program:a]\ncommand=x\nstopsignal=BOGUS\n"},
		{"exitcodes", sup + "[program:a]\ncommand=x\nexitcodes=0,zwei\n"},
		{"exitcodes out of range", sup + "[program:a]\ncommand=x\nexitcodes=256\n"},
		{"numprocs", sup + "[program:a]\ncommand=x\nnumprocs=two\n"},
		{"numprocs without process_num", sup + "[program:a]\ncommand=x\nnumprocs=2\n"},
		{"stopasgroup without killasgroup", sup + "[program:a]\ncommand=x\nstopasgroup=true\nkillasgroup=false\n"},
		{"program user", sup + "[program:a]\ncommand=x\nuser=nosuchuser\n"},
		{"program umask", sup + "[program:a]\ncommand=x\numask=abc\n"},
		{"stdout_logfile in a missing directory", sup + "[program:a]\ncommand=x\nstdout_logfile=DIR/missing/l\n"},
		{"stdout_logfile_maxbytes", sup + "[program:a]\ncommand=x\nstdout_logfile_maxbytes=huge\n"},
		{"stdout_capture_maxbytes", sup + "[program:a]\ncommand=x\nstdout_capture_maxbytes=huge\n"},
		{"redirect_stderr", sup + "[program:a]\ncommand=x\nredirect_stderr=maybe\n"},
		{"process name with a colon", sup + "[program:a]\ncommand=x\nprocess_name=a:b\n"},
		{"process name with a slash", sup + "[program:a]\ncommand=x\nprocess_name=a/b\n"},
		{"process name with a space", sup + "[program:a]\ncommand=x\nprocess_name=a b\n"},
		{"program name with a colon", sup + "[program:a:b]\ncommand=x\n"},
		{"group of unknown programs", sup + "[group:g]\nprograms=nosuch\n"},
		{"group without programs", sup + "[group:g]\npriority=1\n"},
		{"group priority", sup + "[program:a]\ncommand=x\n[group:g]\nprograms=a\npriority=x\n"},
		{"listener without events", sup + "[eventlistener:l]\ncommand=x\n"},
		{"listener with unknown events", sup + "[eventlistener:l]\ncommand=x\nevents=NOSUCH\n"},
		{"listener with redirect_stderr", sup + "[eventlistener:l]\ncommand=x\nevents=EVENT\nredirect_stderr=true\n"},
		{"listener with a buffer of 0", sup + "[eventlistener:l]\ncommand=x\nevents=EVENT\nbuffer_size=0\n"},
		{"listener with capture", sup + "[eventlistener:l]\ncommand=x\nevents=EVENT\nstdout_capture_maxbytes=1MB\n"},
		{"fastcgi without a socket", sup + "[fcgi-program:f]\ncommand=x\n"},
		{"fastcgi with a bad socket", sup + "[fcgi-program:f]\ncommand=x\nsocket=bogus\n"},
		{"fastcgi with a bad tcp socket", sup + "[fcgi-program:f]\ncommand=x\nsocket=tcp://localhost\n"},
		{"fastcgi with a relative unix socket", sup + "[fcgi-program:f]\ncommand=x\nsocket=unix://x.sock\n"},
		{"fastcgi with a bad mode", sup + "[fcgi-program:f]\ncommand=x\nsocket=unix://DIR/x.sock\nsocket_mode=999\n"},
		{"fastcgi with a bad owner", sup + "[fcgi-program:f]\ncommand=x\nsocket=unix://DIR/x.sock\nsocket_owner=nosuchuser\n"},
		{"fastcgi with a bad backlog", sup + "[fcgi-program:f]\ncommand=x\nsocket=unix://DIR/x.sock\nsocket_backlog=x\n"},
		{"inet server without a port", sup + "[inet_http_server]\nusername=a\n"},
		{"inet server with a bad port", sup + "[inet_http_server]\nport=localhost:http\n"},
		{"inet server with a name without password", sup + "[inet_http_server]\nport=127.0.0.1:0\nusername=a\n"},
		{"unix server without a file", sup + "[unix_http_server]\nchmod=0700\n"},
		{"unix server with a bad mode", sup + "[unix_http_server]\nfile=DIR/s\nchmod=rwx\n"},
		{"unix server with a bad owner", sup + "[unix_http_server]\nfile=DIR/s\nchown=nosuchuser\n"},
		{"unix server with a bad group", sup + "[unix_http_server]\nfile=DIR/s\nchown=root:nosuchgroup\n"},
		{"unix server in a missing directory", sup + main + "[unix_http_server]\nfile=DIR/missing/s\n"},
		{"rpcinterface without a factory", sup + "[rpcinterface:x]\n"},
		{"include without files", sup + "[include]\n"},
		{"duplicate sections and keys", sup + sup + "identifier=a\nidentifier=b\n"},
		{"unknown sections and keys", sup + "bogus=1\n[bogus]\nx=1\n[ program:x ]\n[PROGRAM:x]\n[program]\n"},
		{"comments after spaces", sup + "identifier=a ; b\nloglevel=info # c\n"},
		{"an empty command", sup + "[program:a]\ncommand=\n"},
		{"numprocs of 0 and below", sup + "[program:a]\ncommand=x\nnumprocs=0\n[program:b]\ncommand=x\nnumprocs=-1\n"},
		{"an empty program name", sup + "[program:]\ncommand=x\nautostart=false\n"},
		{"numbers as Python reads them", sup + "[program:a]\ncommand=x\nautostart=false\nstartsecs=-1\npriority=010\nstdout_logfile_maxbytes=1 MB\nstopwaitsecs=1_0\n"},
		{"a program in two groups", sup + "[program:a]\ncommand=x\nautostart=false\n[group:g]\nprograms=a\n[group:h]\nprograms=a\n"},
		{"a byte order mark", "\ufeff" + sup},
		{"latin-1", sup + "identifier=\xe4\n"},
		{"a key that continues", sup + "[program:a]\ncommand=x\n  y\n\n  z\nautostart=false\n"},
		{"include of nothing", sup + "[include]\nfiles=DIR/*.none\n"},
		{"an unknown factory", sup + "[rpcinterface:x]\nsupervisor.rpcinterface_factory=nosuch.module:factory\n"},
		{"an expansion of a host name", sup + "identifier=%(host_node_name)s-%(here)s\n"},
		{"a program with a missing directory", sup + "[program:a]\ncommand=x\ndirectory=DIR/missing\nautostart=false\n"},
		{"include of a broken file", sup + "[include]\nfiles=DIR/broken.inc\n"},
		{"include with an expansion that fails", sup + "[include]\nfiles=%(nosuch)s\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := testkit.Dir(t)
			for name, text := range map[string]string{"conf": c.conf, "broken.inc": "no section\n"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			python := refusedByPython(t, supervisord, dir, "-c", dir+"/conf")
			if strings.HasSuffix(c.name, "environment") { // its values are nobody's business (differences.md)
				python = regexp.MustCompile(`in value '[^']*'`).ReplaceAllString(python, "in value '<secret>'")
			}
			sameRefusal(t, python, refusedByHark(t, dir, "-c", dir+"/conf"))
		})
	}
}

func TestCommandLinesAreRefusedAlike(t *testing.T) {
	t.Parallel()
	supervisord := startPython(t, "supervisor.supervisord")
	dir := testkit.Dir(t)
	conf := filepath.Join(dir, "conf")
	// Were a command line accepted, this file would end the start.
	if err := os.WriteFile(conf, []byte("[supervisord]\nnodaemon=true\nloglevel=loud\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"-x", "--bogus", "--bogus=1", "--lo x", "--logfile", "-l", "--nodaemon=1", "-nx", "-c", "-c CONF -c CONF", "-n -n -c CONF", "-n --nodaemon",
		"-c CONF --logfile=a --logfile=b", "-c CONF -l a --logfile=b", "-c CONF start", "-c CONF a b", "-c CONF it's", "-- x", "-c DIR/missing",
		"-c CONF", "-c DIR", "-c CONF -u nosuchuser", "-c CONF -m 999", "-c CONF -d DIR/missing", "-c CONF -y 1.5MB", "-c CONF -z x", "-c CONF -e loud", "-c CONF -j DIR/missing/p",
		"-c CONF -l DIR/missing/l", "-c CONF -q DIR/missing", "-c CONF -a x", "-c CONF --minprocs=x", "-c CONF --minprocs x", "-c CONF -e debug -l",
		"-v", "--version", "--vers", "-c CONF -v", "-h -c", "-nvs",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(strings.NewReplacer("CONF", conf, "DIR", dir).Replace(line))
			python, hark := refusedByPython(t, supervisord, dir, args...), refusedByHark(t, dir, args...)
			sameRefusal(t, strings.ReplaceAll(python, "[stdout] 4.2.5", "[stdout] "+supervisorVersion), hark)
		})
	}
	for _, option := range []string{"-h", "--help", "-?", "--he"} {
		t.Run("help by "+option, func(t *testing.T) {
			t.Parallel()
			p, h := refusedByPython(t, supervisord, dir, option), refusedByHark(t, dir, option)
			// The words are our own; the status, the first lines and every option agree.
			for _, text := range []string{"[exit status 0]", "supervisord -- run a set of applications as daemons.", "Usage: PROGRAM [options]", "-c/--configuration FILENAME -- ", "-k/--nocleanup -- "} {
				if !strings.Contains(p, text) || !strings.Contains(h, text) {
					t.Errorf("%q is missing in\n%s\nor\n%s", text, p, h)
				}
			}
		})
	}
}
