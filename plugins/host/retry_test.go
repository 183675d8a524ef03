package host

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
)

// What is wrong need not be in the configuration: Retry has it tried again at once, without waiting for the back-off or the next minute.
func TestRetryTriesAgainWhatWasRefusedOrFailed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	timing := brisk()
	timing.Reconfigure = time.Hour
	h := newHosted(t, timing, "none")
	h.SetInstance(namespace("other"))
	h.SetInstance(namespace("a", Key{Name: "token_file", Value: secret, File: "s.conf", Line: 9}))
	status := func() (i InstanceStatus) {
		for _, one := range h.status().Instances {
			if one.Name == "a" {
				i = one
			}
		}
		return i
	}
	testkit.Until(t, "it is refused", func() bool { return status().Trouble != "" && !status().Pending })
	h.works("other")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.Retry()
	}
	write("first")
	h.works("a")
	// A file that goes is noticed, and the old value stays in use; one that is back is read.
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	h.Retry()
	testkit.Until(t, "its change is refused", func() bool { return status().Previous && status().Trouble != "" })
	h.works("a")
	write("second")
	testkit.Until(t, "it is taken", func() bool { s := status(); return s.Ready && !s.Previous && s.Trouble == "" && !s.Pending })
	if n := h.status().Restarts; n != 0 {
		t.Errorf("%d restarts", n)
	}
}

// A section whose files have not changed is not made again.
func TestRetryLeavesWhatIsServedAlone(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) Key { return Key{Name: "token_file", Value: filepath.Join(dir, name)} }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("same", "one")
	write("other", "one")
	h := newHosted(t, brisk(), "none")
	var mu sync.Mutex
	made := map[string]int{}
	h.o.Configured = func(_ wire.Kind, name string) {
		mu.Lock()
		defer mu.Unlock()
		made[name]++
	}
	h.SetInstance(namespace("same", file("same")))
	h.SetInstance(namespace("other", file("other")))
	h.works("same")
	h.works("other")
	write("other", "two")
	h.Retry()
	testkit.Until(t, "the change is taken", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return made["other"] == 2 && !h.status().Instances[0].Pending && !h.status().Instances[1].Pending
	})
	mu.Lock()
	defer mu.Unlock()
	if made["same"] != 1 {
		t.Errorf("the other one was made %d times", made["same"])
	}
}

func TestRetryStartsAFatalPlugin(t *testing.T) {
	h := newHosted(t, brisk(), "exits")
	h.SetInstance(namespace("a"))
	h.waitState(Fatal)
	tries := h.status().Restarts
	h.Retry()
	testkit.Until(t, "it was tried again", func() bool { return h.status().Restarts > tries })
	h.waitState(Fatal)
}
