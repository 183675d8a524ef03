package settle

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestOnlyWhatIsTheFilesIsGivenBack(t *testing.T) {
	const smaps = `00400000-00b6a000 r-xp 00000000 fe:00 9996463                            /opt/a b/plugins
Rss:                6748 kB
Anonymous:             0 kB
00b6a000-01421000 r--p 0076a000 fe:00 9996463                            /opt/a b/plugins
Anonymous:             4 kB
01421000-014ba000 rw-p 01021000 fe:00 9996463                            /opt/a b/plugins
Anonymous:             0 kB
014ba000-03501000 rw-p 00000000 00:00 0 
Anonymous:             0 kB
7f00b6a000-7f01421000 r--p 0076a000 fe:00 9996463                            /lib/other
Anonymous:             0 kB
Swap:                  0 kB
7f01421000-7f01422000 r--p 00000000 fe:00 9996463                            /opt/a b/plugins
Anonymous:             0 kB
Swap:                  4 kB
SwapPss:               4 kB
`
	var found []mapping
	for line := range strings.SplitSeq(smaps, "\n") {
		found = addLine(found, line, "/opt/a b/plugins")
	}
	want := []mapping{{0x400000, 0xb6a000, true, true}, {0xb6a000, 0x1421000, true, false}, {0x1421000, 0x14ba000, false, true},
		{0x14ba000, 0x3501000, false, true}, {0x7f00b6a000, 0x7f01421000, false, true}, {0x7f01421000, 0x7f01422000, true, false}}
	if !slices.Equal(found, want) {
		t.Errorf("got %+v", found)
	}
	before := filePages(t)
	giveBack() // this process goes on
	if after := filePages(t); after >= before {
		t.Errorf("%d kB of files before, %d after", before, after)
	}
	if faults() == 0 {
		t.Error("no page fault is counted")
	}
}

// filePages is how much of files the process has in memory, in kilobytes.
func filePages(t *testing.T) (kb int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssFile:"); ok {
			if kb, err = strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB"))); err != nil {
				t.Fatal(err)
			}
			return kb
		}
	}
	t.Fatal("no RssFile")
	return 0
}

// A file of another machine is left alone: it may not be there when a page of it is needed.
func TestWhatIsNotHereIsLeftAlone(t *testing.T) {
	for path, want := range map[string]bool{"/proc/self/exe": false, "/proc/nosuch": true} {
		if got := isRemote(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
