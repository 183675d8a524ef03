package child

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// Resolve finds the file of a command as Supervisor does (process.py,
// get_execv_args, and options.py, check_execv_args): a name with a slash is the
// file, else the first directory of searchPath that has such an entry decides,
// whatever the entry is. The error's stage is StageResolve. It may block on a
// file system that hangs.
func Resolve(argv, searchPath []string) (file string, err *SpawnError) {
	if len(argv) == 0 {
		return "", &SpawnError{Stage: StageResolve, Errno: syscall.EINVAL, Msg: "command is empty"}
	}
	file = argv[0]
	var st unix.Stat_t
	found := false
	if strings.Contains(file, "/") {
		found = unix.Stat(file, &st) == nil
	} else {
		for _, dir := range searchPath {
			path := join(dir, argv[0])
			if unix.Stat(path, &st) == nil {
				file, found = path, true
				break
			}
		}
	}
	fail := func(errno syscall.Errno, msg string) (string, *SpawnError) {
		return "", &SpawnError{Stage: StageResolve, Errno: errno, Msg: msg}
	}
	switch {
	case !found:
		return fail(syscall.ENOENT, "can't find command "+pytext.Quote(file))
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return fail(syscall.EISDIR, "command at "+pytext.Quote(file)+" is a directory")
	case st.Mode&0o111 == 0:
		return fail(syscall.ENOEXEC, "command at "+pytext.Quote(file)+" is not executable")
	case unix.Access(file, unix.X_OK) != nil:
		return fail(syscall.EACCES, "no permission to run command "+pytext.Quote(file))
	}
	return file, nil
}

// join is Python's os.path.join for a directory and a plain name.
func join(dir, name string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}
