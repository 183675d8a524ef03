package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A disk that is full holds no event up, and what it takes when there is room again
// survives as usual.
func TestAFullDiskUnderASpoolHoldsNothingUp(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	in := ready(t, baseConf+listenerConf("l", "ok", "REMOTE_COMMUNICATION", waiting+"spool_dir=DIR/disk"))
	enlarge := in.smallDisk("disk", 512)
	in.script("listener.py", listenerPy)
	in.launch()
	in.waitServing()
	const n = 40
	event := func(i int) string { return fmt.Sprintf("%d:%s", i, strings.Repeat("x", 40_000)) }
	var want []string
	for i := range n {
		in.send(event(i))
		want = append(want, "type:k\n"+event(i))
	}
	in.waitLog("ERRO spool of pool l: cannot write: ")
	if got, _ := in.spooled("l", "fault").(string); !strings.Contains(got, "no space left on device") {
		t.Errorf("fault %q", got)
	}
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", n); !slices.Equal(got, want) {
		t.Errorf("%d events, not those that were sent", len(got))
	}
	in.waitListener("l", "delivered", n)
	in.adds("l")
	if in.listener("l", "discarded") != 0 {
		t.Errorf("%v events were discarded", in.listener("l", "discarded"))
	}
	enlarge()
	in.waitLog("INFO spool of pool l: writing works again")
	in.must("supervisor.stopProcess", "l")
	in.send("last")
	in.committed("l", n+1)
	in.killed()
	in = in.relaunched()
	if got := in.listener("l", "recovered"); got != 1 {
		t.Errorf("%v events recovered", got)
	}
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", n+1); got[n] != "type:k\nlast" {
		t.Errorf("%.40q came last", got[n])
	}
}
