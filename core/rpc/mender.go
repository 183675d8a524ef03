package rpc

import "bytes"

// insertedHost is the header given to a request that has none.
const insertedHost = "Host: localhost\r\n"

// hostMender follows the requests of a connection as they arrive, replaces what
// net/http doesn't allow in a Host, and adds one where there is none. Clients
// of unix sockets send the socket's path for a host, which Supervisor, that
// never looks at it, takes; and nothing here depends on a Host either.
//
// It knows where a request ends by its Content-Length, as net/http does, so
// that no byte of a body is ever changed, however the requests and their
// segments lie to each other. Where a body has no such length, it leaves alone
// what follows on the connection: nothing that Supervisor answers has one.
type hostMender struct {
	off     bool  // nothing is changed any more
	body    int64 // bytes of the body that are still to come
	column  int   // in the line, carriage returns not counted
	begun   bool  // the request line has been seen
	hasHost bool
	name    headerName // of the line
	length  bodyLength
}

// room is how many of a buffer's bytes may be read, so that what is inserted
// fits behind them.
func (m *hostMender) room(size int) int {
	switch {
	case m.off || m.body >= int64(size):
		return size
	case size <= len(insertedHost):
		return size // one byte that net/http reads ahead: nothing can be inserted
	}
	// The shortest request without a Host is longer than what is inserted into
	// it, so that no number of requests needs more than as much again.
	return max(size/2, 1)
}

// mend corrects b[:n] and returns the new n, which is larger by each Host
// header that was inserted; b has the space for them that room reserved.
func (m *hostMender) mend(b []byte, n int) int {
	for i := 0; i < n && !m.off; i++ {
		if m.body > 0 {
			skipped := min(m.body, int64(n-i))
			m.body -= skipped
			i += int(skipped) - 1
			continue
		}
		switch b[i] {
		case '\n':
			if m.column > 0 || !m.begun {
				m.endOfLine()
				continue
			}
			inserted := 0
			if !m.hasHost {
				inserted = insertHost(b, n, i)
			}
			n += inserted
			i += inserted
			m.endOfHeader()
		case '\r':
		default:
			if m.begun {
				b[i] = m.headerByte(b[i])
			}
			m.column++
		}
	}
	return n
}

// insertHost inserts a Host header before the empty line that ends at b[at], if
// all of that line is here and there is room.
func insertHost(b []byte, n, at int) int {
	switch {
	case at > 0 && b[at-1] == '\r':
		at--
	case at == 0:
		return 0 // its carriage return may be gone already
	}
	if n+len(insertedHost) > len(b) {
		return 0
	}
	copy(b[at+len(insertedHost):], b[at:n])
	copy(b[at:], insertedHost)
	return len(insertedHost)
}

func (m *hostMender) endOfLine() {
	m.begun = m.begun || m.column > 0
	m.column = 0
}

func (m *hostMender) endOfHeader() {
	*m = hostMender{body: m.length.n, off: m.length.unknown}
}

// headerByte takes a byte of a header line and returns its replacement.
func (m *hostMender) headerByte(c byte) byte {
	if m.column == 0 && c != ' ' && c != '\t' { // else it continues the line before
		m.name = headerName{}
	}
	if !m.name.over {
		m.name.add(c)
		switch m.name.found {
		case hostHeader:
			m.hasHost = true
		case lengthHeader:
			m.length.begins()
		case encodingHeader:
			m.length.unknown = true
		}
		return c
	}
	switch m.name.found {
	case hostHeader:
		if !hostByte(c) {
			return '.'
		}
	case lengthHeader:
		m.length.add(c)
	}
	return c
}

// The headers that are of interest.
const (
	hostHeader     = "host"
	lengthHeader   = "content-length"
	encodingHeader = "transfer-encoding"
)

// headerName recognises the name of a header as its bytes come.
type headerName struct {
	read  [len(encodingHeader)]byte // in lower case
	n     int
	over  bool
	found string // "": another
}

func (h *headerName) add(c byte) {
	switch {
	case c == ':':
		h.over = true
		for _, name := range []string{hostHeader, lengthHeader, encodingHeader} {
			if string(h.read[:min(h.n, len(h.read))]) == name && h.n == len(name) {
				h.found = name
			}
		}
	case h.n < len(h.read):
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		h.read[h.n] = c
		h.n++
	default:
		h.n = len(h.read) + 1
	}
}

// bodyLength reads the value of a request's Content-Length as its bytes come. Of
// several the first counts: net/http refuses the request if they differ.
type bodyLength struct {
	n       int64
	headers int  // how many there were
	digits  bool // there was one
	over    bool // and a blank behind it
	unknown bool // it cannot be decided here
}

func (l *bodyLength) begins() { l.headers++ }

func (l *bodyLength) add(c byte) {
	const most = 1 << 48 // far from an overflow, and beyond what is ever read
	switch {
	case l.headers > 1:
	case c == ' ' || c == '\t':
		l.over = l.over || l.digits
	case c < '0' || c > '9' || l.over || l.n > most:
		l.unknown = true // net/http refuses the request
	default:
		l.digits = true
		l.n = l.n*10 + int64(c-'0')
	}
}

func hostByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return bytes.IndexByte([]byte(".:-_[]%~ \t"), c) >= 0
}
