package child

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// The children of both: 200 at a time, three pipes each.
const herd = 200

// BenchmarkSpawn starts and reaps 200 children by a System.
func BenchmarkSpawn(b *testing.B) {
	s := newSystem(b, Options{})
	defer measure(b)()
	for b.Loop() {
		var all sync.WaitGroup
		all.Add(herd)
		for range herd {
			s.Spawn(&Request{
				Name: "x", Argv: []string{"/bin/true"}, Env: []string{"A=b"}, Umask: -1, Stdin: -1, Stdout: &output{}, Stderr: &output{},
				Exited: func(*Child, syscall.WaitStatus) { all.Done() },
			})
		}
		all.Wait()
	}
}

// BenchmarkStart is the start alone, of 200 children that stay.
func BenchmarkStart(b *testing.B) {
	s := newSystem(b, Options{})
	var own time.Duration
	for b.Loop() {
		var up, down sync.WaitGroup
		up.Add(herd)
		down.Add(herd)
		children := make([]*Child, 0, herd)
		before := ownCPU(b)
		for range herd {
			s.Spawn(&Request{
				Name: "x", Argv: []string{"/bin/sleep", "1000"}, Env: []string{"A=b"}, Umask: -1, Stdin: -1, Stdout: &output{}, Stderr: &output{},
				Started: func(c *Child) { children = append(children, c); up.Done() },
				Exited:  func(*Child, syscall.WaitStatus) { down.Done() },
			})
		}
		up.Wait()
		own += ownCPU(b) - before
		for _, c := range children {
			_ = c.Signal(syscall.SIGKILL, false)
		}
		down.Wait()
	}
	b.ReportMetric(float64(own.Microseconds())/float64(b.N*herd), "own-cpu-us/child")
}

// BenchmarkStop kills 200 children one after another, each when the exit of the one
// before it is known, as a shutdown does.
func BenchmarkStop(b *testing.B) {
	s := newSystem(b, Options{})
	var own, took time.Duration
	for b.Loop() {
		started := make(chan *Child, herd)
		exited := make(chan struct{}, herd)
		for range herd {
			s.Spawn(&Request{
				Name: "x", Argv: []string{"/bin/sleep", "1000"}, Env: []string{"A=b"}, Umask: -1, Stdin: -1, Stdout: &output{}, Stderr: &output{},
				Started: func(c *Child) { started <- c },
				Exited:  func(*Child, syscall.WaitStatus) { exited <- struct{}{} },
			})
		}
		var children []*Child
		for range herd {
			children = append(children, <-started)
		}
		before, start := ownCPU(b), time.Now()
		for _, c := range children {
			_ = c.Signal(syscall.SIGKILL, false)
			<-exited
		}
		own += ownCPU(b) - before
		took += time.Since(start)
	}
	b.ReportMetric(float64(took.Microseconds())/float64(b.N*herd), "us/exit")
	b.ReportMetric(float64(own.Microseconds())/float64(b.N*herd), "own-cpu-us/exit")
}

// BenchmarkForkExec is the bare loop: pipes, fork, wait.
func BenchmarkForkExec(b *testing.B) {
	defer measure(b)()
	for b.Loop() {
		for range herd {
			p, err := makePipes(&Request{Stdin: -1, Stdout: &output{}, Stderr: &output{}}, -1)
			if err != nil {
				b.Fatal(err)
			}
			_, err = syscall.ForkExec("/bin/true", []string{"/bin/true"}, &syscall.ProcAttr{
				Env:   []string{"A=b"},
				Files: []uintptr{uintptr(p.childStdin), uintptr(p.childStdout), uintptr(p.childStderr)},
				Sys:   &syscall.SysProcAttr{Setpgid: true},
			})
			if err != nil {
				b.Fatal(err)
			}
			p.closeChilds()
			p.closeOurs()
		}
		for range herd {
			if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// measure gives our own CPU time for each child; what the children use isn't in it.
func measure(b *testing.B) (report func()) {
	before := ownCPU(b)
	return func() {
		b.ReportMetric(float64((ownCPU(b)-before).Microseconds())/float64(b.N*herd), "own-cpu-us/child")
	}
}

func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
