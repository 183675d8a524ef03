package child

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// prime reads the beginning of a program, of its interpreter and of the loader of either, and opens the directory it is to start
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
	loader := loaderOf(file)
	if interpreter = interpreterOf(file); interpreter != "" {
		loader = loaderOf(interpreter)
	}
	if loader != "" {
		touch(loader, 0)
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

// loaderOf returns the dynamic loader of a program, "" for none, and for what is not a program. It reads the beginning of the file, which is where
// the kernel finds all that it looks at before the execution begins.
func loaderOf(file string) string {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return ""
	}
	defer closeFD(fd)
	var page [4096]byte
	n, _ := unix.Pread(fd, page[:], 0)
	at, size := loaderName(page[:max(n, 0)])
	if size < 2 || size > pathMax {
		return ""
	}
	name := make([]byte, size)
	if n, _ := unix.Pread(fd, name, at); n != size {
		return ""
	}
	return string(bytes.TrimRight(name, "\x00"))
}

// loaderName finds where an ELF file names its loader; a size of 0: it names none.
func loaderName(head []byte) (at int64, size int) {
	if len(head) < 64 || string(head[:4]) != "\x7fELF" {
		return 0, 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 {
		order = binary.BigEndian
	}
	wide := head[4] == 2
	number := func(b []byte, short, long int) uint64 { // one of the size of an address
		if wide {
			return order.Uint64(b[long:])
		}
		return uint64(order.Uint32(b[short:]))
	}
	table, each, count := number(head, 28, 32), order.Uint16(head[42:]), order.Uint16(head[44:])
	least := uint16(32)
	if wide {
		each, count, least = order.Uint16(head[54:]), order.Uint16(head[56:]), 56
	}
	const interp = 3
	for i := range uint64(count) {
		entry := table + i*uint64(each)
		if table > uint64(len(head)) || each < least || entry+uint64(least) > uint64(len(head)) {
			break
		}
		b := head[entry:]
		if order.Uint32(b) != interp {
			continue
		}
		if size := number(b, 16, 32); size <= pathMax {
			return int64(number(b, 4, 8)), int(size) //nolint:gosec // a wrong one is refused by the read
		}
	}
	return 0, 0
}
