package process

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The raw statuses are Linux's.
func TestReapedByReadsRawStatuses(t *testing.T) {
	tests := []struct {
		name string
		raw  syscall.WaitStatus
		want Reaped
	}{
		{"exit 0", 0, Reaped{}},
		{"exit 3", 3 << 8, Reaped{Code: 3}},
		{"exit 255", 255 << 8, Reaped{Code: 255}},
		{"SIGTERM", 15, Reaped{Code: -1, Signal: syscall.SIGTERM}},
		{"SIGABRT and a core", 6 | 0x80, Reaped{Code: -1, Signal: syscall.SIGABRT, CoreDump: true}},
		{"stopped", 0x137f, Reaped{Code: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ReapedBy(tt.raw); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSignalNamesAreThoseOfSupervisor(t *testing.T) {
	const script = `
import signal
names = {}
for k, v in vars(signal).items():
    if k.startswith("SIG") and not k.startswith("SIG_"):
        names[v] = k
for n in range(66):
    print(names.get(n, "signal %d" % n))
`
	out, err := exec.Command("/usr/bin/python3", "-c", script).Output()
	if err != nil {
		t.Fatalf("%v; make test installs what the tests need", err)
	}
	want := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i := range want {
		if i == int(syscall.SIGSTKFLT) {
			continue // unnamed before Python 3.11
		}
		if got := SignalName(syscall.Signal(i)); got != want[i] {
			t.Errorf("signal %d is %q, Python: %q", i, got, want[i])
		}
	}
}
