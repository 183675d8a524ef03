package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// hangs has the kernel ask for leave at each opening of a file, which is not
// given until release is called, as on a dead network file system.
func hangs(t *testing.T, path string) (release func()) {
	t.Helper()
	return hangsFor(t, path, unix.FAN_OPEN_PERM)
}

// hangsFor is hangs for openings of some kind.
func hangsFor(t *testing.T, path string, mask uint64) (release func()) {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err != nil {
		t.Skipf("no fanotify here (%v): the hung spawn is left to core/child's tests", err)
	}
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD, mask, unix.AT_FDCWD, path); err != nil {
		_ = unix.Close(fd)
		t.Skipf("no fanotify here (%v): the hung spawn is left to core/child's tests", err)
	}
	released := false
	release = func() {
		if !released {
			released = true
			_ = unix.Close(fd) // the kernel then gives leave to all
		}
	}
	t.Cleanup(release)
	return release
}

// A program whose execution hangs hangs alone: others start, also behind it, and it can be stopped.
func TestAnExecutionThatHangsDelaysNoOther(t *testing.T) {
	in := ready(t, baseConf+`
[program:hung]
command=DIR/hung
autostart=false
startsecs=0
stopwaitsecs=1
[program:runs]
command=/bin/cat
startsecs=0
[program:behind]
command=/bin/cat
autostart=false
startsecs=0
`)
	release := hangsFor(t, in.script("hung", "#!/bin/sh\necho >"+in.dir+"/started; exec sleep 1000\n"), unix.FAN_OPEN_EXEC_PERM)
	in.launch()
	in.waitServing()
	in.waitState("runs", "RUNNING")
	go func() { _, _ = in.call("supervisor.startProcess", "hung", false) }()
	in.waitState("hung", "STARTING")
	in.must("supervisor.startProcess", "behind")
	in.waitState("hung", "RUNNING") // a process executes it, and hangs
	in.must("supervisor.sendProcessStdin", "runs", "hello\n")
	in.waitLog("DEBG 'runs' stdout output:\nhello\n")
	for _, name := range []string{"runs", "behind", "hung"} {
		in.must("supervisor.stopProcess", name)
	}
	go func() { _, _ = in.call("supervisor.startProcess", "hung", false) }() // it is known to hang
	in.waitState("hung", "RUNNING")
	in.must("supervisor.startProcess", "behind")
	if in.file("started") != "" {
		t.Error("it was executed before that was permitted")
	}
	release()
	testkit.Until(t, "it is executed after all", func() bool { return in.file("started") != "" })
	if log := in.log(); strings.Count(log, "spawned: 'hung'") != 2 || strings.Contains(log, "reaped unknown pid") {
		t.Errorf("log: %s", tailOf(log, 3000))
	}
}

// TERM ends the daemon though a spawn hangs, before its fork or within, and what hung is not started afterwards either.
func TestAHungSpawnDoesNotKeepTheDaemonFromItsEnd(t *testing.T) {
	for where, c := range map[string]struct {
		mask uint64
		line string
	}{
		"before its fork": {unix.FAN_OPEN_PERM, "WARN the spawn of 'hung' has taken more than 5 seconds"},
		"within":          {unix.FAN_OPEN_EXEC_PERM, "INFO spawned: 'hung'"},
	} {
		t.Run(where, func(t *testing.T) {
			in := ready(t, baseConf+`
[program:hung]
command=DIR/hung
startsecs=0
stopwaitsecs=1
[program:runs]
command=/bin/cat
startsecs=0
`)
			release := hangsFor(t, in.script("hung", "#!/bin/sh\necho >"+in.dir+"/started; exec sleep 1000\n"), c.mask)
			in.launch()
			in.waitServing()
			in.waitLog(c.line)
			in.signal(syscall.SIGTERM)
			in.ended()
			release()
			pause()
			if in.file("started") != "" {
				t.Error("it was started after the end")
			}
			in.nothingLeft()
		})
	}
}

// TERM ends a start that a disk holds up.
func TestTermEndsAStartThatHangs(t *testing.T) {
	in := ready(t, baseConf)
	log := filepath.Join(in.dir, "supervisord.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	release := hangs(t, log)
	defer release()
	in.launch()
	testkit.Until(t, "it takes signals, which it does before it ignores others", func() bool {
		ignored, err := strconv.ParseUint(procStatus(in.cmd.Process.Pid, "SigIgn"), 16, 64)
		return err == nil && ignored&(1<<(syscall.SIGXFSZ-1)) != 0
	})
	in.signal(syscall.SIGTERM)
	if status := in.ended(); status != 1 {
		t.Errorf("status %d", status)
	}
}
