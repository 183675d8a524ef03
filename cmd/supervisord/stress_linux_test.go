package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/testplugins/faulty"
)

// stress is a daemon with everybody at it: eight clients, one who edits the configuration, and one who kills and freezes what the
// daemon runs.
type stress struct {
	t       *testing.T
	in      *instance
	seed    uint64
	plugins string // a directory
	faulty  string // the command of a plugin that has faults
	taken   string // a port that somebody else has
	calls   atomic.Int64
	still   sync.Once
	given   chan struct{} // closed once something stood still: nothing more is tried
}

// footprint is what the daemon takes at a moment of calm.
type footprint struct{ descriptors, goroutines, kilobytes int }

// TestItHoldsWhateverComesTogether takes about a minute. HARK_STRESS_SEED repeats what was done (not the result, which depends on
// the moment), HARK_STRESS_SECONDS says for how long it is done.
func TestItHoldsWhateverComesTogether(t *testing.T) {
	s := &stress{t: t, seed: uint64(number(t, "HARK_STRESS_SEED", int(time.Now().UnixNano()&0xffffff))), given: make(chan struct{})}
	turn := time.Duration(number(t, "HARK_STRESS_SECONDS", 45)) * time.Second / 3
	t.Logf("HARK_STRESS_SEED=%d repeats what is done here", s.seed)
	s.launch()

	s.storm(0, turn)
	first := s.footprint()
	s.storm(1, turn)
	second := s.footprint()
	t.Logf("%d calls; %+v, then %+v", s.calls.Load(), first, second)
	if second.kilobytes > first.kilobytes+64<<10 {
		t.Errorf("it grew from %d kB to %d kB", first.kilobytes, second.kilobytes)
	}
	const once = 8 // of what is made once, when it is first needed
	s.until(fmt.Sprintf("it has about %d goroutines again", first.goroutines), func() bool { return s.goroutines() <= first.goroutines+once })
	s.until(fmt.Sprintf("it has about %d descriptors again", first.descriptors), func() bool { return s.descriptors() <= first.descriptors+once })

	// TERM comes in the middle of it.
	s.storm(2, turn, func() { s.in.signal(syscall.SIGTERM) })
	if status := s.in.ended(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	s.in.nothingLeft()
	testkit.Until(t, "none of its processes is left", func() bool { return len(s.left()) == 0 })
}

// noPanic fails the test where something in the daemon panicked and was caught.
func (s *stress) noPanic() {
	for line := range strings.Lines(s.in.log()) {
		if strings.Contains(line, "raised an unexpected exception") || strings.Contains(line, "Server Error: ") {
			s.t.Errorf("a panic: %s", line)
		}
	}
}

// number is a variable of the environment.
func number(t *testing.T, variable string, otherwise int) int {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

func (s *stress) launch() {
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.plugins, s.faulty = plugintest.Build(s.t), self+" "+faulty.Verb
	s.taken = strconv.Itoa(heldPort(s.t))
	s.in = ready(s.t, "")
	s.in.script("listener", stressListener)
	s.in.cmd.Env = append(s.in.cmd.Env, s.mark())
	s.replace(s.calm())
	s.t.Cleanup(s.noPanic)
	s.in.launch()
	s.in.waitServing()
}

// mark is in the environment of the daemon and of all that comes of it.
func (s *stress) mark() string { return "HARK_STRESS_MARK=" + s.in.dir }

// storm lets everybody loose for a while. At its end it calls the functions, and then waits for everybody.
func (s *stress) storm(turn uint64, long time.Duration, atEnd ...func()) {
	over := make(chan struct{})
	var all sync.WaitGroup
	actors := []func(*rand.Rand, <-chan struct{}){s.editor, s.vandal}
	for i, act := range actors {
		all.Go(func() { act(rand.New(rand.NewPCG(s.seed, turn<<32|uint64(100+i))), over) })
	}
	for i := range uint64(8) {
		all.Go(func() { s.client(turn<<32 | i).run(over) })
	}
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.in.exited:
		s.t.Errorf("supervisord ended in the middle of it: %v", s.in.cmd.ProcessState)
	case <-s.given:
	}
	for _, do := range atEnd {
		do()
	}
	if len(atEnd) > 0 { // nobody stops: that is what it has to cope with
		select {
		case <-s.in.exited:
		case <-time.After(testkit.Patience):
			s.standsStill("the end after TERM")
		}
	}
	close(over)
	all.Wait()
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// editor changes the file, and at times has the daemon restart with it.
func (s *stress) editor(r *rand.Rand, over <-chan struct{}) {
	for s.rest(r, 300, over) {
		s.write(r, s.file(r))
		switch r.IntN(12) {
		case 0:
			_ = s.in.cmd.Process.Signal(syscall.SIGHUP)
		case 1:
			_ = s.in.cmd.Process.Signal(syscall.SIGUSR2)
		}
	}
}

// vandal kills and freezes whatever the daemon runs.
func (s *stress) vandal(r *rand.Rand, over <-chan struct{}) {
	for s.rest(r, 60, over) {
		pids := childrenOf(s.in.cmd.Process.Pid)
		if len(pids) == 0 {
			continue
		}
		pid := pids[r.IntN(len(pids))]
		switch r.IntN(10) {
		case 0, 1, 2:
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		case 3:
			for _, pid := range pids {
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
		default:
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// rest waits up to so many milliseconds; false when it is over.
func (s *stress) rest(r *rand.Rand, most int, over <-chan struct{}) bool {
	timer := time.NewTimer(time.Duration(r.IntN(most)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-over:
		return false
	case <-s.in.exited:
		return false
	case <-timer.C:
		return true
	}
}

// standsStill fails the test because something did not come to an end, and has the daemon say where all its goroutines are.
func (s *stress) standsStill(what string) {
	s.still.Do(func() {
		s.t.Errorf("in vain for %v: %s", testkit.Patience, what)
		_ = s.in.cmd.Process.Signal(syscall.SIGABRT)
		<-s.in.exited
		s.t.Log(tailOf(s.in.output.String(), 200_000))
		close(s.given)
	})
}

// until polls, and fails the test as standsStill does.
func (s *stress) until(what string, condition func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(testkit.Patience); !condition(); pause() {
		if time.Now().After(deadline) {
			s.standsStill("until " + what)
			s.t.FailNow()
		}
	}
}

// footprint brings the daemon to rest, with nothing but what it always has, and measures it.
func (s *stress) footprint() footprint {
	pid := s.in.cmd.Process.Pid
	c := s.client(1 << 62)
	s.replace(s.calm())
	s.until("nothing is left to update", func() bool {
		for _, child := range childrenOf(pid) {
			_ = syscall.Kill(child, syscall.SIGCONT)
		}
		c.update()
		v, err := c.call("supervisor.reloadConfig")
		if err != nil {
			return false
		}
		for _, names := range v.([]any)[0].([]any) {
			if len(names.([]any)) > 0 {
				return false
			}
		}
		return true
	})
	if s.in.state("calm") != "RUNNING" {
		_, _ = c.call("supervisor.startProcess", "calm")
	}
	s.in.waitState("calm", "RUNNING")
	s.until("it has no children but those it reports", func() bool { return slices.Equal(childrenOf(pid), s.known()) })
	f := footprint{s.descriptors(), s.goroutines(), 0}
	for range 100 { // the least of each: looking itself takes some
		pause()
		f.descriptors, f.goroutines = min(f.descriptors, s.descriptors()), min(f.goroutines, s.goroutines())
	}
	f.kilobytes, _ = strconv.Atoi(strings.TrimSuffix(procStatus(pid, "VmRSS"), " kB"))
	return f
}

// known are the pids of all processes and plugins that the daemon reports.
func (s *stress) known() (pids []int) {
	for _, method := range []string{"supervisor.getAllProcessInfo", "hark.getPlugins"} {
		for _, one := range s.in.must(method).([]any) {
			if pid, _ := one.(xmlrpc.Struct).Get("pid"); pid != 0 {
				pids = append(pids, pid.(int))
			}
		}
	}
	slices.Sort(pids)
	return pids
}

func (s *stress) descriptors() int { return openFiles(s.t, s.in.cmd.Process.Pid) }

// goroutines is how many the daemon has.
func (s *stress) goroutines() int {
	resp, err := unixClient(s.in.sock).Get("http://unix/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is read
	for lines := bufio.NewReader(resp.Body); ; {
		line, err := lines.ReadString('\n')
		if value, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
		if err != nil {
			s.t.Fatalf("no go_goroutines: %v", err)
		}
	}
}

// childrenOf are the children of a process that are no zombies, in ascending order.
func childrenOf(parent int) (pids []int) {
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		if procStatus(pid, "PPid") == strconv.Itoa(parent) && alive(pid) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// left are the processes that came of the daemon, with their command lines.
func (s *stress) left() (all []string) {
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		environment, _ := os.ReadFile(filepath.Join(name, "environ"))
		command, _ := os.ReadFile(filepath.Join(name, "cmdline"))
		if strings.Contains(string(environment), s.mark()) || strings.Contains(string(command), s.plugins) {
			all = append(all, filepath.Base(name)+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return all
}
