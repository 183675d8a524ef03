// Package trust decides what may be executed as a plugin, and keeps the record of what was installed.
//
// A plugin is found by its name in the plugin directories, or named by command=. What is about to be executed must be
// a file that only root and the daemon's own user could have put there or changed: the file and every directory
// above it belong to one of them and cannot be written by others. If a hash is known (plugins.lock, sha256=, files=) the
// content must match it. What is checked is what is executed: an ELF file is opened once, hashed through that descriptor and executed
// by it; a script is read once, hashed, and executed from a copy in a directory of the daemon's.
//
// Installing is a local action of a user who may write to a plugin directory; nothing here is reachable over the network.
package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/held"
)

// The bounds of what is read.
const (
	maxScript = 16 << 20 // bytes of a script, which is copied
	maxBinary = 1 << 30  // bytes of an ELF file, or of one of files=
)

// BundledName is the file next to supervisord that holds the plugins that come with Hark.
const BundledName = "supervisor-plugins"

// Policy is what trust is given of its surroundings.
type Policy struct {
	// Dirs are the plugin directories in order of preference, absolute.
	Dirs []string
	// Bundled is the path of supervisor-plugins, "" for none. It is trusted by place and owner, so that an upgrade of the
	// package needs no new record.
	Bundled string
	// BundledPlugins are the names it knows.
	BundledPlugins []string
	// RunDir returns the directory in which one for copies of scripts is created: the daemon's own, which others cannot write. nil: there is none.
	RunDir func() (string, error)
	// UID is the daemon's effective user, whose files are trusted, as root's are.
	UID int

	sums sums
}

// Wanted is one plugin as the configuration has it.
type Wanted struct {
	Name    string
	Command []string // of command=; nil: to be found by its name
	SHA256  string   // of sha256=, hexadecimal; "" : what plugins.lock has
	Files   []string // of files=: PATH or PATH=SHA256, what an interpreter in Command will read
}

// Executable is what may be executed. It is to be closed when the plugin has been started, or was not.
type Executable struct {
	Argv []string // Argv[0] is what the program sees as its name
	// File is the program, to be executed by descriptor; nil: Path is executed.
	File *os.File
	Path string
	// SHA256 is the hash of what will be executed, hexadecimal.
	SHA256 string
	// Bundled is set where it is of the program that comes with Hark.
	Bundled bool
	// Pinned reports whether the content was compared with a known hash, or is the package's own.
	Pinned bool
}

// Close closes the descriptor.
func (e *Executable) Close() error {
	if e.File == nil {
		return nil
	}
	return e.File.Close()
}

// ErrRefused is the cause when a file is there but not to be trusted.
var ErrRefused = errors.New("refused")

// ErrNotFound is the cause if there is no plugin of a name.
var ErrNotFound = errors.New("not found")

func refuse(path, format string, args ...any) error {
	return fmt.Errorf("%w: %s %s", ErrRefused, path, fmt.Sprintf(format, args...))
}

// Resolve finds what to execute for a plugin and checks it. The error says what is wrong with which file, and what to do.
// It reads the whole file, unless it has not changed since it was read last: it may block on a disk.
func (p *Policy) Resolve(w Wanted) (*Executable, error) {
	if len(w.Command) > 0 {
		return p.command(w)
	}
	entry, dir, err := p.find(w.Name)
	switch {
	case err != nil:
		return nil, err
	case entry == nil:
		return p.bundled(w)
	}
	want := entry.SHA256
	if w.SHA256 != "" {
		want = w.SHA256
	}
	argv := entry.Command
	if len(argv) == 0 {
		argv = []string{filepath.Join(dir, entry.File)}
	}
	if len(entry.Files) > 0 {
		var files []string
		for _, f := range entry.Files {
			files = append(files, f.Path+"="+f.SHA256)
		}
		return p.interpreted(argv, want, files)
	}
	if err := p.within(dir, argv[0]); err != nil {
		return nil, err
	}
	e, err := p.open(argv, want)
	if errors.Is(err, errChanged) {
		return nil, fmt.Errorf("%w; if that was intended, run: supervisord plugin install %s", err, argv[0])
	}
	return e, err
}

// find looks for a plugin's record in the plugin directories. A file of the name without a record is refused.
func (p *Policy) find(name string) (*Entry, string, error) {
	for _, dir := range p.Dirs {
		if err := p.checkDirs(dir); err != nil {
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			return nil, "", err
		}
		lock, err := p.readLock(dir)
		if err != nil {
			return nil, "", err
		}
		if e := lock.Entry(name); e != nil {
			return e, dir, nil
		}
		file := filepath.Join(dir, name)
		if _, err := os.Lstat(file); err == nil {
			return nil, "", refuse(file, "is not in %s; install it: supervisord plugin install %s", filepath.Join(dir, LockName), file)
		}
	}
	return nil, "", nil
}

func (p *Policy) bundled(w Wanted) (*Executable, error) {
	if p.Bundled == "" || !slices.Contains(p.BundledPlugins, w.Name) {
		where := strings.Join(p.Dirs, ", ")
		if where == "" {
			where = "no directory (plugin_dirs of [supervisord])"
		}
		return nil, fmt.Errorf("plugin %q %w in %s, nor among those that come with Hark; install it: supervisord plugin install FILE", w.Name, ErrNotFound, where)
	}
	e, err := p.open([]string{p.Bundled, w.Name}, w.SHA256)
	if err == nil {
		e.Pinned, e.Bundled = true, true
	}
	return e, err
}

