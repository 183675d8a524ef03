// Package lines makes lines of the chunks that log sinks receive: a chunk begins and ends anywhere, and a sink that sends
// records needs whole lines. The memory for unfinished lines is bounded, for each channel and in total.
package lines

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/internal/pytext"
	"github.com/hark-supervisor/hark/sdk"
)

// Line is one line of a program's output, without its line feed.
type Line struct {
	Group, Process string
	Pid            int
	Channel        string
	Time           time.Time // when its first byte was read
	Offset         uint64    // of its first byte in the channel
	Data           []byte    // only good until the next call
	Continued      bool      // it is a further piece of a line that was too long
}

// Namespec is group:process, or the name alone where both are the same.
func (l *Line) Namespec() string { return namespec(l.Group, l.Process) }

func namespec(group, process string) string {
	if group == "" {
		return process
	}
	return pytext.Namespec(group, process)
}

const (
	// DefaultMax is the longest piece of a line, in bytes.
	DefaultMax = 8 << 10
	// maxHeld bounds what all unfinished lines of an Assembler hold together, in bytes; beyond it the oldest are given out as they are.
	maxHeld = 4 << 20
	// maxChannels bounds how many channels have an unfinished line.
	maxChannels = 4096
)

// Assembler makes lines of chunks. It is used by one goroutine at a time.
type Assembler struct {
	room func(*Line) int
	held map[key]*part
	size int
}

type key struct{ group, process, channel string }

// part is an unfinished line.
type part struct {
	pid       int
	begun     time.Time // when it was read
	offset    uint64    // of its first byte
	continued bool
	data      []byte
	touched   time.Time // when it last grew, by the caller's clock
}

// New makes an Assembler of lines of at most max bytes; 0 is DefaultMax. A longer one comes in pieces, parted between characters.
func New(maxLine int) *Assembler {
	if maxLine <= 0 {
		maxLine = DefaultMax
	}
	return NewSized(func(*Line) int { return maxLine })
}

// NewSized makes an Assembler of lines of at most room bytes, which is asked once for each chunk and must be more than 0. The line it is given
// has everything but Data, and at most an Offset that is still to rise.
func NewSized(room func(*Line) int) *Assembler {
	return &Assembler{room: room, held: map[key]*part{}}
}

// Add takes a chunk and hands its lines to take. now is for Flush.
func (a *Assembler) Add(r *sdk.LogRecord, now time.Time, take func(*Line)) {
	k := key{r.Group, r.Process, r.Channel}
	p := a.held[k]
	if p != nil && (p.pid != r.Pid || p.offset+uint64(len(p.data)) != r.Offset) {
		// another process writes, or bytes are missing: what is held ends here
		a.give(k, p, take)
		p = nil
	}
	data, offset := r.Data, r.Offset
	line := Line{Group: r.Group, Process: r.Process, Pid: r.Pid, Channel: r.Channel, Time: r.Time}
	limit := a.room(&line)
	if p != nil {
		end := bytes.IndexByte(data, '\n')
		whole := end >= 0
		if !whole {
			end = len(data)
		}
		a.grow(p, data[:end], now)
		if !whole && len(p.data) <= limit {
			a.bound(take)
			return
		}
		line.Time, line.Offset, line.Continued = p.begun, p.offset, p.continued
		rest := pieces(&line, p.data, limit, whole, take)
		if !whole {
			a.size -= len(p.data) - len(rest)
			p.offset, p.continued = line.Offset, line.Continued
			p.data = bytes.Clone(rest) // not within what was grown for a large chunk
			return
		}
		a.drop(k, p)
		data, offset = data[end+1:], offset+uint64(end)+1
	}
	line.Time = r.Time
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		line.Offset, line.Continued = offset, false
		if end < 0 {
			rest := pieces(&line, data, limit, false, take)
			if len(rest) > 0 {
				a.hold(k, &part{pid: r.Pid, begun: r.Time, offset: line.Offset, continued: line.Continued}, rest, now)
			}
			break
		}
		pieces(&line, data[:end], limit, true, take)
		data, offset = data[end+1:], offset+uint64(end)+1
	}
	a.bound(take)
}

// pieces hands out a line in pieces of at most limit bytes; what is left of one that is not whole comes back. line then is at that rest.
func pieces(line *Line, data []byte, limit int, whole bool, take func(*Line)) []byte {
	for len(data) > limit {
		n := cut(data, limit)
		line.Data = data[:n]
		take(line)
		line.Offset += uint64(n)
		line.Continued = true
		data = data[n:]
	}
	if !whole {
		return data
	}
	line.Data = bytes.TrimSuffix(data, []byte{'\r'})
	take(line)
	return nil
}

func (a *Assembler) hold(k key, p *part, data []byte, now time.Time) {
	a.held[k] = p
	a.grow(p, data, now)
}

func (a *Assembler) grow(p *part, data []byte, now time.Time) {
	p.data = append(p.data, data...)
	p.touched = now
	a.size += len(data)
}

func (a *Assembler) drop(k key, p *part) {
	a.size -= len(p.data)
	delete(a.held, k)
}

// give emits an unfinished line.
func (a *Assembler) give(k key, p *part, take func(*Line)) {
	a.drop(k, p)
	take(&Line{k.group, k.process, p.pid, k.channel, p.begun, p.offset, p.data, p.continued})
}

// bound emits unfinished lines, the oldest first, until the rest is within the bounds.
func (a *Assembler) bound(take func(*Line)) {
	for a.size > maxHeld || len(a.held) > maxChannels {
		var oldest key
		var at *part
		for k, p := range a.held {
			if at == nil || p.touched.Before(at.touched) {
				oldest, at = k, p
			}
		}
		a.give(oldest, at, take)
	}
}

// Flush hands out what has not grown since idle before now; with idle 0 everything.
func (a *Assembler) Flush(now time.Time, idle time.Duration, take func(*Line)) {
	for k, p := range a.held {
		if now.Sub(p.touched) >= idle || idle == 0 {
			a.give(k, p, take)
		}
	}
}

// Held is how many bytes of unfinished lines there are.
func (a *Assembler) Held() int { return a.size }

// cut is where a line is parted: at most at n, not within a character of UTF-8.
func cut(b []byte, n int) int {
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(b[i]) {
			return i
		}
	}
	return n
}
