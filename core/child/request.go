package child

import "syscall"

// Credential is the user that a child runs as. With a nil Credential, or one that has our own uid,
// the child keeps our user and groups, as in Supervisor (options.py, drop_privileges).
type Credential struct {
	UID, GID uint32
	Groups   []uint32 // all supplementary groups
	Name     string   // as written in user=, for messages
}

// Request is one spawn. Callbacks must not block: Started and Failed run on one
// goroutine, in the order of the requests (Failed after Cancel on one of its own);
// Exited on any thread, but while no Reader of the child's poller runs, after all
// that the child's pipes held at its end has been given to the Readers. Exactly one
// of Started and Failed is called, and Exited exactly once after Started. Nothing is read before Started has returned.
type Request struct {
	Name       string   // the process's name, for messages
	Argv       []string // Argv[0] with a slash is a path, else searched in SearchPath
	SearchPath []string // directories
	Env        []string
	Dir        string // "" : stay
	Umask      int    // -1: inherit
	Credential *Credential
	Stdin      int // a descriptor to give as 0 (FastCGI socket), open until Started or Failed; -1: a pipe
	// Program is a descriptor of the file to execute, instead of Argv[0], open until Started or Failed; 0: none. Linux only. It can be combined with a
	// Umask only if UmaskByThread reports true.
	Program int
	// MaxProcesses limits the processes and threads of the child's user, as the child sees it; 0: no limit. It does not bind root.
	MaxProcesses int
	// DiesWithUs has the child killed when this program dies, on Linux and FreeBSD, and everywhere what is left of its process
	// group when it has ended itself.
	DiesWithUs     bool
	RedirectStderr bool
	// Stdout and Stderr take the output. Nil: no pipe, the child gets /dev/null
	// (Stderr nil with RedirectStderr: stderr is stdout).
	Stdout, Stderr Reader
	Eager          bool // output becomes events: reading is never paused for batching
	Listener       bool // stdout carries replies: read by the listeners' own poller, eagerly

	// Prepare, when set, is called first, on the preparer's goroutine, while spawns
	// before this one may still be forking. It may block on a disk: it opens what the
	// spawn needs. What it returns is used as descriptor 0
	// instead of a pipe, or -1. An error fails the spawn as making its pipes would. If there are no descriptors
	// left (EMFILE, ENFILE) it is called once more, with those that are reserved for spawns freed.
	Prepare func() (stdin int, err error)
	Started func(c *Child)
	Failed  func(err *SpawnError)
	Exited  func(c *Child, ws syscall.WaitStatus) // nil is fine
	// Late is called once, on a goroutine of its own, when the preparation (finding the program, Prepare) has taken over a second:
	// the spawns after this one continue; may be nil.
	Late func()
	// Unprepare is called when Prepare has returned after Failed, which then said so (SpawnError.Preparing); nil is fine.
	Unprepare func()
	// Slow is called once, on a goroutine of its own, when the spawn has taken
	// over 5 s; nil is fine.
	Slow func()
}

// Stage is the step at which a spawn failed.
type Stage int

// The stages of a spawn.
const (
	StageResolve Stage = iota // command not found, not executable, a directory, no permission
	StagePipe
	StageFork
	StageSetuid
	StageChdir
	StageExec
	StageCancelled // taken back before it began
)

// SpawnError is a failed spawn.
type SpawnError struct {
	Stage Stage
	// Errno is the system's error. At StageResolve: ENOENT (not found), EISDIR,
	// ENOEXEC (no execute bit), EACCES (no permission for us), EINVAL (empty command).
	Errno syscall.Errno
	// Msg is Supervisor's spawnerr text where it has one ("can't find command 'x'",
	// "too many open files to spawn 'x'", ...), else one that names what is missing.
	Msg string
	// Lines are Supervisor's lines for the child's stderr log, newlines included; "" for none.
	Lines string
}

// Preparing reports whether the spawn was cancelled while its Prepare still ran. Request.Unprepare is called when Prepare has
// returned.
func (e *SpawnError) Preparing() bool {
	return e.Stage == StageCancelled && e.Errno == syscall.EINPROGRESS
}

// Later is an error of Prepare after which the same spawn may succeed later. Its text becomes that of the SpawnError.
type Later struct{ Err error }

// Error returns the text of Err.
func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns Err.
func (l *Later) Unwrap() error { return l.Err }

// Error returns Msg.
func (e *SpawnError) Error() string { return e.Msg }
