package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

func TestMoreServersThanGoSideBySideAreRefusedForWhatGoesOn(t *testing.T) {
	t.Parallel()
	var args []string
	for range fleetAtOnce + 1 {
		args = append(args, "-s", "unix:///nonexistent/hark")
	}
	for _, line := range [][]string{{"events"}, {"tail", "-f", "cat"}, {"maintail", "-f"}} {
		out, _, status := ctl(t, "", append(args[:len(args):len(args)], line...)...)
		if status != exitInvalidArgs || !strings.Contains(out, "works on 32 servers at most; there are 33") {
			t.Errorf("%v: status %d, %s", line, status, out)
		}
	}
	if out, _, _ := ctl(t, "", append(args, "maintail")...); strings.Contains(out, "at most") {
		t.Errorf("what ends is refused: %s", out)
	}
}

func TestPrefixedLinesAreBoundedAndTheLastIsNotLost(t *testing.T) {
	var out bytes.Buffer
	w := &prefixWriter{mu: new(sync.Mutex), to: &out, prefix: "a: "}
	write := func(s string) {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	write("one\ntw")
	write("o\n")
	long := strings.Repeat("x", maxPrefixed)
	write(long + "rest")
	if len(w.rest) != len("rest") {
		t.Errorf("%d bytes are kept", len(w.rest))
	}
	w.flush()
	w.flush()
	if want := "a: one\na: two\na: " + long + "\na: rest\n"; out.String() != want {
		t.Errorf("%d bytes, want %d", out.Len(), len(want))
	}
}
