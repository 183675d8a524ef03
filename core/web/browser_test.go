package web_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// browse runs a suite of browser/suites.mjs against a daemon with the sections given, in which PORT is the
// server's and DIR the daemon's directory.
func browse(t *testing.T, suite, server, sections string, env []string, args ...string) {
	t.Helper()
	for _, program := range []string{"node", "npm", "chromium"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not there; make test installs it", program)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	d := daemontest.Start(t, fmt.Sprintf("[inet_http_server]\nport=%s\n%s\n", address, server)+sections)
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "DIR", d.Dir)
	}
	cmd := exec.Command("node", append([]string{"page.mjs", suite, "http://" + address + "/"}, args...)...)
	cmd.Dir = modules(t)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%s: %v", suite, err)
	}
}

// modules is browser/ with what package.json names, installed once.
func modules(t *testing.T) string {
	t.Helper()
	const dir = "browser"
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "playwright-core")); err == nil {
		return dir
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

const browsed = `
[program:idle]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:gone]
command=/does/not/exist
autostart=false
[program:says]
command=/bin/sh -c 'i=0; echo an error >&2; while :; do i=$((i+1)); printf "\033[32mline\033[0m line %%s\n" $i; sleep 0.2; done'
stopasgroup=true
startsecs=0
[program:many]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=3
autostart=false
startsecs=0
[eventlistener:hears]
command=/bin/sleep 1000
events=TICK_60
startsecs=0
`

// changedConf is what takes the place of browsed.
const changedConf = `[supervisord]
[program:idle]
command=/bin/sleep 2000
autostart=false
startsecs=0
environment=TOKEN="hunter2"
[program:fresh]
command=/bin/sleep 1000
startsecs=0
`

func TestBrowserActions(t *testing.T) {
	browse(t, "actions", "", browsed, []string{"NEW_CONF=" + changedConf}, "DIR/supervisord.conf")
}

func TestBrowserSaysWhatIsNotServed(t *testing.T) {
	browse(t, "unserved", "", "[program:idle]\ncommand=/bin/sleep 1000\n[notifier:ghost]\nplugin=shoot\nevents=PROCESS_STATE_FATAL\n", nil, "DIR/supervisord.conf")
}

func TestBrowserWithoutScripts(t *testing.T) { browse(t, "nojs", "", browsed, nil) }

func TestBrowserWithPasswords(t *testing.T) {
	browse(t, "auth", "username=boss\npassword=boss\nread_only_username=guest\nread_only_password=guest", browsed, nil)
}

func TestBrowserWithHostileNamesAndLogs(t *testing.T) {
	script := filepath.Join(t.TempDir(), "escapes.sh")
	const escapes = `printf '\033]8;;javascript:alert(7)\033\\[a link]\033]8;;\033\\ \033]8;;http://evil.test/\007x\033]8;;\007\n\033]0;title!\007before \033P1$rDCS\033\\after\n'
printf '10%%\r20%%\r\n\001\010\200\033[2J\033[38;5;196mbright red\033[0m split \033'
sleep 0.5
printf '[32mgreen\033[0'
sleep 0.5
printf 'm the end\n'
exec sleep 1000
`
	if err := os.WriteFile(script, []byte(escapes), 0o600); err != nil {
		t.Fatal(err)
	}
	browse(t, "hostile", "", `
[program:<script>alert(1)<script>]
command=/bin/sleep 1000
autostart=false
[program:"><b>x<b>]
command=/bin/sleep 1000
autostart=false
[program:html]
command=/bin/sh -c 'echo "<script>alert(4)</script><img src=x onerror=alert(4)><a href=\"javascript:alert(5)\">x</a>"; exec sleep 1000'
startsecs=0
[program:&#106;avascript&colon;alert(6)]
command=/bin/sleep 1000
autostart=false
[program:escapes]
command=/bin/sh `+script+`
startsecs=0
`, nil)
}

// TestBrowserForEverybody is about contrast, keys, small screens and names in other scripts.
func TestBrowserForEverybody(t *testing.T) {
	colours := ""
	for _, codes := range []string{"0", "1", "2", "3", "4", "7", "31;7", "32;2", "38;5;9", "38;5;200", "38;5;240", "38;5;250", "38;2;10;20;200", "48;5;1;33"} {
		colours += `\033[` + codes + "mSGR " + codes + ` \033[0m\n`
	}
	for n := 30; n < 38; n++ {
		for _, c := range []string{"", "1;", "2;", "7;"} {
			colours += fmt.Sprintf(`\033[%s%dm%d \033[%dmbright \033[0m\n`, c, n, n, n+60)
		}
	}
	script := filepath.Join(t.TempDir(), "paints.sh")
	if err := os.WriteFile(script, []byte("printf '"+colours+"plain text, the end of colours\\n'; exec sleep 1000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	browse(t, "access", "", browsed+`
[program:paints]
command=/bin/sh `+script+`
startsecs=0
[program:ends]
command=/bin/true
startsecs=0
autorestart=false
[program:fails]
command=/bin/false
startretries=0
startsecs=60
[program:tries]
command=/bin/false
startretries=1000
startsecs=60
[program:`+"\u202e"+`txt.exe]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:`+strings.Repeat("a-very-long-name-", 12)+`]
command=/bin/sleep 1000
autostart=false
[program:`+strings.Repeat("\u0634\u0628\u0643\u0629", 6)+`]
command=/bin/sleep 1000
startsecs=0
`, []string{"NEW_CONF=" + changedConf}, "DIR/supervisord.conf")
}

// TestBrowserAndOtherSites is about pages of other sites, in the browser of somebody whom this daemon asks for no password. (Chromium does not
// give another site's page the password of this one, which would be one guard more.)
func TestBrowserAndOtherSites(t *testing.T) {
	browse(t, "foreign", "", browsed, nil)
}

func TestBrowserWithAThousandProcesses(t *testing.T) {
	n := 1000
	browse(t, "thousand", "", fmt.Sprintf("[program:w]\ncommand=/bin/sleep 1000\nprocess_name=%%(program_name)s_%%(process_num)04d\nnumprocs=%d\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n", n), nil)
}

// pictured is what the pictures show.
const pictured = `
[group:web]
programs=web
[program:web]
command=/bin/sh -c 'i=0; while :; do i=$((i+1)); printf "%%s \033[32mINFO\033[0m GET /orders/%%s \033[36m200\033[0m in %%s ms\n" "$(date +%%T)" $i $((i %% 7 + 3)); [ $((i %% 9)) = 0 ] && printf "\033[33mWARN\033[0m slow query: orders by customer\n"; sleep 0.1; done'
process_name=%(program_name)s_%(process_num)d
numprocs=3
startsecs=0
stopasgroup=true
[program:api]
command=/bin/sh -c 'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.2; done'
startsecs=0
stopasgroup=true
[program:worker]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
startsecs=0
[program:migrate]
command=/bin/true
autorestart=false
startsecs=0
[program:mailer]
command=/does/not/exist
startretries=0
[program:import]
command=/bin/sh -c 'sleep 4; exit 5'
autorestart=false
startsecs=0
[program:payments]
command=/bin/sh -c 'sleep 6; kill -SEGV $$'
autorestart=false
startsecs=0
[program:reports]
command=/bin/sleep 1000
autostart=false
[eventlistener:alerts]
command=/bin/sleep 1000
events=PROCESS_STATE_FATAL,PROCESS_STATE_EXITED
buffer_size=100
startsecs=0
`

// TestBrowserPictures takes the pictures of docs/img; HARK_PICTURES names the directory to keep them.
func TestBrowserPictures(t *testing.T) {
	dir := os.Getenv("HARK_PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	const fresh = `[program:api]
command=/bin/sleep 1000
startsecs=0
environment=TOKEN="hunter2",REGION="eu"
stopwaitsecs=30
[program:cache]
command=/bin/sleep 1000
`
	changed := strings.Replace(pictured, "numprocs=2", "numprocs=4", 1)
	changed = changed[:strings.Index(changed, "[program:api]")] + fresh + changed[strings.Index(changed, "[program:worker]"):]
	changed = strings.Replace(changed, "[program:reports]\ncommand=/bin/sleep 1000\nautostart=false\n", "", 1)
	browse(t, "pictures", "username=ops\npassword=ops", pictured, []string{"NEW_CONF=[supervisord]\n" + changed}, dir, "DIR/supervisord.conf")
	for _, name := range []string{"page.png", "page-dark.png", "page-log.png", "page-update.png", "page-events.png", "page-phone-dark.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 10000 || info.Size() > 300<<10 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
