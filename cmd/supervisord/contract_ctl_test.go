package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

const ctlConf = `
[program:cat]
command=/bin/cat
startsecs=0
[program:off]
command=/bin/cat
autostart=false
startsecs=0
[program:slow]
command=/bin/cat
autostart=false
startsecs=1
[program:exited]
command=/bin/sh -c "exit 3"
startsecs=0
autorestart=false
[program:fatal]
command=/bin/false
startretries=0
[program:backoff]
command=/bin/false
startretries=1000
[program:missing]
command=DIR/missing
autostart=false
[program:data]
command=/etc/passwd
autostart=false
[program:empty]
command=
autostart=false
[program:unbalanced]
command=/bin/sh -c "exit
autostart=false
[program:nodir]
command=/bin/true
directory=DIR/missing
startretries=0
autostart=false
[program:quick]
command=/bin/sh -c "exit 7"
startretries=0
autostart=false
[program:say]
command=/bin/sh -c 'echo to stdout; echo to stderr >&2; exec cat'
startsecs=0
[program:nolog]
command=/bin/cat
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:unstarted]
command=DIR/missing
autostart=false
stdout_logfile=DIR/unstarted.log
[program:many]
command=/bin/cat
process_name=%(program_name)s_%(process_num)02d
numprocs=3
startsecs=0
[program:one]
command=/bin/cat
startsecs=0
priority=10
[program:two]
command=/bin/cat
startsecs=0
priority=5
autostart=false
[group:web]
programs=one,two
`

// ctlCase is one command of the real supervisorctl, and of Hark's, run against
// both daemons.
type ctlCase struct {
	args   string
	stdin  string
	sorted bool // results come in the order in which processes get there
	before func(p *pair)
	after  func(p *pair)
	hark   func(python string) string // what Hark's daemon says where it deliberately differs
}

func TestSupervisorctlDrivesBothAlike(t *testing.T) {
	t.Parallel()
	p, ours := startPairs(t, ctlConf)
	for _, p := range []*pair{p, ours} {
		p.waitState("cat", "RUNNING")
		p.waitState("fatal", "FATAL")
		p.waitState("exited", "EXITED")
		p.wait(func(in *instance) {
			testkit.Until(t, "say has spoken", func() bool {
				v := in.must("supervisor.readProcessStderrLog", "say", 0, 0)
				return v == "to stderr\n"
			})
			testkit.Until(t, "the logs of backoff's first failures have passed", func() bool {
				// From the third failure on a backoff lasts at least three seconds.
				return strings.Count(in.log(), "exited: backoff ") >= 3 && in.state("backoff") == "BACKOFF"
			})
		})
	}
	endsAtOnce := regexp.MustCompile(`(?m)^exited: (started|ERROR \(spawn error\))$`)
	for _, c := range ctlCases() {
		name := c.args
		if name == "" {
			name = "shell " + c.stdin
		}
		t.Run(name, func(t *testing.T) {
			if c.before != nil {
				c.before(p)
				c.before(ours)
			}
			said := func(in *instance) string {
				out := in.normal(in.ctlWith(c.stdin, strings.Fields(c.args)...))
				out = harkCommands.ReplaceAllString(out, "")
				if c.sorted {
					lines := strings.Split(out, "\n")
					slices.Sort(lines)
					out = strings.Join(lines, "\n")
				}
				if c.args == "start all" {
					// Whether Supervisor sees the end of what ends at once before it answers is a
					// race there; Hark's answer is that it was started.
					out = endsAtOnce.ReplaceAllString(out, "exited: started")
				}
				return out
			}
			python, hark := p.each(said)
			oursPython, oursHark := ours.each(said)
			compare(t, python, oursPython)
			python = betterSpawnError(python)
			if c.hark != nil {
				python = c.hark(python)
			}
			compare(t, python, hark)
			compare(t, python, oursHark)
			if c.after != nil {
				c.after(p)
				c.after(ours)
			}
		})
	}
}

// harkCommands is the paragraph of help that Supervisor has for a plugin's actions,
// and Hark's supervisorctl for its own.
var harkCommands = regexp.MustCompile(`\nhark commands \(type help <topic>\):\n=+\n[^\n]*\n\n`)

