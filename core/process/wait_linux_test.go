package process

import (
	"strconv"
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
	numbers := make([]string, 66)
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	var want []string
	python(t, `
import json, signal, sys
names = {}
for k, v in vars(signal).items():
    if k.startswith("SIG") and not k.startswith("SIG_"):
        names[v] = k
json.dump([names.get(int(n), "signal " + n) for n in json.load(sys.stdin)], sys.stdout)
`, numbers, &want)
	for i := range numbers {
		if i == int(syscall.SIGSTKFLT) {
			continue // unnamed before Python 3.11
		}
		if got := SignalName(syscall.Signal(i)); got != want[i] {
			t.Errorf("signal %d is %q, Python: %q", i, got, want[i])
		}
	}
}
