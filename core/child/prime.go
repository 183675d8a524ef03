package child

import "golang.org/x/sys/unix"

// prime reads the beginning of a program and opens the directory it is to start
// in, for no other end than to wait here, where it holds up nobody, if their file
// system hangs. The fork that follows does the same in the kernel, with its thread
// stopped where Go's runtime cannot reach it: a collection that begins then
// would stop the whole daemon until the file system answers. What fails here is
// told by the fork in its own words.
func prime(file, dir string) {
	const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	if fd, err := unix.Open(file, flags, 0); err == nil {
		var first [256]byte // what the kernel looks at to tell what it is
		_, _ = unix.Read(fd, first[:])
		closeFD(fd)
	}
	if dir != "" {
		if fd, err := unix.Open(dir, flags|unix.O_DIRECTORY, 0); err == nil {
			closeFD(fd)
		}
	}
}
