//go:build linux

package locale

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

const (
	// localeDir is compiled into the C library; Debian, Ubuntu, Fedora, SUSE and Arch
	// have this one.
	localeDir   = "/usr/lib/locale"
	aliasFile   = "/usr/share/locale/locale.alias"
	archiveName = "locale-archive"
	// longestName is the longest name of a locale that setlocale takes, in bytes.
	longestName = 255
	// longestTable bounds what is read of a file's tables, in bytes. The archive of
	// all locales there are has 0.1 MB of them.
	longestTable = 16 << 20
)

// library is where a C library finds its locales.
type library struct {
	dir   string // has the archive, and a directory a locale
	alias string // the file of aliases
	path  string // LOCPATH
}

func system() library { return library{dir: localeDir, alias: aliasFile} }

// installed reports whether setlocale(LC_CTYPE, name) succeeds; name is neither C nor
// POSIX.
func (l library) installed(name string) bool {
	if len(name) > longestName || climbs(name) {
		return false
	}
	dirs := []string{l.dir}
	if l.path != "" { // then it counts, and not the archive
		dirs = append(filepath.SplitList(l.path), l.dir)
	} else if l.archived(name) {
		return true
	}
	if real := l.aliased(name); real != "" {
		name = real
		if l.path == "" && l.archived(name) {
			return true
		}
	}
	return inDirectories(dirs, split(name))
}

// climbs reports whether a name, which becomes a path, is refused as such. One that
// begins with a slash is taken, below the directories all the same.
func climbs(name string) bool {
	return strings.Contains("/"+name+"/", "/../") || strings.Contains(name, "/") && name[0] != '/'
}

// parts are those of a name, language_territory.codeset@modifier.
type parts struct {
	language, territory, codeset, modifier string
	hasCodeset                             bool // though it may be empty, which no locale's is
}

func split(name string) parts {
	var p parts
	end := strings.IndexAny(name, "_.@")
	if end == 0 {
		return parts{language: name} // there must be a language
	}
	if end < 0 {
		end = len(name)
	}
	p.language, name = name[:end], name[end:]
	cut := func(mark, ends string) string {
		rest, ok := strings.CutPrefix(name, mark)
		if !ok {
			return ""
		}
		end := strings.IndexAny(rest, ends)
		if end < 0 || ends == "" {
			end = len(rest)
		}
		name = rest[end:]
		return rest[:end]
	}
	p.territory = cut("_", ".@")
	p.hasCodeset = strings.HasPrefix(name, ".")
	p.codeset = cut(".", "@")
	p.modifier = cut("@", "")
	return p
}

// normalCodeset is a codeset as names of directories and of the archive's entries
// have it: letters and digits, in lower case; "iso" before digits alone.
func normalCodeset(s string) string {
	var b strings.Builder
	letters := false
	for _, c := range []byte(s) {
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
			fallthrough
		case c >= 'a' && c <= 'z':
			letters = true
			fallthrough
		case c >= '0' && c <= '9':
			b.WriteByte(c)
		}
	}
	if !letters {
		return "iso" + b.String()
	}
	return b.String()
}

// inDirectories reports whether a directory has the locale, or the locale without
// its territory, codeset or modifier, as long as the codeset is the same.
func inDirectories(dirs []string, p parts) bool {
	optional := func(mark, s string) []string {
		if s == "" {
			return []string{""}
		}
		return []string{mark + s, ""}
	}
	codesets := optional(".", p.codeset)
	if normal := normalCodeset(p.codeset); p.codeset != "" && normal != p.codeset {
		codesets = []string{"." + p.codeset, "." + normal, ""}
	}
	// The order is the C library's: the first that can be read decides.
	for _, modifier := range optional("@", p.modifier) {
		for _, territory := range optional("_", p.territory) {
			for _, codeset := range codesets {
				for _, dir := range dirs {
					if dir == "" {
						continue
					}
					its, ok := readCodeset(filepath.Join(dir, p.language+territory+codeset+modifier, category))
					if ok {
						return !p.hasCodeset || sameCodeset(its, p.codeset)
					}
				}
			}
		}
	}
	return false
}

