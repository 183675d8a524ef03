package main

import (
	"os"
	"testing"
)

// XDG_RUNTIME_DIR stays root's where user= has made the daemon another user.
func TestADirectoryOfAnotherUserIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	if !isOwn(dir) || isOwn(dir+"/nothing") {
		t.Error("our own is not ours, or what is not there is")
	}
	other := "/"
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 12345, 0); err != nil {
			t.Fatal(err)
		}
		other = dir
	}
	if isOwn(other) {
		t.Errorf("%s is another user's", other)
	}
}
