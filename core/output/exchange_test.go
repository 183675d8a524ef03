package output

import (
	"path/filepath"
	"testing"

	"github.com/hark-supervisor/hark/core/held/heldtest"
)

func TestAutomaticLogsInAnotherUsersDirectoryGiveNothingAway(t *testing.T) {
	const rounds = 1000
	heldtest.Exchange(t, "logs", rounds, func(path string) {
		log, err := createAutoLog(filepath.Dir(path), "web-stdout---supervisor-")
		if err != nil {
			return
		}
		removeAutoLog(log)
		ClearAutoLogs(filepath.Dir(path), "supervisor", nil)
	})
}
