package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

// s6 and runit: a directory a program.

type s6 struct{}

func (s6) name() string            { return "s6" }
func (s6) helpers() []string       { return []string{"s6-supervise", "s6-log", "s6-svscan"} }
func (s6) stop() syscall.Signal    { return syscall.SIGTERM }
func (s6) events() bool            { return false }
func (s6) api() (call, call, bool) { return call{}, call{}, false }
func (s6) write(s *site) error {
	return svdirs(s, func(p prog, dir string) string {
		return fmt.Sprintf("exec s6-log n%d s%d %s\n", p.backups, p.maxBytes, dir)
	})
}
func (s6) command(s *site) ([]string, []string) {
	return []string{"s6-svscan", "-c", "4000", filepath.Join(s.dir, "scan")}, nil
}
func (s6) logFiles(s *site, p prog) []string { return tai(p) }
func (s6) status(s *site) []string {
	return []string{"/bin/sh", "-c", "for d in " + s.dir + "/scan/*/; do s6-svstat $d; done"}
}

// svdirs writes daemontools-style service directories.
func svdirs(s *site, logrun func(prog, string) string) error {
	if len(s.listeners) > 0 {
		return fmt.Errorf("no event listeners")
	}
	for _, p := range s.progs {
		d := filepath.Join(s.dir, "scan", p.name)
		if err := mkfile(d+"/run", "#!/bin/sh\nexec "+strings.Join(p.argv, " ")+"\n", 0755); err != nil {
			return err
		}
		if p.log != "" {
			ld := p.log + ".d"
			os.MkdirAll(ld, 0755)
			mkfile(d+"/log/run", "#!/bin/sh\n"+logrun(p, ld), 0755)
		}
	}
	return nil
}

func tai(p prog) []string {
	fs, _ := filepath.Glob(p.log + ".d/@*")
	sort.Strings(fs)
	return append(fs, p.log+".d/current")
}

// --- runit ----------------------------------------------------------------------

type runit struct{}

func (runit) name() string            { return "runit" }
func (runit) helpers() []string       { return []string{"runsv", "svlogd"} }
func (runit) stop() syscall.Signal    { return syscall.SIGHUP }
func (runit) events() bool            { return false }
func (runit) api() (call, call, bool) { return call{}, call{}, false }
func (runit) write(s *site) error {
	return svdirs(s, func(p prog, dir string) string {
		mkfile(dir+"/config", fmt.Sprintf("s%d\nn%d\n", p.maxBytes, p.backups), 0644)
		return fmt.Sprintf("exec svlogd -b 65536 %s\n", dir)
	})
}
func (runit) command(s *site) ([]string, []string) {
	return []string{"runsvdir", filepath.Join(s.dir, "scan")}, nil
}
func (runit) logFiles(s *site, p prog) []string { return tai(p) }
func (runit) status(s *site) []string {
	return []string{"/bin/sh", "-c", "sv status " + s.dir + "/scan/*"}
}
