package config

import (
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// glob is Python's glob.glob: * and ? and [set] within one path element, [!set]
// for its opposite, ** no more than *, no escapes, and names with a leading dot
// only for patterns with one. Unreadable directories hold nothing.
func (p *paths) glob(pattern string) []string {
	dir, base := splitPath(pattern)
	if !hasMagic(pattern) {
		if base != "" {
			if _, err := os.Lstat(p.at(pattern)); err == nil {
				return []string{pattern}
			}
		} else if p.isDir(dir) {
			return []string{pattern}
		}
		return nil
	}
	if dir == "" {
		return p.globIn("", base)
	}
	dirs := []string{dir}
	if dir != pattern && hasMagic(dir) {
		dirs = p.glob(dir)
	}
	var found []string
	for _, d := range dirs {
		for _, name := range p.globIn(d, base) {
			found = append(found, joinPath(d, name))
		}
	}
	return found
}

// splitPath is os.path.split.
func splitPath(name string) (dir, base string) {
	return dirName(name), name[strings.LastIndexByte(name, '/')+1:]
}

func hasMagic(s string) bool { return strings.ContainsAny(s, "*?[") }

// globIn lists the names in one directory that match.
func (p *paths) globIn(dir, base string) []string {
	if !hasMagic(base) {
		if base == "" {
			if p.isDir(dir) {
				return []string{""}
			}
			return nil
		}
		if _, err := os.Lstat(p.at(joinPath(dir, base))); err == nil {
			return []string{base}
		}
		return nil
	}
	at := dir
	if at == "" {
		at = "."
	}
	entries, err := os.ReadDir(p.at(at))
	if err != nil {
		return nil
	}
	match, err := regexp.Compile(fnmatch(base))
	if err != nil {
		return nil // a range out of order: Python drops it and so matches nothing
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(base, ".") {
			continue
		}
		if match.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// fnmatch turns a shell pattern into a regular expression, as Python's fnmatch does.
func fnmatch(pattern string) string {
	var b strings.Builder
	b.WriteString(`\A(?s:`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[':
			j := i + 1
			if j < len(pattern) && pattern[j] == '!' {
				j++
			}
			if j < len(pattern) && pattern[j] == ']' {
				j++
			}
			n := strings.IndexByte(pattern[min(j, len(pattern)):], ']')
			if n < 0 {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(characterSet(pattern[i+1 : j+n]))
			i = j + n
		default:
			if c < utf8.RuneSelf {
				b.WriteString(regexp.QuoteMeta(string(c)))
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteString(`)\z`)
	return b.String()
}

// characterSet writes the inside of [...] with everything but ! and - taken literally.
func characterSet(set string) string {
	not := ""
	if s, ok := strings.CutPrefix(set, "!"); ok {
		not, set = "^", s
	}
	var b strings.Builder
	runes := []rune(set)
	literal := func(r rune) {
		if strings.ContainsRune(`\]^[-`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	for i := 0; i < len(runes); i++ {
		if i+2 < len(runes) && runes[i+1] == '-' {
			if runes[i] <= runes[i+2] {
				literal(runes[i])
				b.WriteByte('-')
				literal(runes[i+2])
			}
			i += 2
			continue
		}
		literal(runes[i])
	}
	if b.Len() == 0 {
		if not != "" {
			return "."
		}
		return `[^\x00-\x{10FFFF}]`
	}
	return "[" + not + b.String() + "]"
}
