package main

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestTheBuildInfoTellsVersionCommitAndGo(t *testing.T) {
	var out strings.Builder
	if status := command([]string{"supervisord", "--build-info"}, &out, io.Discard); status != 0 {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{"hark " + version + "\n", "\ncommit ", "\nbuilt ", "\nwith " + runtime.Version() + "\n", "\ncompatible with supervisor 4.4.0\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in %q", want, out.String())
		}
	}
}
