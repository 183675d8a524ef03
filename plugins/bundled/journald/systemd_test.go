//go:build linux

package journald

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

const systemdJournald = "/lib/systemd/systemd-journald"

// startJournald starts systemd's own in a mount namespace, where /run and /var/log are directories of this test.
func startJournald(t *testing.T) (socket, dir string) {
	t.Helper()
	if _, err := os.Stat(systemdJournald); err != nil {
		t.Skipf("there is no %s: make test installs it", systemdJournald)
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("no mount namespace can be made (it takes root): %v: %s", err, out)
	}
	dir = filepath.Dir(socketPath(t))
	for _, sub := range []string{"run/systemd", "log/journal"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$0/run" /run && mount --bind "$0/log" /var/log && exec "$1" hark`, dir, systemdJournald)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "SYSTEMD_LOG_TARGET=console")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Log(said.String())
		}
	})
	socket = filepath.Join(dir, "run/systemd/journal.hark/socket")
	testkit.Await(t, func() bool {
		select {
		case <-exited:
			t.Fatalf("journald has ended: %s", &said)
		default:
		}
		_, err := os.Stat(socket)
		return err == nil
	}, func() string { return "journald has no socket" })
	return socket, filepath.Join(dir, "log/journal")
}

// journalctl reads entries back, oldest first.
func journalctl(t *testing.T, dir string, match ...string) []map[string]any {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(dir, "*.hark"))
	if len(found) == 0 {
		return nil
	}
	args := append([]string{"--no-pager", "--all", "--quiet", "-o", "json", "-D", found[0]}, match...)
	out, err := exec.Command("journalctl", args...).Output()
	if err != nil {
		t.Logf("journalctl: %v", err) // before the file is whole
		return nil
	}
	var all []map[string]any
	for in := bufio.NewReader(bytes.NewReader(out)); ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return all
		}
		var entry map[string]any
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatalf("%v: %.200q", err, line)
		}
		all = append(all, entry)
	}
}

func TestSystemdReadsIt(t *testing.T) {
	socket, dir := startJournald(t)
	s := openSink(t, socket, func(c *sinkConfig) {
		c.MaxLine, c.Fields = 1<<20, map[string]string{"DEPLOYMENT": "prod", "NOTE": "two\nlines"}
	})
	long := strings.Repeat("0123456789abcdef", 60000)
	b := (&output{}).batch("a line\n" + long + "\nbytes \xff\x01\n")
	b.Records = append(b.Records, b.Records[0])
	b.Records[1].Channel, b.Records[1].Data = "stderr", []byte("an error\n")
	b.Records[1].Pid = os.Getpid()
	write(t, s, b)

	var got []map[string]any
	testkit.Await(t, func() bool { got = journalctl(t, dir, "HARK_GROUP=web"); return len(got) >= 4 }, func() string { return fmt.Sprintf("%d entries", len(got)) })
	if len(got) > 4 {
		t.Fatalf("%d entries", len(got))
	}
	for name, want := range map[string]any{
		"MESSAGE": "a line", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "web_00", "HARK_PROCESS": "web_00", "HARK_CHANNEL": "stdout", "HARK_IDENTIFIER": "supervisor",
		"OBJECT_PID": "12", "HARK_TIMESTAMP": "1700000000123456", "DEPLOYMENT": "prod", "NOTE": "two\nlines", "_TRANSPORT": "journal", "_PID": fmt.Sprint(os.Getpid()),
	} {
		if got[0][name] != want {
			t.Errorf("%s is %v, want %v", name, got[0][name], want)
		}
	}
	if got[1]["MESSAGE"] != long {
		t.Errorf("the large entry is %.100v", got[1]["MESSAGE"])
	}
	if fmt.Sprint(got[2]["MESSAGE"]) != fmt.Sprint([]int{'b', 'y', 't', 'e', 's', ' ', 0xff, 1}) { // journalctl shows what is not text as numbers
		t.Errorf("the bytes are %v", got[2]["MESSAGE"])
	}
	if got[3]["PRIORITY"] != "3" || got[3]["OBJECT_COMM"] == nil {
		t.Errorf("journald tells nothing of the process: %v", got[3])
	}
	if errs := journalctl(t, dir, "-p", "err", "-t", "web_00"); len(errs) != 1 || errs[0]["MESSAGE"] != "an error" {
		t.Errorf("journalctl -p err -t web_00: %v", errs)
	}
}
