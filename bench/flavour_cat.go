package main

import (
	"fmt"
	"strings"
	"syscall"
)

// catFloor is the floor for logs: each program piped into a cat.
type catFloor struct{}

func (catFloor) name() string         { return "cat" }
func (catFloor) helpers() []string    { return []string{"cat"} }
func (catFloor) stop() syscall.Signal { return syscall.SIGTERM }
func (catFloor) events() bool         { return false }
func (catFloor) write(s *site) error {
	var b strings.Builder
	b.WriteString("trap 'kill $pids; exit 0' TERM\n")
	for _, p := range s.progs {
		if p.log == "" {
			return fmt.Errorf("log throughput only")
		}
		fmt.Fprintf(&b, "%s | cat > %s &\npids=\"$pids $!\"\n", strings.Join(p.argv, " "), p.log)
	}
	b.WriteString("wait\n")
	return mkfile(s.dir+"/run.sh", b.String(), 0755)
}
func (catFloor) command(s *site) ([]string, []string) {
	return []string{"/bin/sh", s.dir + "/run.sh"}, nil
}
func (catFloor) logFiles(s *site, p prog) []string { return []string{p.log} }
func (catFloor) api() (call, call, bool)           { return call{}, call{}, false }
func (catFloor) status(s *site) []string           { return nil }
