package trust

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// sumOf is the hash of a file by way of s, and what would have been read of it.
func sumOf(t *testing.T, s *sums, path string) (sum string, read bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read from
	if sum, err = s.of(f); err != nil {
		t.Fatal(err)
	}
	at, err := f.Seek(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	return sum, at > 0
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatHasNotChangedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	put(t, path, "one")
	var s sums
	first, read := sumOf(t, &s, path)
	if !read {
		t.Fatal("the first time it was not read")
	}
	// As long as it has just changed it is read each time; then once more.
	testkit.Until(t, "it is no longer read each time", func() bool {
		sum, read := sumOf(t, &s, path)
		if sum != first {
			t.Fatalf("%s, then %s", first, sum)
		}
		return !read
	})
	// Another of the same size and with its times put back is another.
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, "two")
	if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	if sum, read := sumOf(t, &s, path); sum == first || !read {
		t.Errorf("after a change: %s, read %v", sum, read)
	}
}

func TestAFileThatHasJustChangedIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	var s sums
	seen := map[string]bool{}
	for i := range 50 { // many within one tick of the kernel's clock
		put(t, path, fmt.Sprintf("%04d", i))
		sum, _ := sumOf(t, &s, path)
		if seen[sum] {
			t.Fatalf("an old hash for content %d", i)
		}
		seen[sum] = true
	}
}

func TestHashesAreRememberedForAFewFilesAndByManyAtOnce(t *testing.T) {
	t.Parallel()
	var s sums
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 5 * maxSums {
				s.remember(stamp{dev: int64(i), ino: int64(j)}, "x")
			}
		})
	}
	all.Wait()
	if len(s.known) == 0 || len(s.known) > maxSums {
		t.Errorf("%d are remembered", len(s.known))
	}
}
