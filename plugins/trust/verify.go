package trust

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Verify checks an installed plugin as a start would, without starting it, and returns the hash of its program.
func (p *Policy) Verify(name string) (string, error) {
	entry, _, err := p.find(name)
	if err != nil {
		return "", err
	}
	if entry == nil {
		return "", fmt.Errorf("plugin %q %w in %s", name, ErrNotFound, strings.Join(p.Dirs, ", "))
	}
	e, err := p.Resolve(Wanted{Name: name})
	if err != nil {
		return "", err
	}
	return e.SHA256, e.Close()
}

// VerifyDirs looks for what is in the plugin directories and should not be: files without a record. The
// paths are sorted within each directory.
func (p *Policy) VerifyDirs() (stray []string, err error) {
	for _, dir := range p.Dirs {
		lock, err := p.readLock(dir)
		if err != nil {
			return nil, err
		}
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return nil, err
		}
		for _, path := range names {
			if base := filepath.Base(path); base != LockName && base != "."+LockName && !lock.hasFile(base) {
				stray = append(stray, path)
			}
		}
	}
	return stray, nil
}

func (l *Lock) hasFile(base string) bool {
	for _, e := range l.Plugins {
		if e.File == base {
			return true
		}
	}
	return false
}
