package core

import (
	"path/filepath"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held/heldtest"
)

func TestAFastCGISocketInAnotherUsersDirectoryGivesNothingAway(t *testing.T) {
	const rounds = 1000
	sockets := NewFastCGISockets(func(config.Level, string) {})
	heldtest.Exchange(t, "f.sock", rounds, func(path string) {
		l, err := sockets.create(&config.Socket{SocketAddress: config.SocketAddress{URL: "unix://" + path, Network: "unix", Path: path}, Mode: 0o777, Owner: &config.Owner{UID: heldtest.Other, GID: heldtest.Other}})
		if err == nil {
			sockets.release(l)
		}
	})
}

func TestAutomaticLogsInAnotherUsersDirectoryGiveNothingAway(t *testing.T) {
	const rounds = 1000
	heldtest.Exchange(t, "logs", rounds, func(path string) {
		log, err := createAutoLog(filepath.Dir(path), "web-stdout---supervisor-")
		if err != nil {
			return
		}
		removeAutoLog(log)
		clearAutoLogs(filepath.Dir(path), "supervisor", nil)
	})
}
