package filejson

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core/held/heldtest"
)

// Whatever another user exchanges above the file meanwhile, root writes to, moves and removes nothing of its own there.
func TestAFileInAnotherUsersDirectoryGivesNothingAway(t *testing.T) {
	heldtest.Exchange(t, "x", 200, func(path string) {
		_ = os.Mkdir(path, 0o755) // which is exchanged with all that is in it
		defer os.RemoveAll(path)  //nolint:errcheck // as far as it is there
		p := defaultPlace()
		p.Path, p.Compress, p.Backups = filepath.Join(path, "out.jsonl"), "gzip", 1
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		f, err := newFile(p, hclog.NewNullLogger())
		if err != nil {
			return
		}
		defer f.end()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for range 3 {
			if f.write(ctx, []byte("a line\n")) == nil && f.f != nil {
				_ = f.rotate()
			}
		}
	})
}
