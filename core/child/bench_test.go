package child

import (
	"sync"
	"syscall"
	"testing"
)

// The children of both: 200 at a time, three pipes each.
const herd = 200

// BenchmarkSpawn starts and reaps 200 children by a System.
func BenchmarkSpawn(b *testing.B) {
	s := newSystem(b, Options{})
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
	report(b)
}

// BenchmarkForkExec is the bare loop: pipes, fork, wait.
func BenchmarkForkExec(b *testing.B) {
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
	report(b)
}

// report gives our own CPU time for each child; what children used is not in it.
func report(b *testing.B) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*herd), "us/child")
}