// betterSpawnError says why a spawn failed where Supervisor's child only exits.
func betterSpawnError(python string) string {
	return strings.ReplaceAll(python, "nodir                            FATAL     Exited too quickly (process log may have details)",
		"nodir                            FATAL     couldn't chdir to 'DIR/missing': ENOENT (there is no such directory)")
}

func version44(python string) string { return strings.ReplaceAll(python, "4.2.5", supervisorVersion) }

func ctlCases() []ctlCase {
	stateOf := func(name, state string) func(p *pair) { return func(p *pair) { p.waitState(name, state) } }
	return []ctlCase{
		{args: "version", hark: version44},
		{args: "version now"},
		{args: "stop backoff"},
		{args: "status backoff"},
		{args: "start backoff"},
		{args: "restart backoff"},
		{args: "stop backoff"},
		{args: "status"},
		{args: "status all"},
		{args: "status cat off fatal"},
		{args: "status cat"},
		{args: "status web:*"},
		{args: "status web:one many:many_00"},
		{args: "status nosuch"},
		{args: "status nosuch cat"},
		{args: "status nosuch:*"},
		{args: "status web"},
		{args: "avail"},
		{args: "avail now"},
		{args: "pid"},
		{args: "pid cat"},
		{args: "pid off"},
		{args: "pid nosuch"},
		{args: "pid all"},
		{args: "start"},
		{args: "start cat"},
		{args: "start off"},
		{args: "start slow", after: stateOf("slow", "RUNNING")},
		{args: "start off cat nosuch"},
		{args: "start nosuch"},
		{args: "start nosuch:*"},
		{args: "start missing"},
		{args: "start data"},
		{args: "start empty"},
		{args: "start unbalanced"},
		{args: "start nodir"},
		{args: "start quick"},
		{args: "status quick"},
		{args: "start fatal"},
		{args: "start exited"},
		{args: "start web:*", sorted: true},
		{args: "start web:two"},
		{args: "start many:*", sorted: true},
		{args: "start web:"},
		{args: "start web"},
		{args: "start all", sorted: true},
		{args: "stop backoff"},
		{args: "stop"},
		{args: "stop off"},
		{args: "stop off"},
		{args: "stop fatal"},
		{args: "stop exited"},
		{args: "stop nosuch"},
		{args: "stop nosuch:*"},
		{args: "stop web:*", sorted: true},
		{args: "stop web:* many:many_00 nosuch", sorted: true},
		{args: "status web:*"},
		{args: "restart"},
		{args: "restart cat"},
		{args: "restart off"},
		{args: "restart nosuch"},
		{args: "restart web:*", sorted: true},
		{args: "restart quick"},
		{args: "signal"},
		{args: "signal HUP"},
		{args: "signal CONT cat"},
		{args: "signal SIGCONT cat web:one"},
		{args: "signal 18 cat"},
		{args: "signal 0 cat"},
		{args: "signal BOGUS cat"},
		{args: "signal BOGUS fatal"},
		{args: "signal BOGUS web:*", sorted: true},
		{args: "signal CONT fatal"},
		{args: "signal CONT nosuch"},
		{args: "signal CONT nosuch:*"},
		{args: "signal CONT web:*", sorted: true},
		{args: "signal CONT all", sorted: true},
		{args: "tail"},
		{args: "tail say"},
		{args: "tail say stdout"},
		{args: "tail say stderr"},
		{args: "tail -4 say"},
		{args: "tail -4 say stderr"},
		{args: "tail -x say"},
		{args: "tail say bogus"},
		{args: "tail a b c d"},
		{args: "tail nosuch"},
		{args: "tail nolog"},
		{args: "tail unstarted"},
		{args: "tail -f unstarted"},
		{args: "tail -f nosuch"},
		{args: "tail -f nolog"},
		{args: "maintail -x"},
		{args: "maintail a b"},
		{args: "maintail bogus"},
		{args: "clear"},
		{args: "clear nosuch"},
		{args: "clear say"},
		{args: "tail say"},
		{args: "clear say cat"},
		// clear group:* and pid group:* are Hark's own: cmd/supervisorctl/testdata/script/patterns.txtar
		{args: "clear nolog"},
		{args: "clear all", sorted: true},
		{args: "fg"},
		{args: "fg a b"},
		{args: "fg nosuch"},
		{args: "fg fatal"},
		{args: "open"},
		{args: "open bogus"},
		{args: "open unix:///nonexistent/s.sock"},
		{args: "help"},
		{args: "help status"},
		{args: "help bogus"},
		{args: "help help"},
		{args: "help EOF"},
		{args: "help status cat"},
		{args: "help add"},
		{args: "help maintail"},
		{args: "help tail"},
		{args: "? pid"},
		{args: "?pid"},
		{args: "!pid"},
		{args: "EOF"},
		{args: "STATUS"},
		{args: "status-cat"},
		{args: "pid:cat"},
		{args: "status cat all"},
		{args: "status cat:*"},
		{args: "status cat:cat web:nosuch"},
		{args: "pid cat nosuch off"},
		{args: "tail -5"},
		{args: "tail -0 say"},
		{args: "tail - say"},
		{args: "tail --5 say"},
		{args: "tail -+5 say"},
		{args: "tail -1_0 say"},
		{args: "tail -1__0 say"},
		{args: "tail -9999999999 say"},
		{args: "tail say nolog STDERR"},
		{args: "tail -f a b c"},
		{args: "tail -F say"},
		{args: "signal 99999 cat"},
		{args: "signal -1 cat"},
		{args: "stop :cat"},
		{args: "stop :"},
		{args: "clear :"},
		{args: "update nosuch cat nosuch"},
		{args: "bogus"},
		{args: "bogus arg"},
		{args: "quit"},
		{args: "exit"},
		{args: "add nosuch"},
		{args: "add cat"},
		{args: "remove cat"},
		{args: "remove nosuch"},
		{args: "remove"},
		{args: "add"},
		{args: "reread now"},
		{args: "reread"},
		{args: "update now"},
		{args: "update"},
		{args: "reload now"},
		{args: "shutdown now"},
		{stdin: "version\n", hark: version44},
		{stdin: "status cat\n\npid off\nbogus\nhelp\nexit\nstatus\n"},
		{stdin: "start cat\nstop cat nosuch\nstart cat\nquit\n"},
		{stdin: "open unix:///nonexistent/s.sock\nstatus\n"},
		{stdin: ""},
		{stdin: "EOF\npid cat\n"},
		{stdin: "?\n!\n  pid   off  \n\tpid off\r\npid off"},
		{stdin: "shutdown\nn\nshutdown now\nreload\nNo\nquit\n"},
		{stdin: "shutdown\n"},
		{stdin: "shutdown"},
		{stdin: "fg\nfg cat off\nfg fatal\nquit\n"},
		{stdin: "tail -f nosuch\npid off\n"},
		{stdin: "tail say stderr\nsignal BOGUS cat\n"},
	}
}

