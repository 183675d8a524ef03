package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const helpVariable = "HARK_TEST_HELP"

func TestHelpIsAnsweredAndNoPluginIsSoCalled(t *testing.T) {
	if word := os.Getenv(helpVariable); word != "" {
		os.Args = []string{"supervisor-plugins", word}
		main()
		t.Fatal("it went on")
	}
	for _, word := range []string{"-h", "--help", "help"} {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), helpVariable+"="+word)
		if out, err := cmd.Output(); err != nil || !strings.HasPrefix(string(out), "supervisor-plugins -- ") {
			t.Errorf("%s: %v, %s", word, err, out)
		}
	}
	for _, p := range bundled() {
		if p.Name == "help" {
			t.Error("a plugin is called help")
		}
	}
}
