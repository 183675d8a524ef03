package child

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxRunOutput bounds what Run keeps of a command's output.
const maxRunOutput = 1 << 20

// ErrTimeout is returned by Run when the command took too long and was killed.
var ErrTimeout = errors.New("the command took too long")

// Run runs a small command (getent) to its end and returns its output on stdout,
// at most 1 MiB, and its status. It has our environment, PATH and user, nothing on
// stdin, and its stderr is dropped. After timeout its process group is killed and
// the error is ErrTimeout; if a command could not be started the error is a
// *SpawnError. It blocks and must not be called from a callback.
func (s *System) Run(argv []string, timeout time.Duration) (out []byte, ws syscall.WaitStatus, err error) {
	var kept output
	started := make(chan *Child, 1)
	failed := make(chan *SpawnError, 1)
	exited := make(chan result, 1)
	sp := s.Spawn(&Request{
		Name:       "run",
		Argv:       argv,
		SearchPath: filepath.SplitList(os.Getenv("PATH")),
		Env:        os.Environ(),
		Umask:      -1,
		Stdin:      -1,
		Stdout:     &kept,
		Eager:      true,
		Started:    func(c *Child) { c.CloseStdin(); started <- c },
		Failed:     func(err *SpawnError) { failed <- err },
		Exited: func(c *Child, ws syscall.WaitStatus) {
			// Taken here, on the thread that writes it: descendants may write on.
			exited <- result{kept.bytes, ws}
			c.Abandon()
		},
	})
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case err := <-failed:
		return nil, 0, err
	case res := <-exited:
		return res.out, res.ws, nil
	case <-timer.C:
	}
	if sp.Cancel() {
		return nil, 0, ErrTimeout
	}
	// The spawner may be stuck: it is killed when it comes, and not waited for.
	go func() {
		select {
		case c := <-started:
			_ = c.Signal(syscall.SIGKILL, true)
		case <-failed: //nolint:errcheck // there is nothing to kill
		}
	}()
	return nil, 0, ErrTimeout
}

type result struct {
	out []byte
	ws  syscall.WaitStatus
}

// output keeps the beginning of what a command writes.
type output struct{ bytes []byte }

func (o *output) Output(b []byte) Work {
	o.bytes = append(o.bytes, b[:min(len(b), maxRunOutput-len(o.bytes))]...)
	return nil
}

func (o *output) Closed(int) Work { return nil }
