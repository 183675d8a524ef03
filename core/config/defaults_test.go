package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The default that the sample, the reference and config show print of a key is what the key has where it is not written: to write it changes nothing.
func TestTheDefaultsThatArePrintedAreReal(t *testing.T) {
	others := []string{"supervisorctl", "ctlplugin:x", "fleet:x", "include"} // which supervisord does not read, or not keep
	tried := 0
	for _, s := range Schema() {
		if slices.Contains(others, s.Name) {
			continue
		}
		for _, f := range s.Fields {
			if f.Default == "" {
				continue
			}
			switch { // its section's other keys hide it, or it is two settings of which the default is one's, as in Supervisor
			case f.Key == "process_name", s.Name == "eventlistener:x" && f.Key == "priority":
				continue
			}
			base, value := "", ""
			if strings.HasPrefix(f.Key, "spool_") {
				base, value = "overflow", "spool"
			}
			without, written := with(t, s.Name, base, value), with(t, s.Name, f.Key, f.Default)
			tried++
			if s.Name != "supervisord" && !strings.HasSuffix(s.Name, "_server") { // of those the text is compared
				if changed, keys := seen(without, written); changed || len(keys) > 0 {
					t.Errorf("[%s] %s: %s is not its default: %v", s.Name, f.Key, f.Default, keys)
				}
			}
			if !reflect.DeepEqual(without.Supervisord, written.Supervisord) || !reflect.DeepEqual(without.Servers, written.Servers) {
				t.Errorf("[%s] %s: %s is not its default", s.Name, f.Key, f.Default)
			}
		}
	}
	if tried < 80 {
		t.Errorf("only %d defaults were tried", tried)
	}
}
