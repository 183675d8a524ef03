package outcome

import (
	"errors"
	"testing"
)

func TestLast(t *testing.T) {
	var l Last
	if err := l.Health(); err != nil {
		t.Errorf("before anything was delivered: %v", err)
	}
	away := errors.New("away")
	if got := l.Note(away); got != away || l.Health() != away { //nolint:errorlint // the very error
		t.Errorf("noted %v, kept %v", got, l.Health())
	}
	if got := l.Note(nil); got != nil || l.Health() != nil {
		t.Errorf("noted %v, kept %v", got, l.Health())
	}
}