// sameCodeset reports whether two names are the same codeset's, as far as spelling
// goes: other names of one (LATIN1 of ISO-8859-1) are in gconv's tables, and hardly in
// anybody's LANG.
func sameCodeset(a, b string) bool {
	spelt := func(s string) string { // less what the C library skips
		return strings.Map(func(r rune) rune {
			if r >= 0x80 || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.,:/", r) {
				return -1
			}
			return unicode.ToUpper(r)
		}, s)
	}
	const utf8, short = "UTF-8", "UTF8" // of this one gconv takes no other spelling
	if spelt(a) == utf8 {
		return spelt(b) == utf8 || spelt(b) == short
	}
	return normalCodeset(a) == normalCodeset(b)
}

// readCodeset is the codeset in a compiled LC_CTYPE; false where the file is none.
func readCodeset(file string) (string, bool) {
	const (
		magic       = 0x20090720 // less the number of the category, which is 0 (localeinfo.h)
		codesetItem = 14         // _NL_CTYPE_CODESET_NAME
		headerSize  = 4 * (2 + codesetItem + 1)
		longest     = 64
	)
	if st, err := os.Stat(file); err == nil && st.IsDir() {
		file = filepath.Join(file, "SYS_"+category)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", false
	}
	defer f.Close()
	var header [headerSize]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return "", false
	}
	item := func(i int) uint32 { return binary.NativeEndian.Uint32(header[4*i:]) }
	if item(0) != magic || item(1) <= codesetItem {
		return "", false
	}
	name := make([]byte, longest)
	n, _ := f.ReadAt(name, int64(item(2+codesetItem)))
	end := bytes.IndexByte(name[:n], 0)
	if end <= 0 {
		return "", false
	}
	return string(name[:end]), true
}

// aliased is what the file of aliases says a name stands for, "" for nothing.
func (l library) aliased(name string) string {
	f, err := os.Open(l.alias)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, longestTable))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 && !strings.HasPrefix(words[0], "#") && strings.EqualFold(words[0], name) {
			return words[1]
		}
	}
	return ""
}

// archived reports whether the archive has a locale of that name, its codeset
// normalised.
func (l library) archived(name string) bool {
	f, err := os.Open(filepath.Join(l.dir, archiveName))
	if err != nil {
		return false
	}
	defer f.Close()
	if at := strings.IndexByte(name, '.'); at >= 0 {
		codeset, rest := name[at+1:], ""
		if end := strings.IndexByte(codeset, '@'); end >= 0 {
			codeset, rest = codeset[:end], codeset[end:]
		}
		if codeset != "" {
			name = name[:at+1] + normalCodeset(codeset) + rest
		}
	}
	return archiveHas(f, name)
}

// archiveHas looks through the archive's table of names (locarchive.h), used entries
// or not: it is small, and no hash need be computed.
func archiveHas(f io.ReaderAt, name string) bool {
	const (
		magic      = 0xde020109
		headerSize = 4 * 8
		entrySize  = 4 * 3 // hash, name's place, record's place
	)
	table := func(offset, size uint32) []byte {
		if size > longestTable {
			return nil
		}
		b := make([]byte, size)
		if n, err := f.ReadAt(b, int64(offset)); n < len(b) && err != nil {
			return nil
		}
		return b
	}
	header := table(0, headerSize)
	if header == nil {
		return false
	}
	item := func(b []byte, i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	if item(header, 0) != magic {
		return false
	}
	entries, count := item(header, 2), item(header, 4)
	if count > longestTable/entrySize {
		return false
	}
	stringsAt := item(header, 5)
	names := table(stringsAt, item(header, 6))
	for b := table(entries, count*entrySize); len(b) >= entrySize; b = b[entrySize:] {
		at, record := item(b, 1), item(b, 2)
		if at < stringsAt || record == 0 || int64(at-stringsAt) >= int64(len(names)) {
			continue
		}
		if rest, ok := bytes.CutPrefix(names[at-stringsAt:], []byte(name)); ok && len(rest) > 0 && rest[0] == 0 {
			return true
		}
	}
	return false
}
