package main

import (
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/plugins/notify"
)

// What the documentation of keys shows as templates are templates over an alert.
func TestExamplesOfTemplatesAreTemplates(t *testing.T) {
	tried := 0
	for _, s := range config.Schema() {
		for _, f := range s.Fields {
			for _, text := range []string{f.Example, f.Sample} {
				if f.Type.Name != "template" || text == "" {
					continue
				}
				tried++
				if err := notify.CheckTemplate(text); err != nil {
					t.Errorf("[%s] %s: %q: %v", s.Name, f.Key, text, err)
				}
			}
		}
	}
	if tried < 2 {
		t.Errorf("%d were tried", tried)
	}
}
