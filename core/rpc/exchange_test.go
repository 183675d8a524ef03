package rpc

import (
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held/heldtest"
)

func TestASocketInAnotherUsersDirectoryGivesNothingAway(t *testing.T) {
	const rounds = 1000
	heldtest.Exchange(t, "s.sock", rounds, func(path string) {
		set, errs := NewSockets(nil).Bind([]config.Server{{Network: "unix", Path: path, Mode: 0o777, Chown: &config.Owner{UID: heldtest.Other, GID: heldtest.Other}}})
		if errs == nil {
			set.Close()
		}
	})
}
