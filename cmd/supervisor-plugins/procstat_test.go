//go:build linux

package main

import (
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

func TestProcstatOfRealPrograms(t *testing.T) {
	d, c := startDaemon(t, `
[plugin:procstat]
permissions = read
[rpcinterface:procstat]
plugin = procstat
[rpcinterface:sampled]
plugin = procstat
sample_interval = 1
[program:busy]
command = /bin/sh -c 'head -c 100000 /dev/zero >DIR/written; sleep 1000 & while :; do :; done'
startsecs = 0
stopasgroup = true
[program:stopped]
command = /bin/cat
autostart = false
[group:g]
programs = one
[program:one]
command = /bin/sleep 1000
startsecs = 0
`)
	untilThere(t, c, "procstat.getAllProcessStats")
	type figures struct {
		CPU     float64 `xmlrpc:"cpu_seconds"`
		Percent float64 `xmlrpc:"cpu_percent"`
	}
	daemontest.Until(t, "the busy one has used a tenth of a second, over a second", func() bool {
		var s struct {
			Own figures `xmlrpc:"own"`
		}
		err := c.Call(t.Context(), "procstat.getProcessStats", &s, "busy")
		return err == nil && s.Own.CPU >= 0.1 && s.Own.Percent > 0
	})
	python(t, d, `
all = s.procstat.getAllProcessStats()
same([p["group"] + ":" + p["name"] for p in all], ["busy:busy", "g:one", "stopped:stopped"])
busy = s.procstat.getProcessStats("busy")
own, total = busy["own"], busy["total"]
same(busy["statename"], "RUNNING")
same(busy["pid"], s.supervisor.getProcessInfo("busy")["pid"])
same(total["processes"], 2)
same(own["threads"], 1)
same(total["threads"], 2)
assert 0 < busy["uptime"] < 3600, busy
assert abs(busy["started"] - s.supervisor.getProcessInfo("busy")["start"]) < 5, busy
assert own["fds"] >= 3 and total["fds"] >= own["fds"] + 3, busy
assert 0 < own["rss"] < total["rss"] and own["vms"] < total["vms"], busy
assert own["cpu_seconds"] >= 0.1 and abs(own["cpu_user_seconds"] + own["cpu_system_seconds"] - own["cpu_seconds"]) < 0.001, busy
assert total["cpu_seconds"] >= own["cpu_seconds"] and 0 < own["cpu_percent"] and 0 < total["cpu_percent"], busy
assert own["write_chars"] >= 100000, busy # of head, which has ended and was waited for
one = s.procstat.getProcessStats("g:one")
assert one["total"]["processes"] == 1 and one["own"]["rss"] == one["total"]["rss"], one
stopped = s.procstat.getProcessStats("stopped")
same(sorted(stopped), ["group", "name", "pid", "state", "statename"])
same(fault(s.procstat.getProcessStats, "one"), (10, "BAD_NAME: one"))
for bad in (1, [], {}):
    same(fault(s.procstat.getProcessStats, bad), (2, "INCORRECT_PARAMETERS"))
same(fault(s.procstat.getProcessStats), (2, "INCORRECT_PARAMETERS"))
assert "cpu_percent" in s.system.methodHelp("procstat.getAllProcessStats")
`)
	// without the permission it says what it needs
	_, c = startDaemon(t, "[rpcinterface:procstat]\nplugin = procstat\n")
	untilThere(t, c, "procstat.getAllProcessStats")
	wantFault(t, c, client.Failed, "permissions = read", "procstat.getAllProcessStats")
}
