package config

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// User is a resolved account.
type User struct {
	Name   string // as written in the configuration
	UID    int
	GID    int
	Groups []int // supplementary groups, GID first
	Home   string
}

// Owner is a chown or socket_owner value: ids, -1 where not given.
type Owner struct{ UID, GID int }

// ErrUnknownAccount is the error of Accounts for a name or id that does not exist.
var ErrUnknownAccount = errors.New("no such account")

// Accounts looks users and groups up.
type Accounts interface {
	// User finds a user by name or decimal id, with its supplementary groups.
	User(nameOrID string) (User, error)
	// Group finds a group's id by name or decimal id.
	Group(nameOrID string) (int, error)
}

// anybody is Accounts to which every name is an account: one that those behind it do not
// know has our own ids.
type anybody struct{ known Accounts }

// User implements Accounts.
func (a anybody) User(nameOrID string) (User, error) {
	if u, err := a.known.User(nameOrID); err == nil {
		return u, nil
	}
	return User{Name: nameOrID, UID: os.Getuid(), GID: os.Getgid(), Groups: []int{os.Getgid()}, Home: "/"}, nil
}

// Group implements Accounts.
func (a anybody) Group(nameOrID string) (int, error) {
	if gid, err := a.known.Group(nameOrID); err == nil {
		return gid, nil
	}
	return os.Getgid(), nil
}

// AccountFiles finds users and groups in files of the form of /etc/passwd and
// /etc/group, read once, at the first question. A lookup that finds nothing
// there is asked of Fallback. It is not safe for use by several goroutines.
type AccountFiles struct {
	Passwd string // default /etc/passwd
	Groups string // default /etc/group
	// Fallback runs a command and returns its standard output; the daemon lets
	// it run getent, which knows LDAP and the like. nil: the files are all there is.
	Fallback func(argv []string) ([]byte, error)

	read   bool
	users  []passwdLine
	groups []groupLine
}

type passwdLine struct {
	name     string
	uid, gid int
	home     string
}

type groupLine struct {
	name    string
	gid     int
	members []string
}

func (a *AccountFiles) load() {
	if a.read {
		return
	}
	a.read = true
	for _, line := range fileLines(a.Passwd, "/etc/passwd") {
		if u, ok := parsePasswd(line); ok {
			a.users = append(a.users, u)
		}
	}
	for _, line := range fileLines(a.Groups, "/etc/group") {
		if g, ok := parseGroup(line); ok {
			a.groups = append(a.groups, g)
		}
	}
}

// fileLines is empty for a file that cannot be read: then it defines no account.
func fileLines(path, otherwise string) []string {
	if path == "" {
		path = otherwise
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Split(string(data), "\n")
}

func parsePasswd(line string) (passwdLine, bool) {
	f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
	if len(f) < 7 || f[0] == "" || f[0][0] == '+' || f[0][0] == '-' || f[0][0] == '#' {
		return passwdLine{}, false
	}
	uid, err1 := strconv.Atoi(f[2])
	gid, err2 := strconv.Atoi(f[3])
	return passwdLine{f[0], uid, gid, f[5]}, err1 == nil && err2 == nil && uid >= 0 && gid >= 0
}

func parseGroup(line string) (groupLine, bool) {
	f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
	if len(f) < 4 || f[0] == "" || f[0][0] == '+' || f[0][0] == '-' || f[0][0] == '#' {
		return groupLine{}, false
	}
	gid, err := strconv.Atoi(f[2])
	return groupLine{f[0], gid, strings.Split(f[3], ",")}, err == nil && gid >= 0
}

// User implements Accounts. As Supervisor drops privileges by uid, the line
// that counts for group and home is the first with the user's uid.
func (a *AccountFiles) User(nameOrID string) (User, error) {
	a.load()
	line, local, err := a.findUser(nameOrID)
	if err != nil {
		return User{}, err
	}
	if first, isLocal, err := a.findUser(strconv.Itoa(line.uid)); err == nil {
		line, local = first, isLocal
	}
	u := User{Name: nameOrID, UID: line.uid, GID: line.gid, Home: line.home, Groups: []int{line.gid}}
	for _, g := range a.groups {
		for _, m := range g.members {
			if m == line.name {
				u.Groups = addGroup(u.Groups, g.gid)
			}
		}
	}
	if !local {
		// Whoever is not in the files may be in groups that are not either.
		out, err := a.ask("initgroups", line.name)
		if err == nil {
			for _, field := range strings.Fields(out)[1:] {
				if gid, err := strconv.Atoi(field); err == nil && gid >= 0 {
					u.Groups = addGroup(u.Groups, gid)
				}
			}
		}
	}
	return u, nil
}

func addGroup(groups []int, gid int) []int {
	for _, g := range groups {
		if g == gid {
			return groups
		}
	}
	return append(groups, gid)
}

// findUser also reports whether the files had the user.
func (a *AccountFiles) findUser(nameOrID string) (passwdLine, bool, error) {
	id, err := integer(nameOrID)
	byID := err == nil
	for _, u := range a.users {
		if byID && int64(u.uid) == id || !byID && u.name == nameOrID {
			return u, true, nil
		}
	}
	question := nameOrID
	if byID {
		question = strconv.FormatInt(id, 10)
	}
	out, err := a.ask("passwd", question)
	if err != nil {
		return passwdLine{}, false, err
	}
	u, ok := parsePasswd(out)
	// getent may know the name by another spelling, but not by another number.
	if !ok || byID && int64(u.uid) != id {
		return passwdLine{}, false, ErrUnknownAccount
	}
	return u, false, nil
}

// Group implements Accounts.
func (a *AccountFiles) Group(nameOrID string) (int, error) {
	a.load()
	id, err := integer(nameOrID)
	byID := err == nil
	for _, g := range a.groups {
		if byID && int64(g.gid) == id || !byID && g.name == nameOrID {
			return g.gid, nil
		}
	}
	question := nameOrID
	if byID {
		question = strconv.FormatInt(id, 10)
	}
	out, err := a.ask("group", question)
	if err != nil {
		return 0, err
	}
	g, ok := parseGroup(out)
	if !ok || byID && int64(g.gid) != id {
		return 0, ErrUnknownAccount
	}
	return g.gid, nil
}

// ask is the first line of getent's answer.
func (a *AccountFiles) ask(database, key string) (string, error) {
	// A name that getent could take for an option, or that no line of its
	// answer could hold, does not exist.
	if a.Fallback == nil || key == "" || key[0] == '-' || strings.ContainsAny(key, ":\n\x00") {
		return "", ErrUnknownAccount
	}
	out, err := a.Fallback([]string{"getent", database, key})
	if err != nil {
		return "", fmt.Errorf("%w: getent %s: %w", ErrUnknownAccount, database, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if strings.TrimSpace(line) == "" {
		return "", ErrUnknownAccount
	}
	return line, nil
}
