// supbench measures process supervisors side by side. See README.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

var (
	workdir  = flag.String("dir", "", "where the daemons' files go (default: a temporary directory, removed at the end)")
	bindir   = flag.String("bin", "", "where the helpers are (default: beside this program)")
	fl       = flag.String("flavours", "ours,py,cat,forkexec,pingpong", "comma list of flavours")
	wl       = flag.String("workloads", "start,idle,rpc,cli,stop,log,logmany,events,latency,exited,restart", "comma list")
	runs     = flag.Int("runs", 3, "runs of each")
	ns       = flag.String("n", "200,1000", "numbers of programs for start/idle/rpc/cli/stop")
	idleSec  = flag.Int("idle", 20, "seconds of the idle measurement")
	stopMax  = flag.Int("stopmax", 120, "give up a stop after this many seconds")
	logMiB   = flag.Int("mib", 1024, "MiB for log")
	chunk    = flag.Int("chunk", 65500, "bytes per write of the log generator")
	backups  = flag.Int("backups", 3, "log backups; 30 keeps every byte, so that all can be checked")
	manyN    = flag.Int("manyn", 50, "programs for logmany")
	manyMiB  = flag.Int("manymib", 20, "MiB each for logmany")
	evK      = flag.Int("events", 20000, "events")
	evBytes  = flag.Int("payload", 100, "bytes of payload of an event")
	evMode   = flag.String("evmode", "flood,window", "flood: as fast as the pipe takes it; window: 64 outstanding")
	evBg     = flag.String("bg", "0", "comma list: idle background programs during events/latency")
	evOne    = flag.Bool("one", false, "listener sends RESULT and READY in one write")
	evAhead  = flag.Int("ahead", 0, "the events go to our SDK's listener with this max_in_flight (ours only)")
	kills    = flag.Int("kills", 30, "kills for restart")
	numprocs = flag.Bool("numprocs", false, "one program with numprocs=N instead of N programs (supervisord family)")
	outFile  = flag.String("out", "results.jsonl", "results are appended here")
)

type result struct {
	Flavour, Workload, Metric, Unit string
	Run                             int
	Value                           float64
	Note                            string `json:",omitempty"`
}

var sink *os.File

func rec(f flavour, w, metric, unit string, run int, v float64) {
	b, _ := json.Marshal(result{f.name(), w, metric, unit, run, v, ""})
	sink.Write(append(b, '\n'))
	fmt.Printf("%-6s %-14s %-26s run %d  %12.4g %s\n", f.name(), w, metric, run, v, unit)
}

func note(f flavour, w string, run int, format string, a ...any) {
	m := fmt.Sprintf(format, a...)
	b, _ := json.Marshal(result{f.name(), w, "note", "", run, 0, m})
	sink.Write(append(b, '\n'))
	fmt.Printf("%-6s %-14s NOTE run %d: %s\n", f.name(), w, run, m)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func median(v []float64) float64 {
	if n := len(v); n > 0 && n%2 == 0 {
		s := append([]float64{}, v...)
		sort.Float64s(s)
		return (s[n/2-1] + s[n/2]) / 2
	}
	return quantile(v, .5)
}
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := append([]float64{}, v...)
	sort.Float64s(s)
	return s[int(q*float64(len(s)-1)+.5)]
}

func list(s string) []string {
	var out []string
	for _, x := range strings.Split(s, ",") {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "supbench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "table":
			table(args[1:])
			return nil
		case "judge":
			_, err := judge(args[1:])
			return err
		case "forkexec":
			return forkExec(args[1])
		}
	}
	flag.Parse()
	if *bindir == "" {
		x, err := os.Executable()
		if err != nil {
			return err
		}
		*bindir = filepath.Dir(x)
	}
	if *workdir == "" {
		d, err := os.MkdirTemp("", "supbench.")
		if err != nil {
			return err
		}
		defer os.RemoveAll(d)
		*workdir = d
	}
	if err := os.MkdirAll(*workdir, 0755); err != nil {
		return err
	}
	go onSignal()
	var err error
	if sink, err = os.OpenFile(*outFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0644); err != nil {
		return err
	}
	defer sink.Close()
	on := map[string]bool{}
	for _, w := range list(*wl) {
		on[w] = true
	}
	// Flavours take turns within a run, so that drift of the machine hits all.
	for r := 1; r <= *runs; r++ {
		for _, name := range list(*fl) {
			f, err := flavourNamed(name)
			if err != nil {
				return err
			}
			argv, _ := f.command(&site{dir: *workdir})
			if _, err := exec.LookPath(argv[0]); err != nil {
				fmt.Println("skip", name, err)
				continue
			}
			if err := turn(f, r, on); err != nil {
				return err
			}
		}
	}
	return nil
}

// turn is one flavour's turn at every workload that is on.
func turn(f flavour, run int, on map[string]bool) error {
	if _, floor := f.(pipeFloor); floor {
		if on["events"] {
			pingPong(f, run)
		}
		return nil
	}
	if on["start"] || on["idle"] || on["rpc"] || on["cli"] || on["stop"] {
		for _, n := range list(*ns) {
			k, err := strconv.Atoi(n)
			if err != nil {
				return fmt.Errorf("-n: %w", err)
			}
			scale(f, k, run, on)
		}
	}
	if on["log"] {
		logs(f, "log", 1, *logMiB, run)
	}
	if on["logmany"] {
		logs(f, "logmany", *manyN, *manyMiB, run)
	}
	for _, b := range list(*evBg) {
		bg, err := strconv.Atoi(b)
		if err != nil {
			return fmt.Errorf("-bg: %w", err)
		}
		if on["events"] && f.events() {
			for _, m := range list(*evMode) {
				eventRate(f, m, bg, run)
			}
		}
		if on["latency"] && f.events() {
			eventLatency(f, bg, run)
		}
	}
	if on["exited"] && f.events() {
		exitedEvents(f, run)
	}
	if on["restart"] {
		restarts(f, run)
	}
	return nil
}
