package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// reporter is a program that reports what it was started with.
const childReport = `
import os, signal, sys
out = open(sys.argv[1] + ".part", "w")
def tell(*what): print(*what, file=out)
for name in sorted(os.environ):
    tell(name + "=" + os.environ[name])
tell("cwd", os.getcwd())
mask = os.umask(0)
tell("umask %03o" % mask)
tell("leads its group", os.getpgrp() == os.getpid())
tell("leads a session", os.getsid(0) == os.getpid())
tell("parent is supervisord", os.getppid() == int(open(sys.argv[2]).read()))
tell("ids", os.getuid(), os.geteuid(), os.getgid(), os.getegid(), sorted(os.getgroups()))
for line in open("/proc/self/status"):
    if line.startswith(("SigIgn", "SigBlk")):
        tell(line.strip())
for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
    try:
        target = os.readlink("/proc/self/fd/%d" % fd)
    except OSError:
        continue
    if not target.startswith(sys.argv[1]):
        tell("fd", fd, target.split(":")[0], "nonblocking" if not os.get_blocking(fd) else "")
tell("nice", os.nice(0))
tell("argv", sys.argv[3:])
out.close()
os.rename(sys.argv[1] + ".part", sys.argv[1])
`

const childrenConf = `
[supervisord]
environment=FROM_DAEMON="d",BOTH="daemon"
[program:plain]
command=/usr/bin/python3 DIR/report.py DIR/plain.report DIR/supervisord.pid a "b c" 'd "e"' f\ g %(program_name)s
[program:environment]
command=/usr/bin/python3 DIR/report.py DIR/environment.report DIR/supervisord.pid
environment=BOTH="program",SPACED="a b",COMMA='x,y',PERCENT="100%%",NAME="%(program_name)s_%(process_num)d",HERE="%(here)s",EMPTY="",PLAIN=/a/b.c+d-e:f,INNER=%(ENV_FROM_TEST)s
[program:path]
command=report DIR/report.py DIR/path.report DIR/supervisord.pid
environment=PATH="DIR/bin:/usr/bin"
[program:settings]
command=/usr/bin/python3 DIR/report.py DIR/settings.report DIR/supervisord.pid
directory=/tmp
umask=027
user=nobody
redirect_stderr=true
serverurl=http://localhost:9001
[program:nolog]
command=/usr/bin/python3 DIR/report.py DIR/nolog.report DIR/supervisord.pid
stdout_logfile=NONE
stderr_logfile=NONE
serverurl=AUTO
[program:many]
command=/usr/bin/python3 DIR/report.py DIR/many%(process_num)d.report DIR/supervisord.pid
process_name=%(program_name)s_%(process_num)02d
numprocs=2
numprocs_start=3
[program:member]
command=/usr/bin/python3 DIR/report.py DIR/member.report DIR/supervisord.pid
[group:group]
programs=member
[eventlistener:listener]
command=/usr/bin/python3 DIR/report.py DIR/listener.report DIR/supervisord.pid
events=TICK_3600
[fcgi-program:fcgi]
command=/usr/bin/python3 DIR/report.py DIR/fcgi.report DIR/supervisord.pid
socket=unix://DIR/fcgi.sock
`

func TestChildrenAreStartedAlike(t *testing.T) {
	t.Parallel()
	more := strings.ReplaceAll(childrenConf, "\n[program:", "\nstartsecs=0\nautorestart=false\n[program:")
	p := preparePair(t, baseConf+asWhoMay(t, more))
	p.wait(func(in *instance) {
		in.cmd.Env = append(in.cmd.Env, "FROM_TEST=t")
		for _, err := range []error{
			os.Chmod(in.dir, 0o777),
			os.WriteFile(filepath.Join(in.dir, "report.py"), []byte(childReport), 0o644),
			os.Mkdir(filepath.Join(in.dir, "bin"), 0o755),
			os.Symlink("/usr/bin/python3", filepath.Join(in.dir, "bin", "report")),
		} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	p.launch()
	extension := regexp.MustCompile(`(?m)^SUPERVISOR_EVENT_PROTOCOL=.*\n`)
	for _, name := range []string{"plain", "environment", "path", "settings", "nolog", "many3", "many4", "member", "listener", "fcgi"} {
		t.Run(name, func(t *testing.T) {
			p.same(t, func(in *instance) string {
				testkit.Until(t, name+" has reported", func() bool { return in.file(name+".report") != "" })
				// What a listener may use of Hark's is told in its environment (PROTOCOL.md).
				return extension.ReplaceAllString(in.file(name+".report"), "")
			})
		})
	}
}

// twiceVerb has the test binary execute what follows with a name twice in its environment, which os/exec would not do.
const twiceVerb = "--two-equal-names"

// startWithTwoEqualNames returns only an error.
func startWithTwoEqualNames(argv []string) error {
	return syscall.Exec(argv[0], argv, append(os.Environ(), "TWICE=first", "BETWEEN=1", "TWICE=second"))
}

// Of two equal names in the daemon's own environment the first counts, for expansions and for programs.
func TestOfTwoEqualNamesInTheEnvironmentTheFirstCounts(t *testing.T) {
	t.Parallel()
	p := preparePair(t, baseConf+`
[program:env]
command=/usr/bin/env
stdout_logfile=DIR/env.out
environment=EXPANDED="%(ENV_TWICE)s"
startsecs=0
autorestart=false
`)
	self := hark(t).argv[0]
	p.wait(func(in *instance) {
		in.cmd.Path, in.cmd.Args = self, slices.Concat([]string{self, twiceVerb}, []string{in.cmd.Path}, in.cmd.Args[1:])
	})
	p.launch()
	p.same(t, func(in *instance) string {
		var all []string
		testkit.Until(t, "it has said what it got", func() bool {
			all = strings.Split(in.file("env.out"), "\n")
			return slices.Contains(all, "SUPERVISOR_PROCESS_NAME=env")
		})
		all = slices.DeleteFunc(all, func(v string) bool {
			return !strings.HasPrefix(v, "TWICE=") && !strings.HasPrefix(v, "EXPANDED=") && !strings.HasPrefix(v, "BETWEEN=")
		})
		slices.Sort(all)
		if len(all) == 0 || !slices.Contains(all, "TWICE=first") {
			t.Errorf("the program has %q", all)
		}
		return strings.Join(all, "\n")
	})
}
