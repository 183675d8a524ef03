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

func TestAHungSpawnDelaysNothingButSpawns(t *testing.T) {
	in := ready(t, baseConf+`
[program:hung]
command=DIR/hung
autostart=false
startsecs=0
[program:runs]
command=/bin/cat
startsecs=0
[program:behind]
command=/bin/cat
autostart=false
startsecs=0
`)
	// It hangs in its fork, which is one for all; a preparation that hangs holds up nobody.
	release := hangsFor(t, in.script("hung", "#!/bin/sh\nexec sleep 1000\n"), unix.FAN_OPEN_EXEC_PERM)
	in.launch()
	in.waitServing()
	in.waitState("runs", "RUNNING")
	in.must("supervisor.startProcess", "hung", false) // comes back when the spawn is called slow
	in.waitLog("WARN the spawn of 'hung' has taken more than 5 seconds")
	if state := in.state("hung"); state != "STARTING" {
		t.Errorf("it is %s", state)
	}
	// All but spawns go on.
	in.must("supervisor.sendProcessStdin", "runs", "hello\n")
	in.waitLog("DEBG 'runs' stdout output:\nhello\n")
	in.must("supervisor.stopProcess", "runs")
	go func() { _, _ = in.call("supervisor.startProcess", "behind", false) }()
	in.waitState("behind", "STARTING")
	in.must("supervisor.stopProcess", "behind") // its spawn had not begun
	in.must("supervisor.stopProcess", "hung", false)
	if state := in.state("hung"); state != "STOPPING" {
		t.Errorf("after the stop it is %s", state)
	}
	release()
	in.waitState("hung", "STOPPED")
	if strings.Contains(in.log(), "spawned: 'behind'") {
		t.Error("what was stopped before its turn was spawned")
	}
	in.must("supervisor.startProcess", "behind")
}

// TERM ends the daemon though a spawn hangs, before its fork or within, and what hung is not started afterwards either.
func TestAHungSpawnDoesNotKeepTheDaemonFromItsEnd(t *testing.T) {
	for where, mask := range map[string]uint64{"before its fork": unix.FAN_OPEN_PERM, "within": unix.FAN_OPEN_EXEC_PERM} {
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
			release := hangsFor(t, in.script("hung", "#!/bin/sh\necho >"+in.dir+"/started; exec sleep 1000\n"), mask)
			in.launch()
			in.waitServing()
			in.waitLog("WARN the spawn of 'hung' has taken more than 5 seconds")
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
