package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// stressListener is a listener in sh that takes every event. Where its argument is a number it fails each event of that many.
const stressListener = `#!/bin/sh
n=0
while :; do
	printf 'READY\n'
	IFS= read -r header || exit 0
	length=${header##*len:}
	length=${length%% *}
	[ "$length" = 0 ] || head -c "$length" >/dev/null
	n=$((n + 1))
	if [ -n "$1" ] && [ $((n % $1)) = 0 ]; then printf 'RESULT 4\nFAIL'; else printf 'RESULT 2\nOK'; fi
done
`

// stressPrograms are sections that a file of the stress test may have, with settings and variants of which one is chosen. No program leaves
// anything that outlives it by more than a moment, whatever it dies of; none takes more than a second to stop.
var stressPrograms = []struct {
	header   string
	settings string
	variants []string
}{
	{"program:cat", "command=/bin/cat\nstartsecs=0\n", []string{"", "priority=1\n", "environment=A=\"%(here)s\"\n", "autostart=false\n"}},
	{"program:chatty", "command=/bin/sh -c \"while :; do echo some words of the program that talks; echo more words >&2; sleep 0.02; done\"\nstdout_logfile_maxbytes=20KB\nstdout_logfile_backups=2\n",
		[]string{"", "redirect_stderr=true\n", "stdout_events_enabled=true\n", "stdout_logfile=DIR/chatty.log\nstartsecs=0\n"}},
	{"program:stubborn", "command=/bin/sh -c \"trap '' TERM; while :; do sleep 0.1; done\"\nstopwaitsecs=1\nstartsecs=0\n", []string{"", "killasgroup=true\n", "stopsignal=INT\n"}},
	{"program:crasher", "command=/bin/sh -c \"sleep 0.05; exit 3\"\nstartretries=2\n", []string{"", "startsecs=0\n", "autorestart=false\n"}},
	{"program:once", "command=/bin/true\nstartsecs=0\n", []string{"autorestart=false\n", "autorestart=unexpected\n"}},
	{"program:missing", "command=DIR/no-such-program\nstartretries=1\n", []string{"", "directory=DIR/no-such-directory\n"}},
	{"program:many", "command=/bin/cat\nprocess_name=%(process_num)02d\nstartsecs=0\n", []string{"numprocs=3\n", "numprocs=8\n", "numprocs=20\nstopsignal=KILL\n"}},
	{"fcgi-program:web", "command=/bin/cat\nstartsecs=0\n", []string{"socket=unix://DIR/f.sock\n", "socket=unix://DIR/g.sock\nnumprocs=2\nprocess_name=%(process_num)d\n", "socket=tcp://127.0.0.1:0\n"}},
	{"group:pair", "programs=left,right\n[program:left]\ncommand=/bin/cat\nstartsecs=0\n[program:right]\ncommand=/bin/cat\n", []string{"startsecs=1\n", "startsecs=0\nstopwaitsecs=1\n"}},
	{"eventlistener:ears", "command=DIR/listener\nstartsecs=0\nautorestart=true\nstopwaitsecs=1\n",
		[]string{"events=EVENT\n", "events=PROCESS_STATE,REMOTE_COMMUNICATION\nnumprocs=2\nprocess_name=%(process_num)d\n", "events=PROCESS_STATE\noverflow=spool\n", "events=EVENT\nbuffer_size=3\n"}},
	{"eventlistener:moody", "command=DIR/listener 3\nevents=PROCESS_STATE\nstartsecs=0\n", []string{"", "max_deliveries=2\n", "on_protocol_error=restart\n"}},
	{"eventlistener:deaf", "command=/bin/cat\nevents=PROCESS_STATE\nbuffer_size=4\nstartsecs=0\n", []string{"", "ack_timeout=1\n"}},
	{"rpcinterface:faulty", "plugin=faulty\n", []string{"", "text=other\n", "die=true\n"}},
	{"notifier:told", "plugin=recorder\nevents=PROCESS_STATE_EXITED,PROCESS_STATE_FATAL\n", []string{"path=DIR/told\n", "path=DIR/told\noverflow=spool\n", "path=DIR/no/such/place\n"}},
	{"notifier:mute", "plugin=neveracks\nevents=PROCESS_STATE\n", []string{"", "programs=many:*\n", "overflow=spool\n"}},
	{"notifier:refused", "plugin=refuser\nevents=PROCESS_STATE_EXITED\n", []string{"", "final=true\n"}},
	{"logsink:kept", "plugin=recorder\n", []string{"path=DIR/kept\n", "path=DIR/kept\noverflow=spool\nprograms=chatty\n"}},
	{"logsink:stuck", "plugin=neveracks\n", []string{"", "overflow=spool\n", "programs=chatty\n"}},
}

