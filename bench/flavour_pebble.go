package main

import (
	"fmt"
	"strings"
	"syscall"
)

type pebble struct{}

func (pebble) name() string         { return "pebble" }
func (pebble) helpers() []string    { return nil }
func (pebble) stop() syscall.Signal { return syscall.SIGTERM }
func (pebble) events() bool         { return false }
func (pebble) write(s *site) error {
	if len(s.listeners) > 0 {
		return fmt.Errorf("no event listeners")
	}
	var b strings.Builder
	b.WriteString("services:\n")
	for _, p := range s.progs {
		if p.log != "" {
			return fmt.Errorf("no log files (a ring buffer in memory only)")
		}
		fmt.Fprintf(&b, "  %s:\n    override: replace\n    command: %s\n    startup: enabled\n    backoff-delay: 1ms\n    backoff-factor: 1\n", p.name, strings.Join(p.argv, " "))
	}
	return mkfile(s.dir+"/layers/001-bench.yaml", b.String(), 0644)
}
func (pebble) bin() []string { return env("BENCH_PEBBLE", "pebble") }
func (f pebble) command(s *site) ([]string, []string) {
	return append(f.bin(), "run"), []string{"PEBBLE=" + s.dir, "PEBBLE_SOCKET=" + s.sock()}
}
func (pebble) logFiles(s *site, p prog) []string { return nil }
func (pebble) api() (call, call, bool) {
	return call{"GET", "/v1/health", ""}, call{"GET", "/v1/services", ""}, true
}
func (f pebble) status(s *site) []string {
	return append([]string{"env", "PEBBLE=" + s.dir, "PEBBLE_SOCKET=" + s.sock()}, append(f.bin(), "services")...)
}
