package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/cmdline"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/disk"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

const cannotRestart = " ERRO cannot restart with the current configuration, so everything continues: "

// user= of [supervisord] is taken up by a start alone.
func TestAChangedUserIsNotTakenUpByARestart(t *testing.T) {
	needsRoot(t)
	with := func(user string) string {
		return strings.Replace(baseConf, "nodaemon=true\n", "nodaemon=true\n"+user, 1) + "[program:a]\ncommand=/bin/cat\nstartsecs=0\n"
	}
	for name, tc := range map[string]struct {
		before, after string
		uid           int
		refused       bool
	}{
		"of root's":                  {"", "user=nobody\n", 0, false},
		"root by name":               {"", "user=root\n", 0, false},
		"of a user's":                {"user=www-data\n", "user=nobody\n", 33, true},
		"back to root":               {"user=www-data\n", "user=root\n", 33, true},
		"the same":                   {"user=www-data\n", "user=33\n", 33, false},
		"taken out":                  {"user=www-data\n", "", 33, false},
		"to one that is not there":   {"user=www-data\n", "user=no-such-user-at-all\n", 33, true},
		"of root's to one not there": {"", "user=no-such-user-at-all\n", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := ready(t, with(tc.before))
			if err := os.Chown(in.dir, tc.uid, -1); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(in.conf, 0o644); err != nil {
				t.Fatal(err)
			}
			in.launch()
			in.waitServing()
			in.waitState("a", "RUNNING")
			first := in.pid("a")
			in.writeConf(with(tc.after))
			if err := os.Chmod(in.conf, 0o644); err != nil {
				t.Fatal(err)
			}
			in.signal(syscall.SIGHUP)
			if tc.refused {
				in.waitLog(cannotRestart)
				if text := in.log(); !strings.Contains(text[strings.Index(text, cannotRestart):], "[supervisord] user: ") {
					t.Errorf("the log does not name user=:\n%s", text)
				}
				if in.pid("a") != first || in.state("a") != "RUNNING" {
					t.Error("the program was disturbed")
				}
			} else {
				testkit.Until(t, "the next life runs it", func() bool {
					v, err := in.call("supervisor.getProcessInfo", "a")
					if err != nil {
						return false // the life before is ending
					}
					pid, _ := v.(xmlrpc.Struct).Get("pid")
					state, _ := v.(xmlrpc.Struct).Get("statename")
					return pid != first && state == "RUNNING"
				})
			}
			for _, pid := range []int{in.cmd.Process.Pid, in.pid("a")} {
				if uid := strings.Fields(procStatus(pid, "Uid")); uid[1] != fmt.Sprint(tc.uid) {
					t.Errorf("pid %d runs as %v", pid, uid)
				}
			}
			const told = " WARN user=nobody of [supervisord] does not take effect at a restart: stop supervisord and start it again\n"
			if warns := strings.Contains(in.log(), told); warns != (name == "of root's") {
				t.Errorf("told: %v", warns)
			}
		})
	}
}

