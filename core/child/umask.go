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
// umask where the forking thread can't have one of its own, and by which one enters a directory and executes a program that are on file systems
// that may hang.
const umaskVerb = "--hark-umask"

// unchanged is the verb's umask for the one that there is.
const unchanged = "-"

// umaskArgv is the command line of the verb: its name, the umask, the directory ("" : it stays), the file, and
// the arguments with the name first. A negative umask leaves it as it is.
func umaskArgv(mask int, dir, self, file string, argv []string) []string {
	text := unchanged
	if mask >= 0 {
		text = fmt.Sprintf("%03o", mask)
	}
	return append([]string{self, umaskVerb, text, dir, file}, argv...)
}

// UmaskVerb must be called first thing in main with os.Args. When they carry one
// of the hidden verbs (the other is limitVerb) it sets the umask, enters the directory and executes the program, and doesn't return. If
// that fails it writes Supervisor's lines to stderr and exits with 127, as
// Supervisor's child does. Otherwise handled is false.
func UmaskVerb(args []string) (handled bool) {
	if len(args) < 6 || args[1] != umaskVerb {
		return limited(args)
	}
	if args[2] != unchanged {
		mask, err := strconv.ParseUint(args[2], 8, 9)
		if err != nil {
			return false
		}
		unix.Umask(int(mask))
	}
	// Go's runtime has taken the signals over; what it handles is the default again
	// in the program, and so would these be.
	IgnoreSignals()
	what := "exec " + args[5]
	err := error(nil)
	if args[3] != "" {
		if err = unix.Chdir(args[3]); err != nil {
			what = "chdir to " + args[3]
		}
	}
	if err == nil {
		err = syscall.Exec(args[4], args[5:], os.Environ())
	}
	_, _ = os.Stderr.WriteString(lines(what + ": " + unix.ErrnoName(errnoOf(err))))
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
