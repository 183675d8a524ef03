package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
)

// ticks are the clock ticks, of which a second has 100, that a process has used; 0 where that is not known.
func ticks(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}

// pluginOf is the process of the plugin that a daemon runs; 0 where it is not found.
func pluginOf(daemon int) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, _ := os.ReadFile(file)
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest[1:], fmt.Sprintf(" %d ", daemon)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), "nats") && !strings.Contains(string(line), "talker") {
				return pid
			}
		}
	}
	return 0
}

// BenchmarkFleet is events, or lines, of a program on their way through a real supervisord and its plugin into the stream of a server of its own process,
// all acknowledged by it. A turn is one of them.
//
//	go test -run '^$' -bench Fleet -benchtime 200000x ./cmd/supervisor-listeners
func BenchmarkFleet(b *testing.B) {
	for _, c := range []struct{ name, subject, from, to string }{
		{"events/spool", "hark.events.>", "", ""},
		{"events/memory", "hark.events.>", "group_max=GROUP\noverflow=spool", "group_max=GROUP\nbuffer_size=1000000"},
		{"events/group_max=100", "hark.events.>", "group_max=GROUP", "group_max=100"},
		{"lines/spool", "hark.logs.>", "", ""},
		{"lines/block", "hark.logs.>", "programs=*\nservers=SERVER\noverflow=spool", "programs=*\nservers=SERVER\noverflow=block"},
	} {
		b.Run(c.name, func(b *testing.B) {
			conf := strings.Replace(fleetConf, c.from, c.to, 1)
			if strings.HasPrefix(c.name, "events") {
				conf = strings.Replace(conf, "programs=*", "programs=nothing", 1)
			} else {
				conf = strings.Replace(conf, "events=PROCESS_COMMUNICATION", "events=PROCESS_STATE_FATAL", 1)
			}
			server, url := serverProcess(b)
			m := startMachine(b, conf, b.N, 500, url)
			conn, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			js, err := jetstream.New(conn)
			if err != nil {
				b.Fatal(err)
			}
			daemon, plugin := m.Cmd.Process.Pid, 0
			for end := time.Now().Add(time.Minute); plugin == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				plugin = pluginOf(daemon)
			}
			used := func() [3]int { return [3]int{ticks(daemon), ticks(plugin), ticks(server)} }
			before := used()
			b.ResetTimer()
			m.start("before")
			for end := time.Now().Add(3 * time.Minute); countSubject(js, c.subject) < b.N; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					b.Fatalf("%d of %d\n%s", countSubject(js, c.subject), b.N, m.Log())
				}
			}
			b.StopTimer()
			after := used()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "/s")
			for i, who := range []string{"daemon", "plugin", "server"} {
				b.ReportMetric(float64(after[i]-before[i])*1e4/float64(b.N), who+"-CPU-µs")
			}
			if n := countSubject(js, c.subject); n != b.N {
				b.Errorf("%d messages", n)
			}
		})
	}
}

// serverProcess starts a server of NATS as a process, until the benchmark ends.
func serverProcess(b *testing.B) (pid int, url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", natstest.Process, port, b.TempDir()))
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid, fmt.Sprintf("nats://127.0.0.1:%d", port)
}
