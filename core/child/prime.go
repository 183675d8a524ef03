package child

import "golang.org/x/sys/unix"

// prime reads the beginning of a program, and of its interpreter, and opens the directory it is to start
// in, only in order to wait here, where it blocks nothing else, if their file
// system hangs. The fork that follows does the same in the kernel, with its thread
// stopped where Go's runtime cannot reach it: a collection that begins then
// would stop the whole daemon until the file system answers. Failures here are
// ignored: the fork reports them in its own words. It returns the interpreter, "" for none.
//
// A file system that begins to hang in between would still do that. So where one may (mayHang) the fork
// executes this program, whose own file answers, and that enters the directory and executes the other (umaskVerb): then it is only the child that
// hangs. It takes a millisecond more.
func prime(file, dir string) (interpreter string) {
	if interpreter = interpreterOf(file); interpreter != "" {
		touch(interpreter, 0)
	}
	if dir != "" {
		touch(dir, unix.O_DIRECTORY)
	}
	return interpreter
}

// touch opens a file and reads its beginning.
func touch(path string, flags int) {
	fd, err := unix.Open(path, flags|unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return
	}
	var first [256]byte // the part by which the kernel decides what it is
	_, _ = unix.Read(fd, first[:])
	closeFD(fd)
}
