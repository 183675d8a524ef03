package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// The official client for Node.js: make integration plays it.
func TestTheClientOfNpm(t *testing.T) {
	if os.Getenv("HARK_INTEGRATION") == "" {
		t.Skip("make integration installs the client")
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = "npm"
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	client := exec.Command("node", "client.mjs", binary(t, "supervisorctl"), "-c", confPath(d), "mcp")
	client.Dir = "npm"
	out, err := client.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tools, status, _ := strings.Cut(string(out), "\n")
	if !strings.Contains(tools, "tail_log") || strings.Contains(tools, "restart") || !strings.Contains(status, `"namespec":"web"`) {
		t.Errorf("%s", out)
	}
	d.WaitLog("npm-client 1.0.0")
}
