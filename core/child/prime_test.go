package child

import (
	"debug/elf"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
)

// The loader is what debug/elf finds, in a program, in a script's interpreter, and not in what is neither.
func TestTheLoaderOfAProgramIsFound(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/bin/sh", "/bin/cat", "/usr/bin/env", self} {
		want := ""
		if f, err := elf.Open(name); err == nil {
			for _, p := range f.Progs {
				if p.Type == elf.PT_INTERP {
					b, err := io.ReadAll(p.Open())
					if err != nil {
						t.Fatal(err)
					}
					want = strings.TrimRight(string(b), "\x00")
				}
			}
			_ = f.Close()
		} else if runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		if got := loaderOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{file(t, "script", "#!/bin/sh\n", 0o755), "/no/such/file", "/dev/null", t.TempDir()} {
		if got := loaderOf(name); got != "" {
			t.Errorf("%s has %q", name, got)
		}
	}
}

func FuzzLoaderName(f *testing.F) {
	if head, err := os.ReadFile("/bin/sh"); err == nil {
		f.Add(head[:min(len(head), 4096)])
	}
	f.Add([]byte("\x7fELF\x01\x02" + strings.Repeat("\x00", 60)))
	f.Fuzz(func(t *testing.T, head []byte) {
		if _, size := loaderName(head); size < 0 || size > pathMax {
			t.Errorf("%d bytes", size)
		}
	})
}
