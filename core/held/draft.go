package held

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Draft is the new content of a small file, on the disk already: Publish can hardly fail, and a reader finds the old
// content or the new one, never half of one.
type Draft struct {
	dir  *Dir
	name string
	path string
	file *os.File // of a random name; or the file itself. nil once it is published
	temp string   // "" : file has its name, and is written by Publish
	text []byte
	made bool // the file was not there before
	st   unix.Stat_t
}

// NewDraft prepares content for the file at path, of a mode that the umask narrows. Where the path leads to no
// regular file (a device, a pipe), or its directory takes no new file, the file itself is opened instead. As root no link of another user
// is followed, and no file written that is another user's by a second name.
func NewDraft(path string, content []byte, mode os.FileMode) (_ *Draft, err error) {
	at, err := Locate(path, true)
	if err != nil {
		return nil, err
	}
	real := at.path
	at.Close()
	if real == "" {
		real = path
	}
	d := &Draft{path: path, text: content}
	if d.dir, d.name, err = OpenParent(real); err != nil {
		return nil, err
	}
	st, err := d.dir.Stat(d.name)
	d.made = errors.Is(err, fs.ErrNotExist)
	if d.made || err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
		d.dir.sweepFiles("." + d.name + ".")
		if d.file, d.temp, err = d.createMarked(mode); err == nil {
			if _, err = d.file.Write(content); err == nil {
				return d, nil
			}
			d.Discard()
			return nil, err
		}
	}
	fd, _, err := Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_NONBLOCK, mode)
	if err != nil {
		_ = d.dir.Close()
		return nil, err
	}
	d.file = os.NewFile(uintptr(fd), path) //nolint:gosec // a descriptor
	return d, nil
}

// createMarked creates the file of a random name, marked as in use.
func (d *Draft) createMarked(mode os.FileMode) (f *os.File, name string, err error) {
	for range maxNames {
		if f, name, err = d.dir.CreateTemp("."+d.name+".", "", mode); err != nil {
			return nil, "", err
		}
		if err = mark(int(f.Fd())); err == nil { //nolint:gosec // a descriptor
			return f, name, nil
		}
		_ = d.dir.Remove(name)
		_ = f.Close()
	}
	return nil, "", d.dir.fail("lock", name, err)
}

// Publish makes the content that of the file. The draft is then to be removed or closed.
func (d *Draft) Publish() error {
	if d.temp == "" {
		return d.writeInPlace()
	}
	err := unix.Renameat(d.dir.fd, d.temp, d.dir.fd, d.name)
	switch {
	case err == nil:
		d.temp = ""
		d.settle()
		return nil
	case !errors.Is(err, unix.EBUSY):
		return d.dir.fail("rename", d.name, err)
	}
	// Something is mounted there, as containers do with single files: that is written to.
	fd, _, err := Open(d.path, unix.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_ = d.dir.Remove(d.temp)
	_ = d.file.Close()
	d.temp, d.file = "", os.NewFile(uintptr(fd), d.path) //nolint:gosec // a descriptor
	return d.writeInPlace()
}

func (d *Draft) writeInPlace() error {
	_ = d.file.Truncate(0) // a device has no size
	_, err := d.file.WriteAt(d.text, 0)
	if errors.Is(err, unix.ESPIPE) {
		_, err = d.file.Write(d.text)
	}
	d.settle()
	return err
}

// settle notes which file it is, and closes it.
func (d *Draft) settle() {
	_ = unix.Fstat(int(d.file.Fd()), &d.st) //nolint:gosec // a descriptor
	_ = d.file.Close()
	d.file = nil
}

// Discard removes a draft that was not published.
func (d *Draft) Discard() {
	if d.temp != "" {
		_ = d.dir.Remove(d.temp)
		d.Close()
		return
	}
	if d.file != nil {
		d.settle()
	}
	if d.made {
		d.Remove()
		return
	}
	d.Close()
}

// Remove removes the file of a draft that was published, if it is still that, and closes the draft.
func (d *Draft) Remove() {
	defer d.Close()
	if d.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	if now, err := d.dir.Stat(d.name); err == nil && now.Mode&unix.S_IFMT == unix.S_IFLNK {
		_ = d.dir.Remove(d.name) // the link, as Supervisor does; as root it is not this name that was opened
		return
	}
	d.dir.RemoveSame(d.name, &d.st)
}

// Close closes the draft and leaves the published file.
func (d *Draft) Close() {
	if d.file != nil {
		_ = d.file.Close()
		d.file = nil
	}
	_ = d.dir.Close()
}
