package eventlistener

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Version is the protocol's version, the header's token ver.
const Version = "3.0"

// ReadyToken is the line that a listener writes when it can take an event.
const ReadyToken = "READY\n"

// The results the default handler knows (supervisor/dispatchers.py,
// default_handler): exactly ResultOK accepts, anything else rejects.
const (
	ResultOK   = "OK"
	ResultFail = "FAIL"
)

// maxHeader bounds the header line that ReadEvent accepts, in bytes: far more than the longest sensible names need.
const maxHeader = 64 << 10

// resultPrefix is what a listener writes before the length of its result. Its
// bytes are skipped unread, only their number counts (see resultLength).
const resultPrefix = "RESULT "

// maxResultDigits is Python's limit on the digits of an integer it converts
// (sys.get_int_max_str_digits, since 3.11).
const maxResultDigits = 4300

// Header is the line before an event's payload.
type Header struct {
	Server     string // identifier of the supervisor
	Serial     int64  // the event's number, the same in every pool
	Pool       string // name of the listener pool
	PoolSerial int64  // the event's number in that pool
	EventName  string // name of the type
	Len        int    // length of the payload in characters
	Bytes      int    // length of the payload in bytes; equals Len for ASCII
}

// AppendHeader appends the header line with its newline. Supervisor's tokens
// come first and in its order (supervisor/process.py, _eventEnvelope). The token
// bytes follows only where Bytes differs from Len: Supervisor counts characters
// and Python's text streams read characters, so len must stay what it is, while a
// reader of bytes needs their number.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, "ver:"+Version+" server:"...)
	dst = append(dst, h.Server...)
	dst = append(dst, " serial:"...)
	dst = strconv.AppendInt(dst, h.Serial, 10)
	dst = append(dst, " pool:"...)
	dst = append(dst, h.Pool...)
	dst = append(dst, " poolserial:"...)
	dst = strconv.AppendInt(dst, h.PoolSerial, 10)
	dst = append(dst, " eventname:"...)
	dst = append(dst, h.EventName...)
	dst = append(dst, " len:"...)
	dst = strconv.AppendInt(dst, int64(h.Len), 10)
	if h.Bytes != h.Len {
		dst = append(dst, " bytes:"...)
		dst = strconv.AppendInt(dst, int64(h.Bytes), 10)
	}
	return append(dst, '\n')
}

// ParseHeader reads a header line, with or without its newline. Tokens are
// key:value, separated by one space; the value begins after the first colon. A word
// without a colon belongs to the value before it (an identifier may hold a
// space). Unknown keys are skipped, so that later versions may add some; of a key
// given twice the last counts. ver, eventname and len are required. Without
// bytes, Bytes is Len.
func ParseHeader(line []byte) (Header, error) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	h := Header{Bytes: -1}
	var ver bool
	var name, length bool
	rest := string(line)
	for rest != "" {
		var token string
		token, rest = cutToken(rest)
		key, value, ok := strings.Cut(token, ":")
		if !ok {
			return Header{}, fmt.Errorf("cannot read event header: token %q has no colon", token)
		}
		var err error
		switch key {
		case "ver":
			if value != Version {
				return Header{}, fmt.Errorf("cannot read event header: version is %q, not %q", value, Version)
			}
			ver = true
		case "server":
			h.Server = value
		case "serial":
			h.Serial, err = parseCount(value)
		case "pool":
			h.Pool = value
		case "poolserial":
			h.PoolSerial, err = parseCount(value)
		case "eventname":
			h.EventName, name = value, true
		case "len":
			h.Len, err = parseSize(value)
			length = true
		case "bytes":
			h.Bytes, err = parseSize(value)
		}
		if err != nil {
			return Header{}, fmt.Errorf("cannot read event header: %s is %q, not a count", key, value)
		}
	}
	if !ver || !name || !length {
		return Header{}, fmt.Errorf("cannot read event header: ver, eventname or len is missing in %q", line)
	}
	if h.Bytes < 0 {
		h.Bytes = h.Len
	}
	return h, nil
}

// cutToken separates the first token from the rest: the token ends at a space that is followed by a word with a colon.
func cutToken(s string) (token, rest string) {
	for end := 0; ; {
		i := strings.IndexByte(s[end:], ' ')
		if i < 0 {
			return s, ""
		}
		end += i
		word, _, _ := strings.Cut(s[end+1:], " ")
		if strings.Contains(word, ":") {
			return s[:end], s[end+1:]
		}
		end++
	}
}

