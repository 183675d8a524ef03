package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// goal is what Hark must show in one run: a ratio to a peer of the same run, or a figure of its own.
type goal struct {
	what             string
	workload, metric string
	peer             string // ratio to it; "" for a figure in the metric's unit
	least            bool   // at least, rather than at most
	bound            float64
}

// goals are in the order in which they are printed.
func goals() []goal {
	const n1000, n100 = " N=1000", " N=100"
	const rss, pss, cpu = "supervisor RSS sum", "supervisor PSS sum", "supervisor CPU per event"
	const flood, window, latency = "W4 events flood bg=0", "W4 events window bg=0", "W4 latency bg=0"
	return []goal{
		{"memory of 1,000 (RSS)", "W1 start" + n1000, rss, "py", false, 0.5},
		{"memory of 1,000 (PSS)", "W1 start" + n1000, pss, "py", false, 0.6},
		{"memory of 100 (RSS)", "W1 start" + n100, rss, "py", false, 0.42},
		{"memory of 100 (PSS)", "W1 start" + n100, pss, "py", false, 0.55},
		{"events, 64 outstanding: rate", window, "events/s", "py", true, 1.5},
		{"events, 64 outstanding: CPU an event", window, cpu, "py", false, 0.45},
		{"events, flood: rate", flood, "events/s", "py", true, 2.2},
		{"events, flood: CPU an event", flood, cpu, "py", false, 0.22},
		{"an event every 20 ms: p50", latency, "p50", "py", false, 0.55},
		{"an event every 20 ms: p99", latency, "p99", "py", false, 0.6},
		{"an event every 20 ms: CPU an event", latency, cpu, "py", false, 0.5},
		{"restart: p90, ms", "W6 restart", "p90", "", false, 2.5},
		{"restart: longest, ms", "W6 restart", "max", "", false, 6},
		{"start of 1,000: all exec'd", "W1 start" + n1000, "all programs exec'd", "forkexec", false, 1.1},
		{"start of 1,000: CPU", "W1 start" + n1000, "supervisor CPU", "py", false, 0.1},
		{"idle: context switches a second", "W2 idle" + n1000, "context switches per second", "", false, 0.1},
		{"getState: p50", "W5 rpc" + n1000, "state: p50", "py", false, 0.02},
		{"getState: calls a second of 8 clients", "W5 rpc" + n1000, "state: calls/s, 8 clients", "py", true, 30},
		{"stop of 1,000", "W7 stop" + n1000, "daemon and children gone", "py", false, 0.06},
		{"a log of 1 GiB: CPU", "W3 log", "supervisor CPU per GiB", "cat", false, 1.04},
	}
}

// judge prints each goal beside what was reached; what was not measured is left out. It reports whether none was missed.
func judge(files []string) (met bool, err error) {
	values := map[[3]string][]float64{}
	for _, name := range files {
		if err := readResults(name, func(r result) {
			k := [3]string{r.Flavour, r.Workload, r.Metric}
			values[k] = append(values[k], r.Value)
		}); err != nil {
			return false, err
		}
	}
	met = true
	fmt.Println("| goal | ours | peer | ratio | must be | |\n|---|---|---|---|---|---|")
	for _, g := range goals() {
		ours := values[[3]string{"ours", g.workload, g.metric}]
		if len(ours) == 0 {
			continue
		}
		reached, peer, ratio := median(ours), "–", "–"
		shown := reached
		if g.peer != "" {
			theirs := values[[3]string{g.peer, g.workload, g.metric}]
			if len(theirs) == 0 || median(theirs) == 0 {
				continue
			}
			reached /= median(theirs)
			peer, ratio = g.peer+" "+num(median(theirs)), num(reached)+" ×"
		}
		sign, ok := "≤", reached <= g.bound
		if g.least {
			sign, ok = "≥", reached >= g.bound
		}
		verdict := "ok"
		if !ok {
			verdict, met = "MISSED", false
		}
		fmt.Printf("| %s | %s | %s | %s | %s %s | %s |\n", g.what, num(shown), peer, ratio, sign, num(g.bound), verdict)
	}
	return met, nil
}

// readResults calls f with each figure of a file.
func readResults(name string, f func(result)) error {
	fd, err := os.Open(name)
	if err != nil {
		return err
	}
	defer fd.Close()
	sc := bufio.NewScanner(fd)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var r result
		if json.Unmarshal(sc.Bytes(), &r) == nil && r.Metric != "note" {
			f(r)
		}
	}
	return sc.Err()
}