// Between a restart's begin and the next life files may change, and another HUP may come: the next life has what is in the files when it begins, or, if
// that cannot be used, what was there when the restart began.
func TestASecondHUPWhileARestartIsUnderWay(t *testing.T) {
	port := heldPort(t)
	for name, tc := range map[string]struct {
		meanwhile string // the included file
		hup       bool
		want      string // the program of the next life
		said      string // in the log, after the restart began
	}{
		"changed, without one":              {"[program:second]\ncommand=/bin/cat\nstartsecs=0\n", false, "second", ""},
		"changed":                           {"[program:second]\ncommand=/bin/cat\nstartsecs=0\n", true, "second", ""},
		"unchanged":                         {"[program:first]\ncommand=/bin/cat\nstartsecs=0\n", true, "first", ""},
		"broken":                            {"[program:second]\nstartsecs=0\n", true, "first", "CRIT cannot read the configuration again, so the one of before the restart is used: "},
		"broken, without one":               {"no section\n", false, "first", "CRIT cannot read the configuration again, so the one of before the restart is used: "},
		"with what cannot be used":          {fmt.Sprintf("[program:second]\ncommand=/bin/cat\n[inet_http_server]\nport=127.0.0.1:%d\n", port), true, "first", "CRIT cannot use the current configuration, so the one from before the restart is used: "},
		"with a FastCGI port that is taken": {fmt.Sprintf("[fcgi-program:second]\ncommand=/bin/cat\nsocket=tcp://127.0.0.1:%d\n", port), true, "first", "CRIT cannot use the current configuration, so the one from before the restart is used: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := ready(t, baseConf+`
[include]
files=DIR/conf.d/*.conf
[program:slow]
command=/bin/sh -c "trap 'while [ ! -e DIR/go ]; do sleep 0.02; done; exit' TERM; echo up; while :; do sleep 0.02; done"
stdout_logfile=DIR/slow.log
stopwaitsecs=1000
startsecs=0
`)
			include := func(text string) {
				if err := os.WriteFile(filepath.Join(in.dir, "conf.d", "x.conf"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(in.dir, "conf.d"), 0o700); err != nil {
				t.Fatal(err)
			}
			in.launch()
			in.waitServing()
			in.waitFile("slow.log", "up\n")
			include("[program:first]\ncommand=/bin/cat\nstartsecs=0\n")
			in.signal(syscall.SIGHUP)
			in.waitLog("waiting for slow to die")
			include(tc.meanwhile)
			if tc.hup {
				const request = "WARN received SIGHUP indicating restart request\n"
				in.signal(syscall.SIGHUP)
				testkit.Until(t, "the second was heard", func() bool { return strings.Count(in.log(), request) == 2 })
				if tc.said != "" {
					in.waitLog(cannotRestart)
				}
			}
			in.script("go", "")
			in.waitServing()
			testkit.Until(t, tc.want+" is running", func() bool {
				_, err := in.call("supervisor.getProcessInfo", tc.want)
				return err == nil && in.state(tc.want) == "RUNNING"
			})
			for _, other := range []string{"first", "second"} {
				if _, err := in.call("supervisor.getProcessInfo", other); (err == nil) != (other == tc.want) {
					t.Errorf("%s: %v", other, err)
				}
			}
			if n := strings.Count(in.log(), "INFO supervisord started with pid"); n != 2 {
				t.Errorf("there were %d lives", n)
			}
			if !strings.Contains(in.log(), tc.said) {
				t.Errorf("the log does not say %q:\n%s", tc.said, in.log())
			}
			in.signal(syscall.SIGTERM)
			if status := in.ended(); status != 0 {
				t.Errorf("status %d", status)
			}
			in.nothingLeft()
			for name := range strings.FieldsSeq(in.listing()) {
				if strings.HasPrefix(name, ".") {
					t.Errorf("%s is left", name)
				}
			}
		})
	}
}

// What a life prepares when it is over already is nobody's.
func TestARestartThatIsPreparedTooLateLeavesNothing(t *testing.T) {
	dir := testkit.Dir(t)
	file := filepath.Join(dir, "supervisord.conf")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(baseConf+"[program:a]\ncommand=/bin/cat\n", "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &daemon{given: &cmdline.Given{}, program: "supervisord", path: file, dir: dir, turns: disk.NewTurns(), sockets: rpc.NewSockets(nil)}
	var err error
	if d.conf, err = d.load(file); err != nil {
		t.Fatal(err)
	}
	fine := func(*config.Config) error { return nil }
	late := d.lives
	if err := d.prepareRestart(fine, late); err != nil {
		t.Fatal(err)
	}
	p, err := d.takeNext()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.prepareRestart(fine, late); err == nil || d.next != nil {
		t.Errorf("prepared after the restart: %v, %v", err, d.next)
	}
	p.discard()
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
