package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// shipped builds the program as it is shipped.
func shipped(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "supervisor-plugins")
	build := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// mostMemory is how much a plugin may take when it has settled, while all of them run, in kilobytes (PSS).
const mostMemory = 8 << 10

// TestMemory reports what each plugin takes while all of them run, and fails where one does not settle.
func TestMemory(t *testing.T) {
	binary := shipped(t)
	address, _ := startReceiver(t)
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	running := map[string]*plugintest.Process{}
	for plugin, values := range map[string]map[string]string{
		"slack": {"webhook_url": address}, "webhook": {"url": address}, "email": {"to": "x@example.com", "server": "127.0.0.1:1"}, "syslog": {"address": "udp://127.0.0.1:9"},
		"nats":     {"servers": natstest.Start(t, nil).URL(), "create_stream": "true"},
		"journald": {"socket": "/nonexistent/socket"}, "otlp": {"url": address}, "otlp by grpc": {"url": address, "protocol": "grpc"},
		"shoutrrr": {"url": "generic+" + address},
	} {
		begun := time.Now()
		p := plugintest.Start(t, exec.Command(binary, strings.Fields(plugin)[0]))
		if _, err := p.Describe(ctx); err != nil {
			t.Fatal(err)
		}
		t.Logf("%-12s ready after %v", plugin, time.Since(begun))
		if _, err := p.Configure(ctx, wire.Notifier, "x", values, sdk.Daemon{}, ""); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			_ = p.Notifier("x").Notify(ctx, sdktest.Sample(5))
		}
		running[plugin] = p
	}
	tell := func(when string) {
		for plugin, p := range running {
			all, anon := pss(t, p.PID())
			t.Logf("%s: %-12s PSS %d kB, of it %d kB of its own", when, plugin, all, anon)
		}
	}
	tell("at once")
	settled := func() bool {
		for _, p := range running {
			if all, _ := pss(t, p.PID()); all > mostMemory {
				return false
			}
		}
		return true
	}
	testkit.Await(t, settled, func() string {
		tell("in the end")
		return fmt.Sprintf("none takes more than %d kB", mostMemory)
	})
	tell("settled")
	for _, p := range running {
		for range 20 {
			_ = p.Notifier("x").Notify(ctx, sdktest.Sample(5))
		}
	}
	tell("after 20 more notifications")
}

func pss(t *testing.T, pid int) (all, anon int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) int {
		n, _ := strconv.Atoi(regexp.MustCompile("(?m)^" + name + ": +([0-9]+)").FindStringSubmatch(string(b))[1])
		return n
	}
	return field("Pss"), field("Pss_Anon")
}
