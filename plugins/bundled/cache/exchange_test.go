package cache

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core/held/heldtest"
)

// Whatever another user exchanges above the file meanwhile, root reads, replaces and sets aside nothing of its own there.
func TestACacheInAnotherUsersDirectoryGivesNothingAway(t *testing.T) {
	heldtest.Exchange(t, "x", 200, func(path string) {
		_ = os.Mkdir(path, 0o755) // which is exchanged with all that is in it
		defer os.RemoveAll(path)  //nolint:errcheck // as far as it is there
		c := defaults()
		c.File = filepath.Join(path, "cache")
		all := none()
		s, err := all.claim("x", &c, hclog.NewNullLogger())
		if err != nil {
			return
		}
		if keys := s.keys(); len(keys) > 0 && !slices.Equal(keys, []string{"key"}) {
			t.Fatalf("it has read %v", keys)
		}
		n := &namespace{s, all, "x"}
		if _, err := n.Call(context.Background(), "store", []any{"key", "value"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = all.leave(ctx, "x", s)
	})
}
