package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// pair is Debian's supervisord (4.2.5) and ours with the same configuration,
// each in a directory of its own. What the contract tests compare is what both
// do, with pids, times and directories replaced.
type pair struct {
	t            testing.TB
	python, hark *instance
}

// startPair runs both with baseConf and more and waits until both serve.
func startPair(t testing.TB, more string, args ...string) *pair {
	p := preparePair(t, baseConf+more, args...)
	p.launch()
	return p
}

// startPairs is startPair twice: Supervisor's supervisorctl drives the first two,
// Hark's the others.
func startPairs(t testing.TB, more string) (supervisors, harks *pair) {
	binary := supervisorctl(t)
	supervisors, harks = startPair(t, more), startPair(t, more)
	harks.python.ctlBinary, harks.hark.ctlBinary = binary, binary
	return supervisors, harks
}

func preparePair(t testing.TB, conf string, args ...string) *pair {
	return &pair{t, prepare(t, python(t), conf, args...), prepare(t, hark(t), conf, args...)}
}

func (p *pair) launch() {
	// Stopped together too, when the first of the two cleanups runs.
	p.python.launch()
	p.hark.launch()
	p.t.Cleanup(func() {
		_ = p.python.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.hark.cmd.Process.Signal(syscall.SIGTERM)
	})
	go p.python.nudge()
	p.wait((*instance).waitServing)
}

// nudge keeps Python's loop turning, which otherwise looks at what calls wait
// for once a second. A connection without a request leaves no trace.
func (in *instance) nudge() {
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-in.exited:
			return
		case <-every.C:
			if conn, err := net.Dial("unix", in.sock); err == nil {
				_ = conn.Close()
			}
		}
	}
}

// each runs f on both at the same time.
func (p *pair) each(f func(in *instance) string) (python, hark string) {
	var wg sync.WaitGroup
	finished := 0
	var mu sync.Mutex
	run := func(in *instance, to *string) {
		defer wg.Done()
		*to = f(in)
		mu.Lock()
		finished++
		mu.Unlock()
	}
	wg.Add(2)
	go run(p.python, &python)
	go run(p.hark, &hark)
	wg.Wait()
	if finished < 2 {
		p.t.FailNow() // one of them has said why
	}
	return python, hark
}

// wait is each without a result.
func (p *pair) wait(f func(in *instance)) {
	p.each(func(in *instance) string { f(in); return "" })
}

// waitState waits until both have a process in a state.
func (p *pair) waitState(name, state string) {
	p.wait(func(in *instance) { in.waitState(name, state) })
}

// same fails the test where the two texts that f gives differ once normalised.
func (p *pair) same(t testing.TB, f func(in *instance) string) {
	t.Helper()
	python, hark := p.each(func(in *instance) string { return in.normal(f(in)) })
	compare(t, python, hark)
}

// sameAll is same for the pairs that both supervisorctls drive.
func sameAll(t testing.TB, supervisors, harks *pair, f func(in *instance) string) {
	t.Helper()
	normal := func(in *instance) string { return in.normal(f(in)) }
	python, hark := supervisors.each(normal)
	compare(t, python, hark)
	oursPython, oursHark := harks.each(normal)
	compare(t, python, oursPython)
	compare(t, python, oursHark)
}

// compare reports how Hark's text differs from Python's.
func compare(t testing.TB, python, hark string) {
	t.Helper()
	if python != hark {
		t.Errorf("Hark differs:\n%s", diff.Diff("Supervisor", []byte(python), "Hark", []byte(hark)))
	}
}

// replacement is one normalisation.
type replacement struct {
	re *regexp.Regexp
	by string
}

var normalisations = []replacement{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}`), "<time>"},
	{regexp.MustCompile(`\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d\d \d\d:\d\d [AP]M`), "<date>"},
	{regexp.MustCompile(`\bpid[ :]+\d+`), "pid <pid>"},
	{regexp.MustCompile(`(?m)^(supervisor> )*[1-9]\d{2,}$`), "$1<pid>"}, // supervisorctl pid
	{regexp.MustCompile(`uptime \d+:\d\d:\d\d`), "uptime <time>"},
	{regexp.MustCompile(`(---[^-\s]+)-\w+\.log`), "$1-<random>.log"},
	{regexp.MustCompile(`(?m)(error: <class .*): file: \S+ line: \d+$`), "$1"}, // a place in Python's source
}

// additions are what Hark's supervisorctl prints besides: lines on standard
// error, and the paragraph of help with actions of its own.
var additions = regexp.MustCompile(`(?m)^hint: .*\n|^\nhark commands \(type help <topic>\):\n=+\n(?:.+\n)+\n`)

func withoutAdditions(s string) string { return additions.ReplaceAllString(s, "") }

// normal replaces what must differ: directories, pids, times.
func (in *instance) normal(s string) string {
	s = strings.ReplaceAll(s, in.dir, "DIR")
	for _, r := range normalisations {
		s = r.re.ReplaceAllString(s, r.by)
	}
	return s
}

// command is supervisorctl against the instance: Supervisor's own, or Hark's.
func (in *instance) command(args ...string) *exec.Cmd {
	if in.ctlBinary != "" {
		cmd := exec.Command(in.ctlBinary, append([]string{"-c", in.conf}, args...)...)
		cmd.Args[0] = "supervisorctl"
		cmd.Dir = in.dir
		return cmd
	}
	cmd := exec.Command("/usr/bin/python3", append([]string{"-u", "/usr/bin/supervisorctl", "-c", in.conf}, args...)...)
	cmd.Dir = in.dir
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "COLUMNS=80")
	return cmd
}

// ctlWith runs supervisorctl with the given standard input and gives its
// output, then its exit status.
func (in *instance) ctlWith(stdin string, args ...string) string {
	if in.ctlBinary != "" {
		cmd := in.command(args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			in.t.Fatal(err)
		}
		return withoutAdditions(string(out)) + fmt.Sprintf("[exit status %d]", cmd.ProcessState.ExitCode())
	}
	if in.ctls == nil {
		in.ctls = startPython(in.t, "supervisor.supervisorctl")
	}
	got := in.ctls.run(in.t, pythonJob{Dir: in.dir, Stdin: stdin, Args: append([]string{"supervisorctl", "-c", in.conf}, args...)})
	return fmt.Sprintf("%s[exit status %d]", got.Out, got.Status)
}

// ctlUntil runs supervisorctl with its standard input kept open until its
// output has a text; then next does the rest, and must make it end.
func (in *instance) ctlUntil(args []string, text string, next func(stdin *os.File, seen func(string), interrupt func())) string {
	cmd := in.command(args...)
	var out testkit.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Stdin = nil
	r, w, err := os.Pipe()
	if err != nil {
		in.t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // a pipe
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	_ = r.Close()
	defer func() { _ = cmd.Process.Kill() }()
	seen := func(text string) {
		testkit.Until(in.t, "supervisorctl "+strings.Join(args, " ")+" prints "+text, func() bool {
			return strings.Contains(out.String(), text)
		})
	}
	seen(text)
	next(w, seen, func() { _ = cmd.Process.Signal(os.Interrupt) })
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(testkit.Patience):
		in.t.Fatalf("supervisorctl %v did not end; it printed:\n%s", args, out.String())
	}
	return strings.TrimRight(withoutAdditions(out.String()), "\n") + "\n[" + cmd.ProcessState.String() + "]"
}
