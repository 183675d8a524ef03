package main

import (
	"os"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

func TestMain(m *testing.M) {
	if os.Getenv("HARK_TEST_ROLE") == "crashlog" {
		main()
		return
	}
	os.Exit(daemontest.Main(m))
}

func TestCrashesAreReported(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	section, err := os.ReadFile("crashlog.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.Replace(string(section), "/usr/local/bin/crashlog /var/log/crashes.log", self+" DIR/crashes\nenvironment = HARK_TEST_ROLE=crashlog", 1)
	d := daemontest.Start(t, conf+`
[program:crasher]
command=/bin/sh -c "echo woe >&2; exit 3"
startsecs=0
autorestart=false
[program:fine]
command=/bin/true
startsecs=0
autorestart=false
[program:hopeless]
command=/bin/false
startretries=0
`)
	daemontest.Until(t, "both are reported", func() bool { return strings.Count(d.File("crashes"), "\n") == 2 })
	for _, want := range []string{` crasher exited, stderr: "woe\n"`, ` hopeless fatal, stderr: ""`} {
		if !strings.Contains(d.File("crashes"), want) {
			t.Errorf("%q is missing in %s", want, d.File("crashes"))
		}
	}
}
