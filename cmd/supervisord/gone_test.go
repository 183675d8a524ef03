package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/plugintest"
)

// heap is what the daemon's heap holds when little of it is waste: the least that some scrapes of /metrics tell.
func (in *instance) heap() (least float64) {
	in.t.Helper()
	for range 40 {
		resp, err := unixClient(in.sock).Get("http://localhost/metrics")
		if err != nil {
			in.t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			in.t.Fatal(err)
		}
		answer := string(b)
		_, after, _ := strings.Cut(answer, "\ngo_memstats_heap_alloc_bytes ")
		line, _, _ := strings.Cut(after, "\n")
		n, err := strconv.ParseFloat(line, 64)
		if err != nil {
			in.t.Fatalf("no heap in the metrics: %v\n%s", err, tailOf(answer, 1000))
		}
		if least == 0 || n < least {
			least = n
		}
	}
	return least
}

// Programs come and go by the thousand, with a log sink, a notifier that remembers what it sent, a pool and metrics that look at all of them.
func TestProgramsThatAreGoneLeaveNoMemory(t *testing.T) {
	conf := strings.ReplaceAll(outletsConf, "BIN", plugintest.Build(t)) + `
dedupe_window=1s
[eventlistener:pool]
command=/bin/cat
events=PROCESS_STATE,PROCESS_GROUP
[supervisorctl]
serverurl=unix://DIR/s.sock
`
	in := prepare(t, hark(t), conf)
	in.cmd.Env = append(in.cmd.Env, "GOGC=10") // little of the heap is waste then
	round := 0
	change := func() {
		t.Helper()
		round++
		const n = 60
		text := strings.ReplaceAll(conf, "programs=web\n", "programs=*\n")
		for i := range n {
			text += fmt.Sprintf("[program:job-%d-%d]\ncommand=/bin/sh -c \"echo hello; echo no >&2\"\nstartsecs=0\nautorestart=false\n", round, i)
		}
		in.writeConf(text)
		if out, status := in.ctl("update"); status != 0 {
			t.Fatalf("update: %d\n%s", status, out)
		}
		in.eventually("the jobs are done", func() bool {
			out, _ := in.ctl("status")
			return strings.Count(out, "EXITED") >= n
		})
	}
	in.launch()
	in.waitServing()
	for range 4 {
		change()
	}
	// What programs leave behind is more each time. A heap that happens to be large at one look makes one of two slopes steep and the other flat.
	more := 12 * soak(20)
	heaps := []float64{in.heap()}
	for range 2 {
		for range more {
			change()
		}
		heaps = append(heaps, in.heap())
	}
	each := min(heaps[1]-heaps[0], heaps[2]-heaps[1]) / float64(more*60)
	t.Logf("heap %.0f bytes: %.0f for each program that is gone", heaps, each)
	if each > 1024 {
		t.Errorf("each program that is gone keeps %.0f bytes", each)
	}
}
