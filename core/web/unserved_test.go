package web

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/rpc"
)

func TestThePageNamesTheFirstSectionsThatAreNotServed(t *testing.T) {
	var instances []rpc.PluginInstance
	for i := range 30 {
		instances = append(instances, rpc.PluginInstance{Section: fmt.Sprint("notifier:", i), Ready: i < 5})
	}
	instances[7].Trouble = "no token"
	all := []rpc.Plugin{{Name: "slack", Trouble: "exit status 1", Instances: instances}, {Name: "starts", Instances: []rpc.PluginInstance{{Section: "logsink:soon"}}}}
	h := &Handler{o: Options{Plugins: func(context.Context) ([]rpc.Plugin, error) { return all, nil }}}
	shown, more := h.unservedNow(t.Context())
	if len(shown) != unservedShown || more != 5 || shown[0] != (unservedSection{Section: "notifier:5", Trouble: "exit status 1"}) || shown[2].Trouble != "no token" {
		t.Errorf("%d more than %v", more, shown)
	}
	if names := h.unserved(t.Context()); len(names) != 26 || names[25] != "[logsink:soon]" {
		t.Errorf("/readyz?plugins names %v", names)
	}
	// One whose change was refused is served, but not as it is configured.
	all = []rpc.Plugin{{Name: "file-json", Instances: []rpc.PluginInstance{{Section: "logsink:json", Ready: true, Previous: true, Trouble: "no such directory"}}}}
	if shown, _ := h.unservedNow(t.Context()); len(shown) != 1 || shown[0].Trouble != "served with its previous settings: no such directory" {
		t.Errorf("of a section with its previous settings: %v", shown)
	}
	if names := h.unserved(t.Context()); len(names) != 1 || names[0] != "[logsink:json] (served with its previous settings)" {
		t.Errorf("/readyz?plugins names %v", names)
	}
	// Nor is one well whose last delivery was given up.
	all = nil
	h.o.Hark.Publisher = &scraped{subs: []core.SubscriberInfo{{Name: "ops", GivenUp: "no such channel"}, {Name: "well"}}}
	h.o.LogSinks = func() []rpc.LogSink {
		return []rpc.LogSink{{Name: "loki", GivenUp: "400"}, {Name: "well", LastError: "503"}}
	}
	if names := h.unserved(t.Context()); len(names) != 2 || names[0] != "[notifier:ops] (its last delivery was given up: no such channel)" ||
		names[1] != "[logsink:loki] (its last delivery was given up: 400)" {
		t.Errorf("/readyz?plugins names %v", names)
	}
	h.o.Hark.Publisher, h.o.LogSinks = nil, nil
	h.o.Plugins = func(context.Context) ([]rpc.Plugin, error) { return nil, errors.New("gone") }
	if shown, more := h.unservedNow(t.Context()); len(shown) != 1 || more != 0 || shown[0].Trouble != "gone" {
		t.Errorf("%d more than %v", more, shown)
	}
	h.o.Plugins = nil
	if shown, more := h.unservedNow(t.Context()); len(shown) != 0 || shown == nil || more != 0 {
		t.Errorf("%d more than %v without plugins", more, shown)
	}
}
