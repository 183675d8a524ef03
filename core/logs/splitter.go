package logs

import "bytes"

// The tags between which a child's output is captured (supervisor/events.py,
// ProcessCommunicationEvent).
const (
	BeginToken = "<!--XSUPERVISOR:BEGIN-->"
	EndToken   = "<!--XSUPERVISOR:END-->"
)

// ordinaryChunk is more than a poller reads at once; buffers that grew beyond it
// are given back.
const ordinaryChunk = 256 << 10

// Splitter splits one channel's output into plain bytes and captured blocks, as
// POutputDispatcher.record_output does (supervisor/dispatchers.py), and strips
// ANSI escapes from both. It is used from one thread.
//
// Differences: any number of blocks may be in one chunk (in Supervisor a burst exhausts
// the stack and is lost); outside of a block only what may be the beginning of a tag
// is held back, where Supervisor holds back anything of up to 24 bytes; an END
// tag takes effect when it is complete; escapes may be split between reads.
type Splitter struct {
	// Inside, when set, is given the bytes within blocks as they pass, stripped:
	// Supervisor makes PROCESS_LOG events and debug lines of them too, though its
	// documentation says otherwise. The slice is valid during the call.
	Inside func([]byte)

	capture   bool
	strip     bool
	capturing bool
	begin     []byte
	end       []byte
	held      []byte // raw bytes that may begin a tag, or are too few to decide
	joined    []byte // held and what was fed, together
	out       []byte
	ansi      Stripper
	block     bound
}

// NewSplitter makes a Splitter. captureMaxBytes is stdout_capture_maxbytes: 0
// means no capture; otherwise how many bytes of a block are kept, the last ones by
// Supervisor's rule: a piece (what one read brings of a block) that would exceed
// it first drops as many bytes from the front as it brings, and a piece that is
// larger by itself is kept whole. stripANSI is strip_ansi. It returns nil where there is
// nothing to do: a nil Splitter passes everything on, and most processes have two of them.
func NewSplitter(captureMaxBytes int64, stripANSI bool) *Splitter {
	if captureMaxBytes == 0 && !stripANSI {
		return nil
	}
	return &Splitter{
		capture: captureMaxBytes != 0,
		strip:   stripANSI,
		begin:   []byte(BeginToken),
		end:     []byte(EndToken),
		block:   bound{max: captureMaxBytes},
	}
}

// Capturing reports whether a block has begun and not ended.
func (s *Splitter) Capturing() bool { return s != nil && s.capturing }

// Feed takes what was read. plain is called once for each contiguous run of bytes
// outside of blocks, captured once at each END tag, in the order of the output.
// The slices are valid during the call only. With neither capture nor strip, b is
// passed on as it is.
func (s *Splitter) Feed(b []byte, plain, captured func([]byte)) {
	if len(b) == 0 {
		return
	}
	if s == nil {
		plain(b)
		return
	}
	if !s.capture {
		s.give(b, false, plain)
		return
	}
	if len(s.held) > 0 {
		s.joined = append(append(s.joined[:0], s.held...), b...)
		s.held = s.held[:0]
		b = s.joined
	}
	for len(b) > 0 {
		token := s.begin
		if s.capturing {
			token = s.end
		}
		i := bytes.Index(b, token)
		if i < 0 {
			s.hold(b, token, plain)
			break
		}
		if s.capturing {
			s.give(b[:i], true, s.store)
			captured(s.block.bytes())
			s.block.clear()
		} else {
			s.give(b[:i], true, plain)
		}
		s.capturing = !s.capturing
		b = b[i+len(token):]
	}
	if cap(s.joined) > ordinaryChunk {
		s.joined = nil
	}
}

// LetGo makes the Splitter use other memory from here on: what it returned is still in use.
func (s *Splitter) LetGo() {
	if s != nil {
		s.joined, s.out, s.ansi.out = nil, nil, nil
	}
}

// Flush returns what is held back, at EOF. A block without an end is dropped,
// as in Supervisor.
func (s *Splitter) Flush(plain, _ func([]byte)) {
	if s == nil {
		return
	}
	held := s.held
	s.held = nil
	if s.capturing {
		plain = s.store
	}
	s.give(held, true, plain)
}

// hold passes on b, which contains no tag, except what may be the beginning of one.
func (s *Splitter) hold(b, token []byte, plain func([]byte)) {
	keep := len(b)
	// In a block Supervisor stores nothing while no more has come than a tag is
	// long; the sizes of writes decide what survives an overflow, so follow it.
	if !s.capturing || len(b) > len(token) {
		keep = prefixAtEnd(b, token)
	}
	rest := b[len(b)-keep:]
	if s.capturing {
		plain = s.store
	}
	s.give(b[:len(b)-keep], false, plain)
	s.held = append(s.held[:0], rest...)
}

// give passes on a piece of a run of bytes, stripped; last reports that the run ends
// with it, and with it any unfinished escape.
func (s *Splitter) give(b []byte, last bool, to func([]byte)) {
	if s.strip {
		b = s.ansi.Strip(b)
		if last {
			if held := s.ansi.Flush(); held != nil {
				s.out = append(append(s.out[:0], b...), held...)
				b = s.out
			}
		}
	}
	if len(b) > 0 {
		to(b)
	}
}

// store puts bytes into the block.
func (s *Splitter) store(b []byte) {
	if s.Inside != nil {
		s.Inside(b)
	}
	s.block.write(b)
}

// prefixAtEnd is how many bytes at the end of b are a begin of token, less than
// all of it. A token has its first byte nowhere else, so the last one decides.
func prefixAtEnd(b, token []byte) int {
	tail := b[max(0, len(b)-len(token)+1):]
	i := bytes.LastIndexByte(tail, token[0])
	if i < 0 || !bytes.HasPrefix(token, tail[i:]) {
		return 0
	}
	return len(tail) - i
}

// SplitterState is what a Splitter holds between reads, for a daemon that replaces
// itself by a new image.
type SplitterState struct {
	Capturing bool
	Held      []byte // raw bytes that may begin a tag
	Block     []byte // captured so far
	Escape    bool   // an ESC is held back
	InEscape  bool   // within an escape sequence
}

// State returns a copy of what is held.
func (s *Splitter) State() SplitterState {
	if s == nil {
		return SplitterState{}
	}
	return SplitterState{
		Capturing: s.capturing,
		Held:      bytes.Clone(s.held),
		Block:     bytes.Clone(s.block.bytes()),
		Escape:    s.ansi.esc,
		InEscape:  s.ansi.inside,
	}
}

// Restore puts back what State gave. The Splitter must have been made with the
// same settings and not been fed.
func (s *Splitter) Restore(st SplitterState) {
	if s == nil {
		return
	}
	s.capturing = st.Capturing
	s.held = bytes.Clone(st.Held)
	s.block.buf, s.block.start = bytes.Clone(st.Block), 0
	s.ansi.esc, s.ansi.inside = st.Escape, st.InEscape
}