// interruptError is what Supervisor's supervisorctl may say about Ctrl-C in tail
// -f: where in it the interrupt comes decides whether it calls it an error.
var interruptError = regexp.MustCompile(`\n\S+ Cannot connect, error: <class 'KeyboardInterrupt'> \(\)`)

func TestSupervisorctlFollowsBothAlike(t *testing.T) {
	t.Parallel()
	p, ours := startPairs(t, ctlConf)
	p.waitState("say", "RUNNING")
	ours.waitState("say", "RUNNING")
	tail := func(in *instance, args []string, text string, next func(*os.File, func(string), func())) string {
		return interruptError.ReplaceAllString(in.ctlUntil(args, text, next), "")
	}
	t.Run("tail -f", func(t *testing.T) {
		sameAll(t, p, ours, func(in *instance) string {
			return tail(in, []string{"tail", "-f", "say"}, "to stdout", func(_ *os.File, seen func(string), interrupt func()) {
				in.must("supervisor.sendProcessStdin", "say", "another line\n")
				seen("another line\n")
				interrupt()
			})
		})
	})
	t.Run("tail -f of stderr", func(t *testing.T) {
		sameAll(t, p, ours, func(in *instance) string {
			return tail(in, []string{"tail", "-f", "say", "stderr"}, "to stderr", func(_ *os.File, _ func(string), interrupt func()) { interrupt() })
		})
	})
	t.Run("fg", func(t *testing.T) {
		sameAll(t, p, ours, func(in *instance) string {
			done, poked := make(chan struct{}), make(chan struct{})
			out := in.ctlUntil([]string{"fg", "say"}, "another line", func(stdin *os.File, seen func(string), interrupt func()) {
				seen("to stderr")
				if _, err := stdin.WriteString("typed\n"); err != nil {
					t.Error(err)
				}
				seen("typed\n")
				interrupt()
				seen("Exiting foreground")
				// Its other thread ends when it has more to read.
				go func() {
					defer close(poked)
					for {
						select {
						case <-done:
							return
						default:
						}
						_, _ = in.call("supervisor.sendProcessStdin", "say", "more\n")
						pause()
					}
				}()
			})
			close(done)
			<-poked
			out, end, _ := strings.Cut(out, "Exiting foreground")
			// The two logs are read side by side.
			lines := strings.Split(out, "\n")
			slices.Sort(lines)
			return strings.Join(lines, "\n") + end[strings.LastIndex(end, "["):]
		})
	})
	t.Run("maintail -f", func(t *testing.T) {
		follow := func(in *instance) string {
			return tail(in, []string{"maintail", "-f"}, "Press Ctrl-C", func(_ *os.File, seen func(string), interrupt func()) {
				in.must("supervisor.sendProcessStdin", "say", "copied to the log\n")
				seen("copied to the log\n")
				interrupt()
			})
		}
		python, hark := p.each(follow)
		oursPython, oursHark := ours.each(follow)
		for _, out := range []string{python, hark, oursPython, oursHark} {
			if !strings.Contains(out, "DEBG 'say' stdout output:\ncopied to the log\n") {
				t.Errorf("maintail -f: %s", out)
			}
		}
		lastLine := func(s string) string { return s[strings.LastIndex(s, "\n"):] }
		for _, out := range []string{hark, oursPython, oursHark} {
			compare(t, lastLine(python), lastLine(out))
		}
	})
}

