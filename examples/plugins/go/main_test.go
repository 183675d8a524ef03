package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// The guide shows this program.
func TestTheGuideHasThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(guide), "```go\n"+string(program)+"```\n") {
		t.Error("docs/plugins.md has another program than main.go")
	}
}

func TestConformance(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	p := sdk.Plugin{Name: "shout", Version: "1.0.0", Doc: "Shouts.", Kinds: []sdk.Kind{
		sdk.NotifierOf(Config{Loud: true}, func(_ context.Context, c Config, _ sdk.Instance) (sdk.Notifier, error) { return &Shout{c}, nil }),
	}}
	sdktest.TestNotifier(t, p, sdktest.NotifierOptions{
		Options: sdktest.Options{Values: map[string]string{"file": file}},
		Delivered: func(t *testing.T, n int) {
			got, err := os.ReadFile(file)
			if err != nil && n > 0 {
				t.Fatal(err)
			}
			_ = os.Remove(file)
			if lines := strings.Count(string(got), "\n"); lines != n || n == 1 && string(got) != "WEB:WEB_00 EXITED UNEXPECTEDLY!\n" {
				t.Errorf("it shouted %d times: %q", lines, got)
			}
		},
	})
}
