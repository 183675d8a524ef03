//go:build !linux

package locale

import (
	"os"
	"path/filepath"
	"strings"
)

// library is where a C library finds its locales: a directory each, whose name is the
// locale's to the letter.
type library struct {
	dirs []string
	path string // LOCPATH, which means nothing here
}

func system() library { return library{dirs: []string{"/usr/share/locale", "/usr/lib/locale"}} }

// installed reports whether there is a locale of that name; name is neither C nor
// POSIX.
func (l library) installed(name string) bool {
	if strings.Contains(name, "/") || name == "." || name == ".." {
		return false
	}
	for _, dir := range l.dirs {
		if _, err := os.Stat(filepath.Join(dir, name, category)); err == nil {
			return true
		}
	}
	return false
}