func TestSupervisorctlChangesTheConfigurationOfBothAlike(t *testing.T) {
	t.Parallel()
	p, ours := startPairs(t, `
[program:stays]
command=/bin/cat
startsecs=0
[program:changes]
command=/bin/cat
startsecs=0
[program:goes]
command=/bin/cat
startsecs=0
`)
	both := func(f func(p *pair)) { f(p); f(ours) }
	both(func(p *pair) { p.waitState("goes", "RUNNING") })
	ctl := func(args string) {
		t.Helper()
		t.Run(args, func(t *testing.T) {
			sameAll(t, p, ours, func(in *instance) string { return in.ctlWith("", strings.Fields(args)...) })
		})
	}
	rewrite := func(more string) {
		both(func(p *pair) { p.wait(func(in *instance) { in.writeConf(baseConf + more) }) })
	}
	ctl("reread")
	const changed = `
[program:stays]
command=/bin/cat
startsecs=0
[program:changes]
command=/bin/cat
startsecs=0
stopsignal=INT
[program:comes]
command=/bin/cat
startsecs=0
`
	rewrite(changed)
	ctl("reread")
	ctl("avail")
	ctl("status")
	ctl("add comes")
	ctl("add comes")
	ctl("add changes nosuch")
	ctl("remove goes")
	ctl("stop goes")
	ctl("remove goes nosuch")
	ctl("status")
	ctl("update changes")
	ctl("update nosuch")
	ctl("update")
	rewrite(changed + "[program:late]\ncommand=/bin/cat\nstartsecs=0\n")
	ctl("update stays late")
	rewrite(changed)
	ctl("update all")
	ctl("status")
	rewrite(changed + "[program:broken]\ncommand=/bin/cat\nstartsecs=ten\n")
	ctl("reread")
	ctl("update")
	ctl("status")
	rewrite(changed)
	ctl("reload")
	both(func(p *pair) {
		p.wait(func(in *instance) {
			testkit.Until(t, "the daemon is back", func() bool {
				return strings.Count(in.log(), "supervisord started with pid") == 2
			})
			in.waitServing()
			in.waitState("comes", "RUNNING")
		})
	})
	ctl("status")
	ctl("shutdown")
	both(func(p *pair) { p.wait(func(in *instance) { <-in.exited }) })
	ctl("status")
	ctl("shutdown")
	ctl("version")
	ctl("pid")
	ctl("reread")
	if p.python.cmd.ProcessState.String() != p.hark.cmd.ProcessState.String() {
		t.Errorf("Supervisor ended with %v, Hark with %v", p.python.cmd.ProcessState, p.hark.cmd.ProcessState)
	}
}
