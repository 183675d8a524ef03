package main

import (
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// A daemon at rest keeps neither the pages of its program that only its start needed nor the heap; 24 MiB before it gave them back.
func TestADaemonAtRestIsSmall(t *testing.T) {
	const most = 14 << 20
	in := prepare(t, ordinary(t), baseConf+`
[program:idle]
command=/bin/cat
numprocs=100
process_name=%(program_name)s_%(process_num)d
`)
	in.launch()
	in.waitServing()
	var now int64
	if !testkit.Holds(func() bool {
		now = memoryOf(t, in.cmd.Process.Pid, "VmRSS")
		return now <= most
	}) {
		t.Errorf("%d KiB", now>>10)
	}
	if _, err := in.call("supervisor.getAllProcessInfo"); err != nil { // what it gave back comes again
		t.Error(err)
	}
}
