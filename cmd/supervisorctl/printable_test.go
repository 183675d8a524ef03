package main

import (
	"strings"
	"testing"
)

func TestAnEventDoesNotDriveTheTerminal(t *testing.T) {
	line := happening(`{"eventname":"PROCESS_COMMUNICATION_STDOUT","time":"2026-01-02T03:04:05.678Z","processname":"a\u001b[2J","groupname":"a\u001b[2J","pid":7,"data":"\u001b]0;x\u0007\u009b2J"}`).text
	for _, r := range line {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			t.Fatalf("%q holds %U", line, r)
		}
	}
	for _, part := range []string{`a\x1b[2J says: `, `\x1b]0;x\a`} {
		if !strings.Contains(line, part) {
			t.Errorf("%q lacks %s", line, part)
		}
	}
	if line := happening("{\x1b").text; strings.ContainsRune(line, 0x1b) {
		t.Errorf("what is not an event is passed on: %q", line)
	}
	if got := printable("Grüße 世"); got != "Grüße 世" {
		t.Errorf("got %q", got)
	}
}

func TestWhatATerminalObeysIsWrittenOut(t *testing.T) {
	for r := rune(0); r < 0x3000; r++ {
		control := r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f
		if got := printable("a" + string(r)); control && strings.ContainsRune(got, r) {
			t.Errorf("%U is passed on", r)
		}
	}
	if got := printable("a\xff\x9b"); got != `a\xff\x9b` {
		t.Errorf("invalid UTF-8: %q", got)
	}
}
