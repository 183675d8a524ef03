package child

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// umaskVerb is the hidden verb of the daemon's binary by which a child gets its
// umask where the forking thread can't have one of its own.
const umaskVerb = "--hark-umask"

// umaskArgv is the command line of the verb: its name, the umask, the file, and
// the arguments with the name first.
func umaskArgv(mask int, self, file string, argv []string) []string {
	return append([]string{self, umaskVerb, fmt.Sprintf("%03o", mask), file}, argv...)
}

// UmaskVerb must be called first thing in main with os.Args. When they carry one
// of the hidden verbs (the other is limitVerb) it sets the umask and executes the program, and doesn't return. If
// that fails it writes Supervisor's lines to stderr and exits with 127, as
// Supervisor's child does. Otherwise handled is false.
func UmaskVerb(args []string) (handled bool) {
	if len(args) < 5 || args[1] != umaskVerb {
		return limited(args)
	}
	mask, err := strconv.ParseUint(args[2], 8, 9)
	if err != nil {
		return false
	}
	unix.Umask(int(mask))
	// Go's runtime has taken the signals over; what it handles is the default again
	// in the program, and so would these be.
	IgnoreSignals()
	err = syscall.Exec(args[3], args[4:], os.Environ())
	_, _ = os.Stderr.WriteString(lines("exec " + args[4] + ": " + unix.ErrnoName(errnoOf(err))))
	os.Exit(127)
	return true
}

// IgnoreSignals has this process and all its children ignore SIGPIPE and SIGXFSZ,
// as Supervisor's children do: CPython ignores them and exec keeps it.
func IgnoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }

// lines are what Supervisor's child writes to its stderr when it could not ...
func lines(what string) string {
	return "supervisor: couldn't " + what + "\nsupervisor: child process was not spawned\n"
}

// ownFile is a path to this program for a child to execute: by /proc it is
// right even when the file has been replaced.
func ownFile() string {
	const link = "/proc/self/exe"
	if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, "/") {
		return link
	}
	file, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return file
}
