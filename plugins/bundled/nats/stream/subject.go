// Package stream is what the plugin nats and the listener nats-bridge share: what the messages in the stream look like, and how to connect to
// the servers. It needs nothing of the plugins' SDK.
package stream

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// DefaultStream is the stream's name where none is given.
	DefaultStream = "HARK"
	// DefaultPrefix is what subjects begin with where nothing else is given.
	DefaultPrefix = "hark"

	// maxToken limits a token, and maxPrefix the part before them, in bytes: a server closes the connection permanently if a subject makes
	// its line longer than 4 KiB (max_control_line), which holds three tokens of names, the prefix and the reply address.
	maxToken  = 512
	maxPrefix = 1024
	// cutMark stands in a token that was too long before the digest of the whole name, of digestSize characters.
	cutMark    = "~"
	digestSize = 16

	// empty is the token of an empty name, as that of the process in an event about none. A process called "-" is %2D.
	empty = "-"
	hexes = "0123456789ABCDEF"
)

// eventSubject is PREFIX.events.IDENTIFIER.GROUP.PROCESS.TYPE.
func (s *Source) eventSubject(group, process, kind string) string {
	return s.Prefix + ".events." + Token(s.Identifier) + "." + Token(group) + "." + Token(process) + "." + Token(kind)
}

// logSubject is PREFIX.logs.IDENTIFIER.GROUP.PROCESS.CHANNEL.
func (s *Source) logSubject(group, process, channel string) string {
	return s.Prefix + ".logs." + Token(s.Identifier) + "." + Token(group) + "." + Token(process) + "." + Token(channel)
}

// Token makes a token of a subject of a name: letters, digits, "-" and "_" stay, any other byte becomes % and two hexadecimal digits; what is
// empty becomes "-", and "-" becomes %2D. Name reverses it. A token longer than 512 bytes is cut, and has a digest of the name at its end.
func Token(name string) string {
	switch name {
	case "":
		return empty
	case empty:
		return "%2D"
	}
	plain := 0
	for plain < len(name) && isPlain(name[plain]) {
		plain++
	}
	token := name
	if plain < len(name) {
		token = escape(name, isPlain)
	}
	if len(token) > maxToken {
		return shorten(token)
	}
	return token
}

// shorten cuts a token between two characters and puts a digest of the whole behind it, so that two names that begin alike stay two.
func shorten(token string) string {
	digest := sha256.Sum256([]byte(token))
	n := maxToken - len(cutMark) - digestSize
	if i := strings.LastIndexByte(token[:n], '%'); i > n-len("%00") {
		n = i
	}
	return token[:n] + cutMark + hex.EncodeToString(digest[:digestSize/2])
}

func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func escape(s string, plain func(byte) bool) string {
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hexes[c>>4], hexes[c&15])
		}
	}
	return string(b)
}

var errEscape = errors.New("a % stands without two hexadecimal digits")

func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errEscape
		}
		high, low := strings.IndexByte(hexes, s[i+1]), strings.IndexByte(hexes, s[i+2])
		if high < 0 || low < 0 {
			return "", errEscape
		}
		b = append(b, byte(high<<4|low))
		i += 2
	}
	return string(b), nil
}

// Name is the name that a token was made of. Of one that was too long it is an error: the message's header has the name.
func Name(token string) (string, error) {
	if token == empty {
		return "", nil
	}
	if strings.Contains(token, cutMark) {
		return "", fmt.Errorf("the token %.80q is cut: see the message's header", token)
	}
	name, err := unescape(token)
	if err != nil {
		return "", fmt.Errorf("cannot read the token %.80q: %w", token, err)
	}
	return name, nil
}

// header makes a text fit for a header: control characters, % and invalid UTF-8 are escaped as in tokens.
func header(s string) string {
	safe := func(c byte) bool { return c >= ' ' && c != 0x7f && c != '%' }
	if !utf8.ValidString(s) || s != strings.TrimSpace(s) {
		safe = func(c byte) bool { return c > ' ' && c < 0x7f && c != '%' }
	}
	for i := range len(s) {
		if !safe(s[i]) {
			return escape(s, safe)
		}
	}
	return s
}

// CheckPrefix reports whether subjects may begin with it: tokens of letters, digits, "-" and "_", separated by dots, of at most 1 KB.
func CheckPrefix(prefix string) error {
	if len(prefix) > maxPrefix {
		return fmt.Errorf("must be at most %d bytes long", maxPrefix)
	}
	for token := range strings.SplitSeq(prefix, ".") {
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r > 0x7f || !isPlain(byte(r)) }) {
			return errors.New("must be words of letters, digits, - and _, separated by dots")
		}
	}
	return nil
}

// CheckStream reports whether it can be a stream's name, or a durable consumer's.
func CheckStream(name string) error {
	const longest = 255 // bytes; the server makes a directory of it
	if name == "" || len(name) > longest || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`.*>/\`, r) }) {
		return errors.New(`must be a name without spaces, dots, *, >, / and \`)
	}
	return nil
}
