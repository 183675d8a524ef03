package procstat

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// write makes a /proc of its own: stat lines by pid, and a count of descriptors.
func write(t testing.TB, stats map[int]string, fds int) *scanner {
	t.Helper()
	root := t.TempDir()
	put := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("stat", "cpu 1 2 3\nbtime 1000\nprocesses 3\n")
	put("uptime", "1 2\n")
	for pid, line := range stats {
		put(strconv.Itoa(pid)+"/stat", line)
		for fd := range fds {
			put(fmt.Sprintf("%d/fd/%d", pid, fd), "")
		}
	}
	return &scanner{root: root, page: 4096, table: make(map[int]*entry)}
}

// statLine is one of /proc/*/stat.
func statLine(pid int, command string, parent, group, cpu, threads, start, pages int) string {
	return fmt.Sprintf("%d (%s) S %d %d %d 0 -1 4194304 100 0 0 0 %d 0 0 0 20 0 %d 0 %d 1000 %d 18446744073709551615 0 0",
		pid, command, parent, group, group, cpu, threads, start, pages)
}

func TestDescendantsAndTheProcessGroupCountForTheirProcess(t *testing.T) {
	s := write(t, map[int]string{
		1:  statLine(1, "init", 0, 1, 5000, 1, 0, 10),
		10: statLine(10, "web) S 9", 1, 10, 100, 2, 250, 3), // a name meant to mislead
		11: statLine(11, "worker", 10, 10, 20, 1, 300, 4),
		12: statLine(12, "own group", 11, 12, 3, 1, 300, 5), // a grandchild that left the group
		13: statLine(13, "background", 1, 10, 7, 1, 300, 6), // its parent ended; it is in the group still
		20: statLine(20, "other", 1, 20, 1000, 1, 300, 7),
		30: "30 (broken",
	}, 0)
	found, err := s.scan([]int{10, 20, 99, 10, 30}, true)
	if err != nil {
		t.Fatal(err)
	}
	web := found[10]
	if len(found) != 2 || web.Processes != 4 || web.CPU != 1300*time.Millisecond || web.RSS != 18*4096 || web.Threads != 5 ||
		!web.Started.Equal(time.Unix(1002, 500e6)) {
		t.Errorf("%d found, %+v", len(found), web)
	}
	if other := found[20]; other.Processes != 1 || other.CPU != 10*time.Second {
		t.Errorf("%+v", other)
	}
	// Nested ones go to the nearest, whichever is looked at first.
	if found, err = s.scan([]int{1, 11}, true); err != nil || found[11].Processes != 2 || found[1].Processes != 4 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestParentsInACircleEnd(t *testing.T) {
	s := write(t, map[int]string{5: statLine(5, "a", 6, 5, 1, 1, 1, 1), 6: statLine(6, "b", 5, 6, 1, 1, 1, 1)}, 0)
	if found, err := s.scan([]int{7}, true); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestARealProcessIsTold(t *testing.T) {
	// A child with a child, three descriptors each, that says when both are there.
	cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p, _ := os.FindProcess(grandchild)
		_ = p.Kill()
		_ = cmd.Wait()
	})
	all, err := New().Read([]int{cmd.Process.Pid, os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	s := all[cmd.Process.Pid]
	if s.Processes != 2 || s.Threads != 2 || s.FDs < 6 || s.RSS <= 0 || time.Since(s.Started) > time.Hour || s.Started.After(time.Now().Add(time.Minute)) {
		t.Errorf("%+v", s)
	}
	if own := all[os.Getpid()]; own.Threads < 2 || own.CPU < 0 || own.FDs < 3 {
		t.Errorf("%+v", own)
	}
}

func TestManyProcessesAreReadByManyThreads(t *testing.T) {
	stats := make(map[int]string)
	for pid := range 5 * perReader { // each third one a child of the one before
		parent := 1
		if pid%3 == 2 {
			parent = 10 + pid - 1
		}
		stats[10+pid] = statLine(10+pid, "p", parent, 10+pid, pid, 1, 1, 2)
	}
	s := write(t, stats, 1)
	for _, files := range []bool{true, false} {
		var wanted []int
		for pid := range 5 * perReader {
			if pid%3 != 2 {
				wanted = append(wanted, 10+pid)
			}
		}
		found, err := s.scan(wanted, files)
		if err != nil || len(found) != len(wanted) {
			t.Fatalf("%d of %d, %v", len(found), len(wanted), err)
		}
		for pid := range 5 * perReader {
			want := Stat{Pid: 10 + pid, Processes: 1, CPU: time.Duration(pid) * 10 * time.Millisecond, RSS: 2 * 4096, Threads: 1, Started: time.Unix(1000, 10e6)}
			if pid%3 == 2 {
				continue
			}
			if pid%3 == 1 && pid+1 < 5*perReader {
				want.Processes, want.RSS, want.Threads = 2, 4*4096, 2
				want.CPU += time.Duration(pid+1) * 10 * time.Millisecond
			}
			got := *found[10+pid]
			if (got.FDs < 0) != !files { // what a directory's size is, its file system says
				t.Fatalf("%d files", got.FDs)
			}
			if got.FDs = 0; got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		}
	}
}

func TestATableThatCannotBeReadIsAnError(t *testing.T) {
	s := &scanner{root: filepath.Join(t.TempDir(), "none"), table: make(map[int]*entry)}
	if _, err := s.scan(nil, true); err == nil || !strings.Contains(err.Error(), "cannot find when the system started") {
		t.Errorf("%v", err)
	}
}

func BenchmarkScan1000(b *testing.B) {
	stats := make(map[int]string)
	var wanted []int
	for pid := range 1000 {
		stats[pid+2] = statLine(pid+2, "p", 1, pid+2, 1, 1, 1, 1)
		wanted = append(wanted, pid+2)
	}
	s := write(b, stats, 4)
	for b.Loop() {
		if _, err := s.scan(wanted, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScanThisSystem(b *testing.B) {
	r := New()
	for b.Loop() {
		if _, err := r.Read([]int{os.Getpid()}); err != nil {
			b.Fatal(err)
		}
	}
}
