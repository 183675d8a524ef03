package main

import (
	"strings"
	"testing"
)

func TestSupervisorctlDrivesHark(t *testing.T) {
	in := start(t, hark(t), `
[program:cat]
command=/bin/cat
startsecs=0
[program:off]
command=/bin/cat
autostart=false
`)
	in.waitState("cat", "RUNNING")
	out, code := in.ctl("status")
	if code != 3 || !strings.Contains(out, "RUNNING   pid ") || !strings.Contains(out, "off                              STOPPED   Not started\n") {
		t.Errorf("status: %d\n%s", code, out)
	}
	if out, code = in.ctl("start", "off"); out != "off: started\n" || code != 0 {
		t.Errorf("start: %d %q", code, out)
	}
	if out, code = in.ctl("stop", "all"); !strings.Contains(out, "off: stopped\n") || code != 0 {
		t.Errorf("stop: %d %q", code, out)
	}
}
