package rpc

import (
	"context"
	"fmt"
	"testing"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/preview"
	"github.com/hark-supervisor/hark/core/process"
)

type fixedPreview struct {
	plans []preview.Group
	err   error
}

func (f fixedPreview) PreviewUpdate(context.Context) ([]preview.Group, error) { return f.plans, f.err }

func TestAPreviewIsToldGroupByGroup(t *testing.T) {
	call := func(f fixedPreview) (any, error) {
		d := NewDispatcher(nil, Hark{Previews: f}.Namespace())
		return d.Call(context.Background(), ReadOnly, "hark.previewUpdate", nil)
	}
	got, err := call(fixedPreview{plans: []preview.Group{{Name: "web", Action: preview.Change,
		Changes:   []config.Change{{Process: "a", Key: "command", From: "x", To: "y"}},
		Processes: []preview.Process{{Name: "a", State: process.Stopped, Fate: preview.FateStart, ComesBack: true}}}}})
	const want = "[[{group web} {action change} {changes [[{process a} {key command} {from x} {to y}]]} " +
		"{processes [[{name a} {statename STOPPED} {fate start} {comes_back true}]]}]]"
	if err != nil || fmt.Sprint(plain(t, got)) != want {
		t.Errorf("%v, %v\nwant %s", plain(t, got), err, want)
	}
	if _, err = call(fixedPreview{err: &core.Error{Kind: core.CantReread, Detail: "line 3"}}); !isFault(err, CantReread) {
		t.Errorf("a broken file: %v", err)
	}
}
