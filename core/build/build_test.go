package build

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestWhatTheLinkerWasToldStands(t *testing.T) {
	recorded := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	if got := (Info{Version: "1", Commit: "abc", Time: "then"}).completed(recorded); got.Commit != "abc" || got.Time != "then" {
		t.Errorf("%+v", got)
	}
}

func TestWhatTheGoCommandRecordedCompletesIt(t *testing.T) {
	recorded := []debug.BuildSetting{
		{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
	}
	got := Info{Version: "1", Commit: unknown, Time: unknown, Go: "go1"}.completed(recorded)
	if want := "hark 1\ncommit 0123456789ab-dirty\nbuilt 2026-01-02T03:04:05Z\nwith go1"; got.String() != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (Info{Commit: unknown}).completed([]debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}); got.Commit != unknown {
		t.Errorf("without a revision: %q", got.Commit)
	}
}

func TestOf(t *testing.T) {
	if got := Of("0.1.0", unknown, unknown); got.Version != "0.1.0" || !strings.HasPrefix(got.Go, "go") {
		t.Errorf("%+v", got)
	}
}
