package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// LockName is the record of a plugin directory.
const LockName = "plugins.lock"

const (
	lockVersion = 1
	maxLock     = 4 << 20 // bytes
)

// Lock is the record of what is installed in one directory.
type Lock struct {
	Version int     `json:"version"`
	Plugins []Entry `json:"plugins"` // by name
}

// Entry is one installed plugin.
type Entry struct {
	Name    string   `json:"name"`
	Version string   `json:"plugin_version"`
	Doc     string   `json:"doc,omitempty"`
	Kinds   []string `json:"kinds"` // notifier, logsink, namespace
	// Description is all that it said of itself, as it said it: the keys that its sections may have, among others.
	Description json.RawMessage `json:"description,omitempty"`
	File        string          `json:"file,omitempty"`    // its name in the directory
	Command     []string        `json:"command,omitempty"` // of a plugin with an interpreter
	SHA256      string          `json:"sha256"`            // of the file, or of the interpreter; "" : not recorded, of an interpreter
	Files       []HashedFile    `json:"files,omitempty"`   // what the interpreter reads
	Installed   time.Time       `json:"installed"`
}

// HashedFile is a file and what it must be.
type HashedFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// readLock reads the record of a directory; without one it is empty. What it names is executed, so it is refused
// if others than root and the daemon's user can have written it, like the files that it names.
func (p *Policy) readLock(dir string) (*Lock, error) {
	path := filepath.Join(dir, LockName)
	f, err := p.openTrusted(path)
	if errors.Is(err, os.ErrNotExist) {
		return &Lock{Version: lockVersion}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxLock+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, unwrapped(err))
	}
	if len(data) > maxLock {
		return nil, fmt.Errorf("cannot read %s: it has more than %d MiB", path, maxLock>>20)
	}
	l := &Lock{}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(l); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w; install the plugins again (supervisord plugin install) after moving it away", path, err)
	}
	if l.Version != lockVersion {
		return nil, fmt.Errorf("cannot read %s: it is of version %d, this Hark knows %d", path, l.Version, lockVersion)
	}
	return l, nil
}

// Entry finds a plugin, nil if it is not there.
func (l *Lock) Entry(name string) *Entry {
	for i := range l.Plugins {
		if l.Plugins[i].Name == name {
			return &l.Plugins[i]
		}
	}
	return nil
}

// Recorded returns the description that a plugin, found by its name, gave when it was installed; nil: there is no such plugin, or nothing is recorded.
func (p *Policy) Recorded(name string) (json.RawMessage, error) {
	e, _, err := p.find(name)
	if err != nil || e == nil {
		return nil, err
	}
	return e.Description, nil
}

// put replaces or adds an entry.
func (l *Lock) put(e Entry) {
	l.remove(e.Name)
	at, _ := slices.BinarySearchFunc(l.Plugins, e.Name, func(have Entry, name string) int {
		switch {
		case have.Name < name:
			return -1
		case have.Name > name:
			return 1
		}
		return 0
	})
	l.Plugins = slices.Insert(l.Plugins, at, e)
}

func (l *Lock) remove(name string) bool {
	n := len(l.Plugins)
	l.Plugins = slices.DeleteFunc(l.Plugins, func(e Entry) bool { return e.Name == name })
	return len(l.Plugins) < n
}

// write replaces the record on disk.
func (l *Lock) write(dir string) error {
	data, err := json.MarshalIndent(l, "", "\t")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, LockName), append(data, '\n'), 0o644)
}
