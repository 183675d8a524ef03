//go:build !solaris

package held

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestADraftOfAPipeIsWrittenToIt(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	ok(t, syscall.Mkfifo(fifo, 0o600))
	reader, err := os.OpenFile(fifo, os.O_RDWR, 0)
	ok(t, err)
	defer reader.Close() //nolint:errcheck // only read from
	d, err := NewDraft(fifo, []byte("7\n"), 0o644)
	ok(t, err)
	ok(t, d.Publish())
	d.Remove()
	buf := make([]byte, 10)
	if n, err := reader.Read(buf); string(buf[:n]) != "7\n" || err != nil {
		t.Errorf("the pipe got %q, %v", buf[:n], err)
	}
	if info, err := os.Lstat(fifo); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe is %v, %v", info, err)
	}
}
