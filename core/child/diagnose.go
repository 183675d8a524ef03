package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// diagnose finds out what the one errno of a failed fork means. The kernel is
// asked again in smaller steps, with a program name that is too long for any
// file: whatever fails with something else than ENAMETOOLONG was it.
func (f *forker) diagnose(r *Request, file string, err error) *SpawnError {
	errno := errnoOf(err)
	if noFiles(err) {
		return pipeError(r, err) // ForkExec makes a pipe too
	}
	proc := f.proc
	f.proc.Credential = nil
	if errno == syscall.EAGAIN || errno == syscall.ENOMEM {
		if proc.Credential == nil && errno == syscall.EAGAIN || f.probe("") == errno {
			return forkError(r, errno)
		}
	}
	if proc.Credential != nil {
		f.proc = proc
		if e := f.probe(""); e != 0 {
			return f.diagnoseUser(r, e)
		}
	}
	if r.Dir != "" {
		if e := f.probe(r.Dir); e != 0 {
			return chdirError(r, e)
		}
	}
	return execError(r, file, errno)
}

// probe forks a child that gets as far as the execution, which fails. It returns 0
// if nothing failed before.
func (f *forker) probe(dir string) syscall.Errno {
	f.attr.Dir, f.attr.Files, f.attr.Env = dir, nil, nil
	if len(dir) >= pathMax {
		return syscall.ENAMETOOLONG
	}
	f.sys.reaper.forkBegins()
	_, err := f.fork(tooLong, []string{"probe"}, &f.attr)
	f.sys.reaper.forkFailed()
	if errno := errnoOf(err); errno != syscall.ENAMETOOLONG {
		return errno
	}
	return 0
}

// pathMax is at least as large as any system's limit of a path, in bytes.
const pathMax = 4096

var tooLong = strings.Repeat("x/", pathMax)

// diagnoseUser reports which of the three steps to another user failed, in
// Supervisor's words (options.py, drop_privileges).
func (f *forker) diagnoseUser(r *Request, errno syscall.Errno) *SpawnError {
	cred := f.cred
	defer func() { f.cred = cred }()
	f.cred.Uid, f.cred.Gid = uint32(os.Geteuid()), uint32(os.Getegid())
	if f.probe("") != 0 {
		return setuidError(r, errno, "Could not set groups of effective user")
	}
	f.cred.Gid = cred.Gid
	if f.probe("") != 0 {
		return setuidError(r, errno, "Could not set group id of effective user")
	}
	return setuidError(r, errno, unix.ErrnoName(errno))
}

// SocketError is returned when the FastCGI socket of a program could not be made.
type SocketError struct {
	URL string // as configured
	Err error
}

// Error returns a text with the socket's URL and the reason.
func (e *SocketError) Error() string { return "cannot listen at " + e.URL + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *SocketError) Unwrap() error { return e.Err }

func pipeError(r *Request, err error) *SpawnError {
	if later, ok := errors.AsType[*Later](err); ok {
		return &SpawnError{Stage: StagePipe, Errno: syscall.EAGAIN, Msg: later.Error()}
	}
	errno := errnoOf(err)
	msg := "too many open files to spawn '" + r.Name + "'"
	var socket *SocketError
	switch {
	case errno == syscall.EMFILE:
	case errors.As(err, &socket):
		msg = "cannot listen at " + socket.URL + " for '" + r.Name + "': " + unix.ErrnoName(errno) + " (" + errno.Error() + ")"
	default:
		msg = "unknown error making dispatchers for '" + r.Name + "': " + unix.ErrnoName(errno)
	}
	return &SpawnError{Stage: StagePipe, Errno: errno, Msg: msg}
}

func forkError(r *Request, errno syscall.Errno) *SpawnError {
	msg := "Too many processes in process table to spawn '" + r.Name + "'"
	if errno != syscall.EAGAIN {
		msg = "unknown error during fork for '" + r.Name + "': " + unix.ErrnoName(errno)
	}
	return &SpawnError{Stage: StageFork, Errno: errno, Msg: msg}
}

func setuidError(r *Request, errno syscall.Errno, why string) *SpawnError {
	what := fmt.Sprintf("setuid to %d: %s", r.Credential.UID, why)
	return &SpawnError{
		Stage: StageSetuid,
		Errno: errno,
		Msg:   fmt.Sprintf("couldn't setuid to %d (%s): %s", r.Credential.UID, pytext.Quote(r.Credential.Name), why),
		Lines: lines(what),
	}
}

func chdirError(r *Request, errno syscall.Errno) *SpawnError {
	why := errno.Error()
	switch errno {
	case syscall.ENOENT:
		why = "there is no such directory"
	case syscall.ENOTDIR:
		why = "it is not a directory"
	case syscall.EACCES:
		why = "no permission to enter it" + asUser(r)
	}
	return &SpawnError{
		Stage: StageChdir,
		Errno: errno,
		Msg:   "couldn't chdir to " + pytext.Quote(r.Dir) + ": " + unix.ErrnoName(errno) + " (" + why + ")",
		Lines: lines("chdir to " + r.Dir + ": " + unix.ErrnoName(errno)),
	}
}

func execError(r *Request, file string, errno syscall.Errno) *SpawnError {
	return &SpawnError{
		Stage: StageExec,
		Errno: errno,
		Msg:   "couldn't exec " + pytext.Quote(file) + ": " + unix.ErrnoName(errno) + " (" + whyExec(r, file, errno) + ")",
		Lines: lines("exec " + r.Argv[0] + ": " + unix.ErrnoName(errno)),
	}
}

// whyExec names what is missing, as far as it can be seen from here.
func whyExec(r *Request, file string, errno syscall.Errno) string {
	if r.Dir != "" && !strings.HasPrefix(file, "/") {
		file = join(r.Dir, file) // a relative command is looked up after the chdir
	}
	switch errno {
	case syscall.ENOENT:
		if _, err := os.Stat(file); err != nil {
			return "there is no " + pytext.Quote(file)
		}
		if interpreter := interpreterOf(file); interpreter != "" {
			return "its interpreter " + pytext.Quote(interpreter) + " is missing"
		}
		return "its loader is missing"
	case syscall.EACCES:
		if interpreter := interpreterOf(file); interpreter != "" {
			return "no permission to execute it or its interpreter " + pytext.Quote(interpreter) + asUser(r)
		}
		return "no permission to execute it" + asUser(r)
	case syscall.ENOEXEC:
		return "it is neither a program nor a script that begins with #!"
	case syscall.E2BIG:
		return "its arguments and environment are too long"
	case syscall.EAGAIN:
		return "too many processes" + asUser(r)
	}
	return errno.Error()
}

func asUser(r *Request) string {
	if r.Credential == nil {
		return ""
	}
	return " as user " + pytext.Quote(r.Credential.Name)
}

// interpreterOf returns the interpreter that a script's first line names, "" for none.
func interpreterOf(file string) string {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return ""
	}
	defer closeFD(fd)
	var head [256]byte // the kernel looks no further
	n, _ := unix.Read(fd, head[:])
	n = max(n, 0)
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		return ""
	}
	interpreter, _, _ := strings.Cut(strings.TrimLeft(string(line[2:]), " \t"), " ")
	return interpreter
}

// errnoOf returns the errno of an error; EINVAL for ForkExec's refusals of its own
// (a NUL byte in an argument).
func errnoOf(err error) syscall.Errno {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return syscall.EINVAL
}
