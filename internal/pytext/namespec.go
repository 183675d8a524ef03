package pytext

import "strings"

// Namespec returns how a process is named: group:process, or the name alone where both are the same
// (supervisor/options.py, make_namespec).
func Namespec(group, process string) string {
	if group == process {
		return process
	}
	return group + ":" + process
}

// SplitNamespec is the reverse: a name alone is both; group:* and group: are the whole group, whose process is then ""
// (supervisor/options.py, split_namespec).
func SplitNamespec(namespec string) (group, process string, whole bool) {
	group, process, two := strings.Cut(namespec, ":")
	if !two {
		return namespec, namespec, false
	}
	if process == "" || process == "*" {
		return group, "", true
	}
	return group, process, false
}
