package host

import (
	"context"
	"os"
	"time"
)

// Launcher starts the processes of plugins; supervisord fills it from its spawner and its reaper.
type Launcher interface {
	// Launch starts a process and returns when it runs or could not be started. It blocks while spawns before it are
	// made, until ctx is done; then nothing was started, or what was is killed.
	Launch(ctx context.Context, p *Program) (Process, error)
}

// Process is a process that was started.
type Process interface {
	PID() int
	// Kill kills the process group, and whatever else of its descendants the system lets us reach. It does not block,
	// and does nothing once the process has been reaped.
	Kill()
}

// Program is what a Launcher starts: in a process group of its own, killed when the daemon dies, with umask 077, the directory / and a
// standard input that ends when the daemon does.
type Program struct {
	Plugin       string
	Argv         []string
	File         *os.File // to be executed; nil: Path is, or else Argv[0]
	Path         string
	Env          []string
	User         *Account // nil: the daemon's own
	MaxProcesses int      // 0: no limit
	// Stdout and Stderr take what it writes, each on one thread at a time. They do not block, and do not keep b. The pipe is then left
	// alone for hold.
	Stdout, Stderr func(b []byte) (hold time.Duration)
	// Exited is called once after Launch gave a process, when it has ended and all that its pipes held then was given to Stdout
	// and Stderr; how reports how it ended. It does not block.
	Exited func(how string)
}

// Account is the account that a plugin runs as.
type Account struct {
	Name     string
	UID, GID uint32
	Groups   []uint32
}

// Executable is what is to be executed for a plugin. It is closed when the process was started, or was not.
type Executable struct {
	Argv   []string
	File   *os.File // to be executed by descriptor; nil: Path is
	Path   string
	SHA256 string // of what is executed
	// Bundled means that it comes with the daemon and cannot be replaced by another program.
	Bundled bool
	Close   func() // nil: there is nothing to close
}
