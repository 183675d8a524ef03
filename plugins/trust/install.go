package trust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Described is what a plugin says of itself.
type Described struct {
	Name, Version, Doc string
	Kinds              []string        // notifier, logsink, namespace
	Raw                json.RawMessage // all of it
}

// Describe runs a program that was checked and asks what it is.
type Describe func(ctx context.Context, e *Executable) (Described, error)

// validName is what a plugin may be called.
var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// Source is what is to be installed: a file, or a command with the files that its interpreter reads.
type Source struct {
	File    string   // a program or script, copied into the directory
	Command []string // instead: stays where it is
	Files   []string // of Command: recorded with their hashes
}

// Install puts a plugin into the first plugin directory that can be written, asks the plugin for its description, and
// records that. It returns the entry and the directory. now is the recorded time. After an error nothing has changed. The
// file is copied first and the copy is asked, so the recorded description is that of the installed file.
func (p *Policy) Install(ctx context.Context, src Source, describe Describe, now time.Time) (*Entry, string, error) {
	dir, err := p.writable()
	if err != nil {
		return nil, "", err
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	lock, err := p.readLock(dir)
	if err != nil {
		return nil, "", err
	}
	e := Entry{Installed: now.UTC().Truncate(time.Second)}
	if len(src.Command) > 0 {
		err = p.recordCommand(ctx, &e, src, describe)
	} else {
		err = p.copyIn(ctx, dir, &e, src.File, describe)
	}
	if err != nil {
		return nil, "", err
	}
	lock.put(e)
	if err := lock.write(dir); err != nil {
		return nil, "", err
	}
	return lock.Entry(e.Name), dir, nil
}

// writable is the first plugin directory that can be written; it is made if need be.
func (p *Policy) writable() (string, error) {
	var first error
	for _, dir := range p.Dirs {
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			err = p.checkDirs(dir)
		}
		if err == nil {
			const writeAndSearch = 2 | 1
			err = syscall.Access(dir, writeAndSearch)
		}
		if err == nil {
			return dir, nil
		}
		if first == nil {
			first = fmt.Errorf("cannot install into %s: %w", dir, unwrapped(err))
		}
	}
	if first == nil {
		first = errors.New("cannot install: there is no plugin directory (plugin_dirs of [supervisord])")
	}
	return "", first
}

func (p *Policy) copyIn(ctx context.Context, dir string, e *Entry, file string, describe Describe) (err error) {
	from, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", file, unwrapped(err))
	}
	defer from.Close() //nolint:errcheck // only read from
	if st, err := from.Stat(); err != nil || !st.Mode().IsRegular() {
		return fmt.Errorf("cannot install %s: it is not a regular file", file)
	}
	to, err := os.CreateTemp(dir, ".install-*")
	if err != nil {
		return fmt.Errorf("cannot write to %s: %w", dir, unwrapped(err))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(to.Name())
		}
	}()
	n, err := io.Copy(to, io.LimitReader(from, maxBinary+1))
	err = errors.Join(err, to.Chmod(0o755), to.Sync(), to.Close())
	if err != nil {
		return fmt.Errorf("cannot copy %s: %w", file, unwrapped(err))
	}
	if n > maxBinary {
		return fmt.Errorf("cannot install %s: it has more than %d MiB", file, maxBinary>>20)
	}
	if err := p.ask(ctx, e, []string{to.Name()}, describe); err != nil {
		return fmt.Errorf("cannot install %s: %w", file, err)
	}
	e.File = e.Name
	return os.Rename(to.Name(), filepath.Join(dir, e.File))
}

func (p *Policy) recordCommand(ctx context.Context, e *Entry, src Source, describe Describe) error {
	for _, path := range src.Files {
		sum, err := p.hashOf(path)
		if err != nil {
			return err
		}
		e.Files = append(e.Files, HashedFile{path, sum})
	}
	if len(e.Files) == 0 {
		return errors.New("cannot install a command without the files that it reads; name them")
	}
	e.Command = src.Command
	x, err := p.interpreted(src.Command, "", src.Files)
	if err != nil {
		return err
	}
	defer x.Close() //nolint:errcheck // only a descriptor
	return describeInto(ctx, e, x, describe)
}

// ask checks a program and has it describe itself.
func (p *Policy) ask(ctx context.Context, e *Entry, argv []string, describe Describe) error {
	x, err := p.open(argv, "")
	if err != nil {
		return err
	}
	defer x.Close() //nolint:errcheck // only a descriptor
	e.SHA256 = x.SHA256
	if x.Path != "" && x.Path != argv[0] {
		defer os.Remove(x.Path) //nolint:errcheck // a copy for this once
	}
	return describeInto(ctx, e, x, describe)
}

func describeInto(ctx context.Context, e *Entry, x *Executable, describe Describe) error {
	d, err := describe(ctx, x)
	if err != nil {
		return fmt.Errorf("it cannot describe itself: %w", err)
	}
	switch {
	case !validName.MatchString(d.Name):
		return fmt.Errorf("it calls itself %q; a name is lower-case letters, digits and hyphens, at most 64", d.Name)
	case len(d.Kinds) == 0:
		return errors.New("it is neither a notifier, a log sink nor a namespace")
	}
	e.Name, e.Version, e.Doc, e.Kinds, e.Description = d.Name, d.Version, d.Doc, d.Kinds, d.Raw
	return nil
}

// Remove takes a plugin's record and its file away. ErrNotFound: it is in none of the directories.
func (p *Policy) Remove(name string) error {
	for _, dir := range p.Dirs {
		lock, err := p.readLock(dir)
		if err != nil {
			return err
		}
		e := lock.Entry(name)
		if e == nil {
			continue
		}
		unlock, err := lockDir(dir)
		if err != nil {
			return err
		}
		defer unlock()
		if lock, err = p.readLock(dir); err != nil { // again, under the lock
			return err
		}
		file := e.File
		lock.remove(name)
		if err := lock.write(dir); err != nil {
			return err
		}
		if file != "" && filepath.Base(file) == file {
			if err := os.Remove(filepath.Join(dir, file)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("cannot remove %s: %w", filepath.Join(dir, file), unwrapped(err))
			}
		}
		return nil
	}
	return fmt.Errorf("plugin %q %w in %s", name, ErrNotFound, strings.Join(p.Dirs, ", "))
}

// Installed is an entry and where it is.
type Installed struct {
	Entry
	Dir string
}

// List returns what is installed, the first directory first. Of two of one name only the first counts.
func (p *Policy) List() ([]Installed, error) {
	var all []Installed
	seen := map[string]bool{}
	for _, dir := range p.Dirs {
		lock, err := p.readLock(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range lock.Plugins {
			if !seen[e.Name] {
				seen[e.Name] = true
				all = append(all, Installed{e, dir})
			}
		}
	}
	return all, nil
}

// lockDir keeps two installs into one directory apart: the second one fails.
func lockDir(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, "."+LockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", path, unwrapped(err))
	}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK}); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot lock %s: another install or remove is under way: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}
