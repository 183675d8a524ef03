package web_test

import (
	"os"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// everyState is thirty programs in every state but UNKNOWN.
const everyState = `
[group:web]
programs=web
[program:web]
command=/bin/sh -c 'i=0; while :; do i=$((i+1)); printf "%%s \033[32mINFO\033[0m GET /orders/%%s \033[36m200\033[0m in %%s ms\n" "$(date +%%T)" $i $((i %% 7 + 3)); sleep 0.2; done'
process_name=%(program_name)s_%(process_num)d
numprocs=6
startsecs=0
stopasgroup=true
[program:worker]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)02d
numprocs=10
startsecs=0
[program:api]
command=/bin/sh -c 'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.2; done'
startsecs=0
stopasgroup=true
[program:ends]
command=/bin/true
autorestart=false
startsecs=0
[program:fails]
command=/bin/sh -c 'exit 5'
autorestart=false
startsecs=0
[program:crashes]
command=/bin/sh -c 'kill -SEGV $$'
autorestart=false
startsecs=0
[program:broken]
command=/does/not/exist
startretries=0
[program:slow]
command=/bin/sleep 1000
startsecs=100000
[program:retries]
command=/bin/false
startsecs=60
startretries=1000
[program:stubborn]
command=/bin/sh -c 'trap "" TERM; while [ ! -e DIR/release ]; do sleep 0.2; done'
startsecs=0
stopwaitsecs=100000
stopasgroup=false
killasgroup=true
[program:report]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:nightly]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:lost]
command=/bin/sleep 1000
startsecs=0
[program:queue]
command=/bin/sleep 1000
startsecs=0
[program:cache]
command=/bin/sleep 1000
startsecs=0
[eventlistener:alerts]
command=/bin/sleep 1000
events=PROCESS_STATE_FATAL,PROCESS_STATE_EXITED
buffer_size=100
startsecs=0
`

// TestBrowserWithEveryState; HARK_LOOK names a directory for pictures of everything, to be looked at.
func TestBrowserWithEveryState(t *testing.T) {
	browse(t, "states", "", everyState, nil, "DIR/release", os.Getenv("HARK_LOOK"))
}

func TestBrowserTouchesWhatItNames(t *testing.T) {
	browse(t, "touched", "", everyState, nil, "DIR/release")
}

// TestBrowserAndTheDaemon is about plugins, notifiers and the daemon itself.
func TestBrowserAndTheDaemon(t *testing.T) {
	browse(t, "daemon", "username=boss\npassword=boss\nread_only_username=guest\nread_only_password=guest", daemontest.Plugin(t, "recorder", "../../testplugins/recorder")+`
[notifier:ops]
plugin=recorder
events=PROCESS_STATE_FATAL
path=DIR/notes
[program:runs]
command=/bin/sleep 1000
startsecs=0
[program:idle]
command=/bin/sleep 1000
autostart=false
startsecs=0
[eventlistener:hears]
command=/bin/sleep 1000
events=TICK_60
startsecs=0
`, nil, "DIR/notes")
}
