package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// forkFloor is the floor for starting: a loop that forks and execs the
// programs one after another and does nothing else. This program is its own
// "daemon", by the verb forkexec.
type forkFloor struct{}

func (forkFloor) name() string                      { return "forkexec" }
func (forkFloor) helpers() []string                 { return nil }
func (forkFloor) stop() syscall.Signal              { return syscall.SIGTERM }
func (forkFloor) events() bool                      { return false }
func (forkFloor) api() (call, call, bool)           { return call{}, call{}, false }
func (forkFloor) status(s *site) []string           { return nil }
func (forkFloor) logFiles(s *site, p prog) []string { return nil }

func (forkFloor) write(s *site) error {
	var b strings.Builder
	for _, p := range s.progs {
		if p.argv[0] != "/bin/sleep" || len(s.listeners) > 0 {
			return fmt.Errorf("start and stop of sleepers only")
		}
		b.WriteString(strings.Join(p.argv, " ") + "\n")
	}
	return mkfile(filepath.Join(s.dir, "programs"), b.String(), 0644)
}

func (forkFloor) command(s *site) ([]string, []string) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return []string{self, "forkexec", filepath.Join(s.dir, "programs")}, nil
}

// forkExec is the verb: it starts one process for each line of the file (words
// separated by single spaces), each in a process group of its own with the null
// device for all three descriptors, waits for TERM, kills them and reaps them.
func forkExec(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	null, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{uintptr(null), uintptr(null), uintptr(null)},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	var pids []int
	for line := range strings.Lines(string(text)) {
		argv := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		pid, err := syscall.ForkExec(argv[0], argv, attr)
		if err != nil {
			return fmt.Errorf("cannot start %q: %w", argv[0], err)
		}
		pids = append(pids, pid)
	}
	<-stop
	for _, p := range pids {
		syscall.Kill(p, syscall.SIGTERM)
	}
	for _, p := range pids {
		var ws syscall.WaitStatus
		for {
			if _, err := syscall.Wait4(p, &ws, 0, nil); err != syscall.EINTR {
				break
			}
		}
	}
	return nil
}
