package main

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

type pc struct{}

func (pc) name() string         { return "pc" }
func (pc) helpers() []string    { return nil }
func (pc) stop() syscall.Signal { return syscall.SIGTERM }
func (pc) events() bool         { return false }
func (pc) write(s *site) error {
	if len(s.listeners) > 0 {
		return fmt.Errorf("no event listeners")
	}
	var b strings.Builder
	b.WriteString("version: \"0.5\"\nis_strict: true\nlog_level: info\nprocesses:\n")
	for _, p := range s.progs {
		fmt.Fprintf(&b, "  %s:\n    entrypoint: [\"%s\"]\n    disable_ansi_colors: true\n", p.name, strings.Join(p.argv, `", "`))
		if p.restart {
			b.WriteString("    availability: {restart: always, backoff_seconds: 1}\n")
		}
		if p.log != "" {
			fmt.Fprintf(&b, "    log_location: %s\n    log_configuration:\n      disable_json: true\n      no_metadata: true\n      no_color: true\n      fields_order: [message]\n      rotation: {max_size_mb: %d, max_backups: %d}\n", p.log, (p.maxBytes+(1<<20)-1)>>20, p.backups)
		}
	}
	return mkfile(filepath.Join(s.dir, "pc.yaml"), b.String(), 0644)
}
func (pc) bin() []string { return env("BENCH_PC", "process-compose") }
func (f pc) command(s *site) ([]string, []string) {
	return append(f.bin(), "up", "-f", s.dir+"/pc.yaml", "-t=false", "-U", "-u", s.sock(), "-L", s.dir+"/pc.log"), nil
}
func (pc) logFiles(s *site, p prog) []string {
	ext := filepath.Ext(p.log)
	fs, _ := filepath.Glob(strings.TrimSuffix(p.log, ext) + "-*" + ext)
	sort.Strings(fs)
	return append(fs, p.log)
}
func (pc) api() (call, call, bool) {
	return call{"GET", "/live", ""}, call{"GET", "/processes", ""}, true
}
func (f pc) status(s *site) []string {
	return append(f.bin(), "-U", "-u", s.sock(), "-L", s.dir+"/pcc.log", "process", "list", "-o", "wide")
}
