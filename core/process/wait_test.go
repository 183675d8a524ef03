package process

import (
	"syscall"
	"testing"
)

func TestWaitMessageUsesSupervisorsWords(t *testing.T) {
	tests := []struct {
		name string
		in   Reaped
		want string
	}{
		{"a plain exit", Reaped{Code: 0}, "exit status 0"},
		{"a failure", Reaped{Code: 127}, "exit status 127"},
		{"a kill", Reaped{Code: -1, Signal: syscall.SIGKILL}, "terminated by SIGKILL"},
		{"a crash", Reaped{Code: -1, Signal: syscall.SIGSEGV, CoreDump: true}, "terminated by SIGSEGV (core dumped)"},
		{"a nameless signal", Reaped{Code: -1, Signal: 120}, "terminated by signal 120"},
		{"neither", Reaped{Code: -1}, "unknown termination cause 0xffff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := WaitMessage(tt.in.Code, tt.in.Signal, tt.in.CoreDump); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStatesHaveSupervisorsNames(t *testing.T) {
	for s, want := range map[State]string{
		Stopped: "STOPPED", Starting: "STARTING", Running: "RUNNING", Backoff: "BACKOFF", Stopping: "STOPPING",
		Exited: "EXITED", Fatal: "FATAL", Unknown: "UNKNOWN", 7: "State(7)",
	} {
		if got := s.String(); got != want {
			t.Errorf("State(%d) is %q, want %q", int(s), got, want)
		}
	}
}
