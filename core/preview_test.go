package core

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/preview"
	"github.com/hark-supervisor/hark/core/process"
)

func TestAPreviewTellsWhatAnUpdateWouldDoAndDoesNothing(t *testing.T) {
	ctx := context.Background()
	r := run(t, program("gone", "/bin/cat"), program("runs", "/bin/cat"), program("byhand", "/bin/cat"), program("never", "/bin/cat", off), program("same", "/bin/cat"))
	for _, name := range []string{"gone", "runs", "byhand"} {
		r.untilState(name, process.Running)
	}
	if err := r.StopProcess(ctx, "byhand", "byhand", true); err != nil {
		t.Fatal(err)
	}
	r.reread = func() (*config.Config, error) { return nil, errors.New("line 3 is broken") }
	if _, err := r.PreviewUpdate(ctx); kindOf(err) != CantReread {
		t.Errorf("a broken file: %v", err)
	}
	nice := func(p *config.Process) { p.StopWait = 3 * time.Second }
	r.reread = func() (*config.Config, error) {
		return &config.Config{Groups: []*config.Group{program("runs", "/bin/cat", nice, off), program("byhand", "/bin/cat", nice), program("never", "/bin/cat", off, nice),
			program("same", "/bin/cat"), program("new", "/bin/cat")}}, nil
	}
	got, err := r.PreviewUpdate(ctx)
	if err != nil || len(got) != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []preview.Group{
		{Name: "gone", Action: preview.Remove, Processes: []preview.Process{{Name: "gone", State: process.Running, Fate: preview.FateStop, ComesBack: false}}},
		{Name: "runs", Action: preview.Change, Processes: []preview.Process{{Name: "runs", State: process.Running, Fate: preview.FateStop, ComesBack: false}}},
		{Name: "byhand", Action: preview.Change, Processes: []preview.Process{{Name: "byhand", State: process.Stopped, Fate: preview.FateStart, ComesBack: true}}},
		{Name: "never", Action: preview.Change, Processes: []preview.Process{{Name: "never", State: process.Stopped, Fate: preview.FateNone, ComesBack: false}}},
		{Name: "new", Action: preview.Add, Processes: []preview.Process{{Name: "new", State: process.Stopped, Fate: preview.FateStart, ComesBack: false}}},
	} {
		if got[i].Name != want.Name || got[i].Action != want.Action || !slices.Equal(got[i].Processes, want.Processes) {
			t.Errorf("%+v, want %+v", got[i], want)
		}
		if (len(got[i].Changes) > 0) != (want.Action != preview.Remove) {
			t.Errorf("%s: changes %v", want.Name, got[i].Changes)
		}
	}
	if err := r.AddGroup(ctx, "new"); kindOf(err) != BadName {
		t.Errorf("the preview was taken up: %v", err)
	}
}
