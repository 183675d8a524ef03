//go:build linux

package filejson

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
)

func openSink(t *testing.T, path string) *lines.Feed {
	t.Helper()
	c := sinkDefaults()
	c.Path, c.Idle = path, time.Hour
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := newSink(c, sdk.Instance{Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func output(text string) *sdk.LogBatch {
	return &sdk.LogBatch{Seq: 1, Records: []sdk.LogRecord{{Process: "p", Channel: "stdout", Time: start(), Data: []byte(text)}}}
}

// A batch that does not fit on the disk leaves nothing there, and is there once when there is room.
func TestADiskThatFills(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no small disk can be made (it takes root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	path, filler := filepath.Join(dir, "out"), filepath.Join(dir, "filler")
	s := openSink(t, path)
	if err := s.Write(context.Background(), output("before\n")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filler, make([]byte, 48<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	b := output(strings.Repeat(strings.Repeat("x", 99)+"\n", 100))
	b.Seq = 2
	for range 3 {
		if err := s.Write(context.Background(), b); !errors.Is(err, syscall.ENOSPC) || sdk.IsFinal(err) || s.Health() == nil {
			t.Errorf("%v", err)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, before) {
			t.Errorf("%d bytes are left", len(now)-len(before))
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(context.Background(), b); err != nil || s.Health() != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(path); bytes.Count(now, []byte("\n")) != 101 {
		t.Errorf("%d lines", bytes.Count(now, []byte("\n")))
	}
	_ = s.Close(context.Background()) // before its disk goes
}

// Another process that keeps its lock on the file hinders neither another section nor the end of this one.
func TestAFileThatAnotherKeepsLocked(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	s := openSink(t, path)
	c := notifierConfig{defaultPlace()}
	c.Path = path
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := newNotifier(c, sdk.Instance{Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background()) //nolint:errcheck // a test
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // a test
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := n.Notify(ctx, sdktest.Sample(1)); !errors.Is(err, context.DeadlineExceeded) || sdk.IsFinal(err) || n.Health() == nil {
		t.Errorf("it keeps no deadline: %v", err)
	}
	written := make(chan error, 1)
	go func() { written <- s.Write(context.Background(), output("one\n")) }()
	if err := openSink(t, filepath.Join(dir, "other")).Write(context.Background(), output("goes on\n")); err != nil {
		t.Error(err)
	}
	select {
	case err := <-written:
		t.Errorf("it is written in spite of the lock (%v)", err)
	default:
	}
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); bytes.Count(b, []byte("\n")) != 1 {
		t.Errorf("%q", b)
	}
}
