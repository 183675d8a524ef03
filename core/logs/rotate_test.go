package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Who else writes to a log is noticed after 64 KB, and who empties it is, too: nothing is rotated that is not full.
func TestALogThatOthersChangeIsRotatedByItsRealSize(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	const line, most = "one of many lines\n", 1 << 20
	f := open(t, name, Options{MaxBytes: most, Backups: 1})
	write(t, f, line)
	other, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // it was written
	if _, err := other.Write(bytes.Repeat([]byte{'x'}, most)); err != nil {
		t.Fatal(err)
	}
	own := 0
	for ; f.Rotations() == 0 && own <= 2*askEvery; own += len(line) {
		write(t, f, line)
	}
	if own > askEvery+len(line) {
		t.Errorf("rotated after %d bytes", own)
	}
	for n := 0; n < most-2*askEvery; n += len(line) {
		write(t, f, line)
	}
	if err := os.Truncate(name, 0); err != nil { // as logrotate's copytruncate
		t.Fatal(err)
	}
	for n := 0; n < most-2*askEvery; n += len(line) {
		write(t, f, line)
	}
	if n := f.Rotations(); n != 1 {
		t.Errorf("%d rotations", n)
	}
}
