package child

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitVerb is the hidden verb of the daemon's binary by which a child gets a limit of processes: it limits itself, as the user
// that it runs as, and then executes the program. The limit holds from the program's first instruction on, and needs no
// privilege; a daemon without CAP_SYS_RESOURCE, as in most containers, could not set it from outside.
const limitVerb = "--hark-limit"

// programDescriptor is where the verb finds the file to execute, if it is an open one.
const programDescriptor = 3

// limitArgv is the command line of the verb: its name, the limit, the file, "" for the descriptor, and the arguments with the name first.
func limitArgv(most int, self, file string, argv []string) []string {
	return append([]string{self, limitVerb, strconv.Itoa(most), file}, argv...)
}

// limited does what the verb is for, if it is there, and then does not return.
func limited(args []string) bool {
	if len(args) < 5 || args[1] != limitVerb {
		return false
	}
	most, err := strconv.ParseUint(args[2], 10, 31)
	if err != nil {
		return false
	}
	err = limitProcesses(most)
	file := args[3]
	if file == "" {
		unix.CloseOnExec(programDescriptor)
		file = "/proc/self/fd/" + strconv.Itoa(programDescriptor)
	}
	IgnoreSignals()
	if err == nil {
		err = syscall.Exec(file, args[4:], os.Environ())
	}
	_, _ = os.Stderr.WriteString("cannot execute " + args[4] + ": " + err.Error() + "\n")
	os.Exit(127)
	return true
}