// command is a plugin whose command= is written in its section.
func (p *Policy) command(w Wanted) (*Executable, error) {
	if !filepath.IsAbs(w.Command[0]) {
		return nil, fmt.Errorf("cannot use command %q: the program must be an absolute path", w.Command[0])
	}
	if len(w.Files) > 0 || len(w.Command) > 1 && p.UID == 0 {
		return p.interpreted(w.Command, w.SHA256, w.Files)
	}
	return p.open(w.Command, w.SHA256)
}

// interpreted checks the files that an interpreter will read by their names. As root, an argument that names a file
// must be among them.
func (p *Policy) interpreted(argv []string, want string, files []string) (*Executable, error) {
	pinned := len(files) > 0
	listed := map[string]bool{}
	for _, item := range files {
		path, hash, has := strings.Cut(item, "=")
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("cannot use %q of files: it must be an absolute path", path)
		}
		got, err := p.hashOf(path)
		if err != nil {
			return nil, err
		}
		if has && !sameHash(hash, got) {
			return nil, changed(path, hash, got)
		}
		pinned = pinned && has
		listed[path] = true
	}
	if p.UID == 0 {
		for _, arg := range argv[1:] {
			if st, err := os.Stat(arg); err == nil && st.Mode().IsRegular() && !listed[arg] {
				return nil, refuse(arg, "is not listed in files=, and supervisord runs as root; add: files = %s", arg)
			}
		}
	}
	e, err := p.open(argv, want)
	if err == nil {
		e.Pinned = pinned
	}
	return e, err
}

func (p *Policy) hashOf(path string) (string, error) {
	f, err := p.openTrusted(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read from
	return p.sums.of(f)
}

// open opens, checks and hashes a program. want is the hash it must have, "" for any.
func (p *Policy) open(argv []string, want string) (*Executable, error) {
	f, err := p.openTrusted(argv[0])
	if err != nil {
		return nil, err
	}
	e, err := p.prepare(f, argv, want)
	if err != nil || e.File == nil {
		_ = f.Close()
	}
	return e, err
}

func (p *Policy) prepare(f *os.File, argv []string, want string) (*Executable, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Mode()&0o111 == 0 {
		return nil, refuse(argv[0], "is not executable; run: chmod +x %s", argv[0])
	}
	magic := make([]byte, 4)
	n, err := io.ReadFull(f, magic)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read %s: %w", argv[0], err)
	}
	magic = magic[:n]
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	e := &Executable{Argv: argv, Pinned: want != ""}
	if bytes.HasPrefix(magic, []byte("#!")) {
		return e, p.script(e, f, want)
	}
	if e.SHA256, err = p.sums.of(f); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", argv[0], err)
	}
	if want != "" && !sameHash(want, e.SHA256) {
		return nil, changed(argv[0], want, e.SHA256)
	}
	if !executedByDescriptor {
		e.Path = argv[0]
		return e, nil
	}
	if !bytes.Equal(magic, []byte("\x7fELF")) {
		return nil, refuse(argv[0], "is neither an ELF program nor a script that begins with #!")
	}
	e.File = f
	return e, nil
}

// script copies a script to the run directory, named by its hash, and has the copy executed: between the check of a script and the moment
// its interpreter opens it by name it could change.
func (p *Policy) script(e *Executable, f *os.File, want string) error {
	text, err := io.ReadAll(io.LimitReader(f, maxScript+1))
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", e.Argv[0], err)
	}
	if len(text) > maxScript {
		return refuse(e.Argv[0], "is a script of more than %d MiB", maxScript>>20)
	}
	sum := sha256.Sum256(text)
	e.SHA256 = hex.EncodeToString(sum[:])
	if want != "" && !sameHash(want, e.SHA256) {
		return changed(e.Argv[0], want, e.SHA256)
	}
	if p.RunDir == nil {
		return fmt.Errorf("cannot run the script %s: there is no run directory for its copy", e.Argv[0])
	}
	dir, err := p.copies()
	if err != nil {
		return fmt.Errorf("cannot make the run directory: %w", err)
	}
	if err := p.checkDirs(dir); err != nil {
		return err
	}
	e.Path = filepath.Join(dir, filepath.Base(e.Argv[0])+"-"+e.SHA256[:16])
	return replaceFile(e.Path, text, 0o755)
}

// copies makes the directory of the copies. Whatever our umask, the users of plugins pass through it.
func (p *Policy) copies() (string, error) {
	run, err := p.RunDir()
	if err != nil {
		return "", err
	}
	const name, mode = "x", 0o711
	d, err := held.OpenDir(run)
	if err != nil {
		return "", err
	}
	defer d.Close() //nolint:errcheck // only a descriptor
	sub, err := d.OpenSubdir(name, mode)
	if err != nil {
		return "", err
	}
	return filepath.Join(run, name), sub.Close()
}

func hash(r io.Reader, most int64) (string, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, most+1))
	if err != nil {
		return "", err
	}
	if n > most {
		return "", fmt.Errorf("it has more than %d bytes", most)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

var errChanged = errors.New("it has changed")

func changed(path, want, got string) error {
	return fmt.Errorf("%w: %s: %w: sha256 is %s, not %s as recorded", ErrRefused, path, errChanged, got, strings.ToLower(want))
}

func sameHash(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), b) }