var errCount = errors.New("not a count")

func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && (n < 0 || s[0] == '+') {
		err = errCount
	}
	return n, err
}

func parseSize(s string) (int, error) {
	n, err := parseCount(s)
	if err == nil && n > math.MaxInt {
		err = errCount
	}
	return int(n), err
}

// ReadEvent reads a header and its payload, and blocks until it has both. At the end of the stream it returns io.EOF,
// within an event io.ErrUnexpectedEOF. If the header has no bytes token, the payload is Len UTF-8 characters: Hark's
// payload is then plain ASCII, and Python's Supervisor, which sends no such token, counts characters. Memory grows with
// the bytes received, not with the length that the header announces.
func ReadEvent(r *bufio.Reader) (Header, []byte, error) {
	line, err := readLine(r)
	if err != nil {
		return Header{}, nil, err
	}
	h, err := ParseHeader(line)
	if err != nil {
		return Header{}, nil, err
	}
	var payload []byte
	if h.Bytes != h.Len {
		payload, err = readBytes(r, nil, h.Bytes)
	} else {
		payload, err = readChars(r, h.Len)
		h.Bytes = len(payload)
	}
	return h, payload, err
}

// readLine reads up to and with the next newline, maxHeader bytes at most.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxHeader:
			return nil, fmt.Errorf("cannot read event header: no newline within %d bytes", maxHeader)
		case err == nil:
			return line, nil
		case err == io.EOF && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// readBytes appends the next n bytes to dst, a bounded piece at a time.
func readBytes(r *bufio.Reader, dst []byte, n int) ([]byte, error) {
	const piece = 64 << 10
	for n > 0 {
		k := min(n, piece)
		start := len(dst)
		dst = append(dst, make([]byte, k)...)
		got, err := io.ReadFull(r, dst[start:])
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return dst[:start+got], err
		}
		n -= k
	}
	return dst, nil
}

// readChars reads the next n UTF-8 characters. A character still to come needs a
// byte at least, so reading as many bytes as characters are missing never takes
// one too many.
func readChars(r *bufio.Reader, n int) ([]byte, error) {
	var b []byte
	for missing := n; missing > 0; {
		start := len(b)
		var err error
		if b, err = readBytes(r, b, missing); err != nil {
			return b, err
		}
		for _, c := range b[start:] {
			if c&0xC0 != 0x80 { // not the inside of a character
				missing--
			}
		}
	}
	return readBytes(r, b, tailMissing(b))
}

// tailMissing returns how many bytes the last character of b lacks.
func tailMissing(b []byte) int {
	for back := 1; back <= min(len(b), 4); back++ {
		c := b[len(b)-back]
		if c&0xC0 == 0x80 {
			continue
		}
		switch {
		case c >= 0xF0:
			return max(4-back, 0)
		case c >= 0xE0:
			return max(3-back, 0)
		case c >= 0xC0:
			return max(2-back, 0)
		}
		return 0
	}
	return 0
}

// AppendResult appends a listener's answer to an event.
func AppendResult(dst []byte, result string) []byte {
	dst = append(dst, resultPrefix...)
	dst = strconv.AppendInt(dst, int64(len(result)), 10)
	dst = append(dst, '\n')
	return append(dst, result...)
}

// resultLength reads the length in a result line (without newline), as leniently
// as Supervisor (supervisor/dispatchers.py): the first seven bytes are skipped
// whatever they are, and the rest goes through Python's int(): white space
// around, a sign, leading zeros and underscores between digits are fine. A length
// beyond int64 becomes the largest int64, which is more than a listener can ever write.
//
// A negative length is refused here; in Supervisor it causes an endless
// recursion after which the listener's stdout is no longer read.
func resultLength(line []byte) (int64, bool) {
	s := line[min(len(resultPrefix), len(line)):]
	s = bytes.Trim(s, " \t\n\v\f\r")
	negative := false
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		negative = s[0] == '-'
		s = s[1:]
	}
	var n int64
	digits := 0
	for i, c := range s {
		switch {
		case c == '_' && i > 0 && i < len(s)-1 && s[i-1] != '_':
		case c >= '0' && c <= '9':
			digits++
			d := int64(c - '0')
			if n > (math.MaxInt64-d)/10 {
				n = math.MaxInt64
			} else {
				n = n*10 + d
			}
		default:
			return 0, false
		}
	}
	if digits == 0 || digits > maxResultDigits || negative && n > 0 {
		return 0, false
	}
	return n, true
}
