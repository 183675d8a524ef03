package spool

import "os"

// disk is how a spool changes what is on disk; tests let it fail, or lose what was not synced.
type disk struct {
	mkdir    func(in *os.Root, name string) error
	open     func(in *os.Root, name string, flag int) (*os.File, error) // to write; made with mode 0600
	remove   func(in *os.Root, name string) error
	rename   func(in *os.Root, from, to string) error
	writeAt  func(f *os.File, b []byte, off int64) (int, error)
	truncate func(f *os.File, size int64) error
	sync     func(f *os.File) error // a file's bytes, or a directory's names
	boot     func() [16]byte        // names the time since the system was started; zero: nothing does
}

func realDisk() disk {
	return disk{
		mkdir:    func(in *os.Root, name string) error { return in.Mkdir(name, 0o700) },
		open:     func(in *os.Root, name string, flag int) (*os.File, error) { return in.OpenFile(name, flag, 0o600) },
		remove:   (*os.Root).Remove,
		rename:   (*os.Root).Rename,
		writeAt:  (*os.File).WriteAt,
		truncate: (*os.File).Truncate,
		sync:     (*os.File).Sync,
		boot:     bootID,
	}
}

// syncDir makes the names in a directory survive loss of power.
func (d disk) syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return d.sync(f)
}

// writerAt is a file as io.WriterAt.
type writerAt struct {
	disk disk
	f    *os.File
}

func (w writerAt) WriteAt(b []byte, off int64) (int, error) { return w.disk.writeAt(w.f, b, off) }
