package background

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What the daemon says until it serves reaches the command that waits, and then the status.
func TestTheCommandThatWaitsLearnsHowTheStartWent(t *testing.T) {
	for _, status := range []int{0, 2} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Dup(int(write.Fd())) // which the reporter closes
		if err != nil {
			t.Fatal(err)
		}
		if err := write.Close(); err != nil {
			t.Fatal(err)
		}
		t.Setenv(ReadyVariable, strconv.Itoa(fd))
		r := NewReporter()
		if _, there := os.LookupEnv(ReadyVariable); there || !r.Daemonized() {
			t.Error("children would see the variable, or it is not noticed")
		}
		r.Say("status of a program: not served")
		if _, err := io.WriteString(r.Stderr(), "Error: no\n"); err != nil {
			t.Error(err)
		}
		r.Done(status)
		r.Say("too late")
		r.Done(1)
		got, text := readiness(read)
		if got != status || text != "status of a program: not served\nError: no\n" || r.Daemonized() {
			t.Errorf("status %d, %q", got, text)
		}
		_ = read.Close()
	}
}

func TestADaemonThatEndsWithoutAWord(t *testing.T) {
	for _, said := range []string{"", "Error: no\n", "status ", "status x\n"} {
		if status, text := readiness(strings.NewReader(said)); status != -1 || text != said {
			t.Errorf("%q: status %d, %q", said, status, text)
		}
	}
}

func TestAReporterInTheForegroundReportsNothing(t *testing.T) {
	t.Setenv(ReadyVariable, "")
	r := NewReporter()
	if r.Daemonized() || r.Stderr() != io.Writer(os.Stderr) {
		t.Error("it is in the background")
	}
	r.Done(0)
}