// stressPlugins are in every file that reads well.
const stressPlugins = `
[plugin:faulty]
command=SELF none
permissions=read
[plugin:recorder]
command=BIN/recorder
[plugin:neveracks]
command=BIN/neveracks
[plugin:refuser]
command=BIN/refuser
`

// stressMistakes are what a file has besides that does not read well, or that reads well and cannot be used.
var stressMistakes = []string{
	"[program:cat]\ncommand=/bin/cat\nautostart=perhaps\n",
	"[program:nothing]\nautostart=true\n",
	"[program:x]\ncommand=/bin/cat\nuser=no-such-user-at-all\n",
	"this is no section\n",
	"[program:x]\ncommand=%(no_such_expansion)s\n",
	"[eventlistener:x]\ncommand=/bin/cat\n",
	"[eventlistener:x]\ncommand=/bin/cat\nevents=NO_SUCH_EVENT\n",
	"[group:x]\nprograms=no-such-program\n",
	"[notifier:x]\nplugin=no-such-plugin\nevents=EVENT\n",
	"[notifier:x]\nevents=EVENT\n",
	"[logsink:x]\nplugin=recorder\npath=DIR/x\nno_such_key=1\n",
	"[include]\nfiles=DIR/no-such-directory/*.conf\n",
	"[inet_http_server]\nport=127.0.0.1:TAKEN\n",
	"[inet_http_server]\nport=192.0.2.1:9001\n",
	"[inet_http_server]\nport=no-such-host.invalid:9001\n",
	"[unix_http_server:second]\nfile=DIR/no/such/place.sock\n",
	"[unix_http_server:second]\nfile=DIR/supervisord.conf\n",
	"[inet_http_server]\nport=127.0.0.1:0\ncertfile=DIR/next.conf\nkeyfile=DIR/next.conf\n",
}

// stressFile is a file with some of the sections, and at times a mistake.
func (s *stress) file(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString(s.calm())
	for _, p := range stressPrograms {
		if r.IntN(3) > 0 {
			fmt.Fprintf(&b, "[%s]\n%s%s", p.header, p.settings, p.variants[r.IntN(len(p.variants))])
		}
	}
	if r.IntN(4) == 0 {
		b.WriteString(stressMistakes[r.IntN(len(stressMistakes))])
	}
	return s.fill(b.String())
}

// calm is what the daemon always has, with the plugins and without anything that uses them.
func (s *stress) calm() string {
	return s.fill(baseConf + stressPlugins + "[program:calm]\ncommand=/bin/cat\nstartsecs=0\n")
}

func (s *stress) fill(text string) string {
	return strings.NewReplacer("DIR", s.in.dir, "BIN", s.plugins, "SELF", s.faulty, "TAKEN", s.taken).Replace(text)
}

// write puts a file in place of the configuration: by renaming, as careful programs do, or with a moment in which half of it is there.
func (s *stress) write(r *rand.Rand, text string) {
	if r.IntN(4) == 0 {
		if err := os.WriteFile(s.in.conf, []byte(text[:r.IntN(len(text))]), 0o600); err != nil {
			s.t.Error(err)
		}
		pause()
		if err := os.WriteFile(s.in.conf, []byte(text), 0o600); err != nil {
			s.t.Error(err)
		}
		return
	}
	s.replace(text)
}

// replace puts a file in place of the configuration at once.
func (s *stress) replace(text string) {
	next := filepath.Join(s.in.dir, "next.conf")
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		s.t.Error(err)
	}
	if err := os.Rename(next, s.in.conf); err != nil {
		s.t.Error(err)
	}
}
