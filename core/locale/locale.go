// Package locale gives the daemon the environment that Python would give
// Supervisor's, because programs inherit it.
//
// Python's start-up (PEP 538, since 3.7) looks whether the C library's LC_CTYPE is
// "C": nothing is set, or LANG is C or POSIX, or it names a locale that is not
// installed. It then sets LC_CTYPE to the first of C.UTF-8, C.utf8 and UTF-8 that
// is installed, so that text is UTF-8 nevertheless. LC_ALL, and
// PYTHONCOERCECLOCALE=0, keep it from doing so. A program without a locale reads
// text as ASCII; one that asks the locale and runs under Supervisor is not used to
// that.
//
// This binary has no C library to ask. Whether a locale is installed is found out as
// setlocale of the GNU C library does it: in its archive, then in its directories
// (glibc.go). Where no candidate is installed, as with the musl library, whose locale is
// UTF-8 without any of this, nothing is set.
package locale

import "strings"

const (
	category   = "LC_CTYPE"
	switchName = "PYTHONCOERCECLOCALE"
)

// targets are the locales that Python tries, in its order.
func targets() []string { return []string{"C.UTF-8", "C.utf8", "UTF-8"} }

// Environ is the environment environ ("NAME=value") as Python's start-up leaves it:
// the same slice, or a copy with another LC_CTYPE. It reads the files of the system's
// locales and does not block otherwise.
func Environ(environ []string) []string { return system().environ(environ) }

func (l library) environ(environ []string) []string {
	get := func(name string) string {
		for _, v := range environ {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value // of two the first counts, as for getenv
			}
		}
		return ""
	}
	if get("LC_ALL") != "" || get(switchName) == "0" {
		return environ
	}
	l.path = get("LOCPATH")
	name := get(category)
	if name == "" {
		name = get("LANG")
	}
	if name != "" && name != "C" && name != "POSIX" && l.installed(name) {
		return environ
	}
	for _, target := range targets() {
		if l.installed(target) {
			return set(environ, category, target)
		}
	}
	return environ
}

// set is environ with a variable changed or added.
func set(environ []string, name, value string) []string {
	changed := make([]string, 0, len(environ)+1)
	done := false
	for _, v := range environ {
		if strings.HasPrefix(v, name+"=") {
			if done {
				continue
			}
			v, done = name+"="+value, true
		}
		changed = append(changed, v)
	}
	if !done {
		changed = append(changed, name+"="+value)
	}
	return changed
}
