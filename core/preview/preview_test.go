package preview

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// group has one process for each letter of names; an upper-case one has autostart.
func group(name, names string, wait time.Duration) *config.Group {
	g := &config.Group{Name: name, Priority: 999}
	for _, r := range names {
		g.Processes = append(g.Processes, &config.Process{Name: string(r | 0x20), AutoStart: r < 'a', StopWait: wait, Command: config.ParseCommand("/bin/cat")})
	}
	return g
}

func TestWhatAnUpdateMakesOfEachProcess(t *testing.T) {
	before := group("web", "abcdefgh", time.Second)
	active := []Active{{Conf: before, Processes: []Present{
		{Name: "a", State: process.Running, Started: true},
		{Name: "b", State: process.Running, Started: true},
		{Name: "c", State: process.Exited, Respawning: true, Started: true},
		{Name: "d", State: process.Stopped, Started: true},
		{Name: "e", State: process.Stopped},
		{Name: "f", State: process.Fatal, Started: true},
		{Name: "g", State: process.Stopping, Started: true},
		{Name: "h", State: process.Running, Started: true},
	}}}
	got := Of(active, &config.Config{}, &config.Config{Groups: []*config.Group{group("web", "AbCDEfGIj", 2*time.Second)}}, Sections{})
	if len(got) != 1 || got[0].Name != "web" || got[0].Action != Change || len(got[0].Changes) == 0 {
		t.Fatalf("%+v", got)
	}
	var said []string
	for _, p := range got[0].Processes {
		text := fmt.Sprintf("%s %v %s", p.Name, p.State, p.Fate)
		if p.ComesBack {
			text += " again"
		}
		said = append(said, text)
	}
	want := []string{
		"a RUNNING restart", "b RUNNING stop", "c EXITED restart", "d STOPPED start again", "e STOPPED start", "f FATAL none",
		"g STOPPING restart", "h RUNNING stop", "i STOPPED start", "j STOPPED none",
	}
	if !slices.Equal(said, want) {
		t.Errorf("%q\nnot %q", said, want)
	}
}

func TestSectionsFollowTheGroupsInTheOrderOfAnUpdate(t *testing.T) {
	active := []Active{{Conf: group("gone", "a", 0)}, {Conf: group("changed", "a", 0)}, {Conf: group("same", "a", 0)}}
	fresh := &config.Config{Groups: []*config.Group{group("new", "a", 0), group("changed", "b", 0), group("same", "a", 0)}}
	fresh.Startup = []config.StartupSetting{{Section: "supervisord", Key: "identifier"}}
	got := Of(active, &config.Config{}, fresh, Sections{
		Added: []string{"notifier:new"}, Changed: []string{"notifier:changed"}, Removed: []string{"notifier:gone"},
		Why: func(name string) []config.Change { return []config.Change{{Key: "of " + name}} },
	})
	var said []string
	for _, p := range got {
		said = append(said, p.Action+" "+p.Name)
		if p.Name == "notifier:changed" && (len(p.Changes) != 1 || p.Changes[0].Key != "of notifier:changed") {
			t.Errorf("%+v", p)
		}
	}
	want := []string{
		"remove gone", "change changed", "add new", "remove notifier:gone", "change notifier:changed", "add notifier:new", "reload supervisord",
	}
	if !slices.Equal(said, want) {
		t.Errorf("%q\nnot %q", said, want)
	}
}
