package fastcgi

import (
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held/heldtest"
)

func TestAFastCGISocketInAnotherUsersDirectoryGivesNothingAway(t *testing.T) {
	const rounds = 1000
	sockets := New(func(config.Level, string) {})
	heldtest.Exchange(t, "f.sock", rounds, func(path string) {
		l, err := sockets.Create(&config.Socket{SocketAddress: config.SocketAddress{URL: "unix://" + path, Network: "unix", Path: path}, Mode: 0o777, Owner: &config.Owner{UID: heldtest.Other, GID: heldtest.Other}})
		if err == nil {
			sockets.Release(l)
		}
	})
}
