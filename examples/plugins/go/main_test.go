package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{
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
