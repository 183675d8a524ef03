package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// freeAddress is an address that nobody listens at just now.
func freeAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
}

// TestSupervisorctlSpeaksToInetServersAlike: names and passwords, on the command
// line and in the configuration, with both programs on both daemons.
func TestSupervisorctlSpeaksToInetServersAlike(t *testing.T) {
	t.Parallel()
	const more = `
[inet_http_server]
port=ADDRESS
username=joe
password=pass:word%%20é
[program:cat]
command=/bin/sh -c "echo spoken; exec cat"
startsecs=0
`
	binary := supervisorctl(t)
	var pairs [2]*pair
	addresses := map[*instance]string{}
	for i := range pairs {
		p := preparePair(t, baseConf+more)
		pairs[i] = p
		for _, in := range []*instance{p.python, p.hark} {
			addresses[in] = freeAddress(t)
			in.writeConf(strings.ReplaceAll(baseConf+more, "ADDRESS", addresses[in]))
			if i == 1 {
				in.ctlBinary = binary
			}
		}
		p.launch()
		p.wait(func(in *instance) {
			testkit.Until(t, "cat has spoken", func() bool {
				v, err := in.call("supervisor.readProcessStdoutLog", "cat", 0, 0)
				return err == nil && v == "spoken\n"
			})
		})
	}
	good := []string{"-u", "joe", "-p", "pass:word%20é"}
	for _, c := range []struct {
		name  string
		args  []string
		stdin string
	}{
		{"status", append([]string{"-s", "URL"}, append(good, "status")...), ""},
		{"a URL with a path", append([]string{"-s", "URL/some/where"}, append(good, "status", "cat")...), ""},
		{"pid and tail", append([]string{"-s", "URL"}, append(good, "tail", "cat")...), ""},
		{"stop and start", append([]string{"-s", "URL"}, append(good, "restart", "cat")...), ""},
		{"tail -f of nothing", append([]string{"-s", "URL"}, append(good, "tail", "-f", "nosuch")...), ""},
		{"no name", []string{"-s", "URL", "status"}, ""},
		{"no password", []string{"-s", "URL", "-u", "joe", "pid"}, ""},
		{"a wrong password", []string{"-s", "URL", "-u", "joe", "-p", "wrong", "reread"}, ""},
		{"a name of nobody", []string{"-s", "URL", "-u", "nobody", "-p", "wrong", "stop", "cat"}, ""},
		{"a shell", append([]string{"-s", "URL"}, good...), "pid nosuch\nopen URL\nversion now\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sameAll(t, pairs[0], pairs[1], func(in *instance) string {
				url := "http://" + addresses[in]
				args := make([]string, len(c.args))
				for i, a := range c.args {
					args[i] = strings.ReplaceAll(a, "URL", url)
				}
				return strings.ReplaceAll(in.ctlWith(strings.ReplaceAll(c.stdin, "URL", url), args...), url, "URL")
			})
		})
	}
	t.Run("tail -f", func(t *testing.T) {
		sameAll(t, pairs[0], pairs[1], func(in *instance) string {
			args := append([]string{"-s", "http://" + addresses[in]}, append(good, "tail", "-f", "cat")...)
			out := in.ctlUntil(args, "spoken", func(_ *os.File, _ func(string), interrupt func()) { interrupt() })
			return interruptError.ReplaceAllString(out, "")
		})
	})
}
