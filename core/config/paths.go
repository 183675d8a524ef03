package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// paths turns file names as Python's os.path does: for names kept and compared
// as text, filepath.Clean and Join differ in too many corners.
type paths struct {
	cwd      string   // absolute
	home     string   // $HOME
	hasHome  bool     // whether $HOME is set
	uid      int      // the user whose home ~ is if $HOME is not set
	accounts Accounts // for ~name
	anywhere bool     // every directory is taken to be there
}

// expandUser replaces a leading ~ or ~name by a home directory; an unknown name
// stays as it is (os.path.expanduser).
func (p *paths) expandUser(name string) string {
	if !strings.HasPrefix(name, "~") {
		return name
	}
	user, rest := name[1:], ""
	if i := strings.IndexByte(name, '/'); i >= 0 {
		user, rest = name[1:i], name[i:]
	}
	home := p.home
	if user != "" || !p.hasHome {
		if user == "" {
			user = strconv.Itoa(p.uid)
		} else if _, err := strconv.Atoi(user); err == nil {
			return name // a number is not a user name here
		}
		u, err := p.accounts.User(user)
		if err != nil {
			return name
		}
		home = u.Home
	}
	if s := strings.TrimRight(home, "/") + rest; s != "" {
		return s
	}
	return "/"
}

// absolute is os.path.abspath.
func (p *paths) absolute(name string) string {
	return normPath(joinPath(p.cwd, name))
}

// normalize is options.py's normalize_path.
func (p *paths) normalize(name string) string { return p.absolute(p.expandUser(name)) }

// normPath is os.path.normpath: filepath.Clean, but two leading slashes stay two.
func normPath(name string) string {
	if strings.HasPrefix(name, "//") && !strings.HasPrefix(name, "///") {
		return "/" + filepath.Clean(name)
	}
	return filepath.Clean(name)
}

// joinPath is os.path.join of two parts.
func joinPath(dir, name string) string {
	switch {
	case strings.HasPrefix(name, "/") || dir == "":
		return name
	case strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}

// dirName is os.path.dirname: what precedes the last slash, "" without one.
func dirName(name string) string {
	head := name[:strings.LastIndexByte(name, '/')+1]
	if trimmed := strings.TrimRight(head, "/"); trimmed != "" {
		return trimmed
	}
	return head
}

// at is where a name leads for the system calls of this process.
func (p *paths) at(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return joinPath(p.cwd, name)
}

func (p *paths) isDir(name string) bool {
	if name == "" || p.anywhere {
		return name != ""
	}
	st, err := os.Stat(p.at(name))
	return err == nil && st.IsDir()
}

// existingDirectory is a directory that is there.
func (p *paths) existingDirectory(v string) (string, error) {
	if name := p.expandUser(v); p.isDir(name) {
		return name, nil
	}
	return "", fmt.Errorf("%s is not an existing directory", v)
}

// existingDirPath is a file name whose directory exists.
func (p *paths) existingDirPath(v string) (string, error) {
	name := p.expandUser(v)
	if dir := dirName(name); dir == "" || p.isDir(dir) {
		return name, nil
	}
	return "", fmt.Errorf("The directory named as part of the path %s does not exist", v) //nolint:staticcheck // Supervisor's words
}

// tempDir is Python's tempfile.gettempdir: the first of these directories in
// which a file can be made, the working directory as the last.
func (p *paths) tempDir(environ map[string]any) string {
	var candidates []string
	for _, name := range []string{"ENV_TMPDIR", "ENV_TEMP", "ENV_TMP"} {
		if v, ok := environ[name].(string); ok && v != "" {
			candidates = append(candidates, v)
		}
	}
	candidates = append(candidates, "/tmp", "/var/tmp", "/usr/tmp", p.cwd)
	for _, c := range candidates {
		dir := p.absolute(c)
		f, err := os.CreateTemp(dir, "")
		if err != nil {
			continue
		}
		_ = f.Close()
		_ = os.Remove(f.Name())
		return dir
	}
	return p.cwd
}
