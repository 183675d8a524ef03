//go:build !linux

package logs

import (
	"context"
	"os"
	"time"
)

// pollEvery is how often the file is looked at.
const pollEvery = time.Second

// watch looks at the file once a second: there is nothing like inotify that is the
// same on the other systems.
type watch struct{}

func newWatch(string) *watch { return &watch{} }

func (w *watch) file(*os.File) {}

func (w *watch) wait(ctx context.Context, _ bool, limit time.Duration) error {
	return pause(ctx, min(limit, pollEvery))
}

func (w *watch) close() {}
