package rpc

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
)

// Whoever may only read may have such lines written, but not fill the log with them, nor make them look like others.
func TestToolCallsAreNotedAndBounded(t *testing.T) {
	var lines []string
	h := Hark{Activity: func(l config.Level, text string) {
		if l != config.INFO {
			t.Errorf("%v %s", l, text)
		}
		lines = append(lines, text)
	}}
	d := NewDispatcher(func(config.Level, string) {}, h.Namespace())
	call := func(client string) bool {
		t.Helper()
		v, err := d.Call(t.Context(), ReadOnly, "hark.noteToolCall", []any{client, "status web"})
		if err != nil {
			t.Fatal(err)
		}
		return v.(bool)
	}
	if !call("editor\n2026-01-01 CRIT forged") || len(lines) != 1 || lines[0] != `tool call of 'editor\n2026-01-01 CRIT forged': 'status web'` {
		t.Fatalf("%q", lines)
	}
	if call(strings.Repeat("x", 1<<20)); len(lines[1]) > 2*quotedRequest {
		t.Errorf("a line of %d bytes", len(lines[1]))
	}
	refused := false
	for range 100 * toolCallBurst {
		refused = refused || !call("flooder")
	}
	if !refused {
		t.Errorf("%d lines were written", len(lines))
	}
}

// A field of Hark that Declared leaves out would be missing in docs/methods.md and in the client.
func TestDeclaredHasEverything(t *testing.T) {
	h := reflect.ValueOf(everything())
	for i := range h.NumField() {
		if h.Field(i).IsZero() {
			t.Errorf("everything() lacks %s", h.Type().Field(i).Name)
		}
	}
}
