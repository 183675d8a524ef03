package logs

// bound is the buffer of captured output: BoundIO of supervisor/loggers.py. A
// write that would exceed max first drops as many bytes from the front as it
// brings, so what stays after an overflow depends on how the bytes came, and a
// single write of more than max is kept whole. Both are followed because programs
// with a small stdout_capture_maxbytes get their events whole by it; memory stays
// within the greater of max and one Feed.
type bound struct {
	max   int64
	buf   []byte
	start int // bytes before it are dropped
}

func (o *bound) write(b []byte) {
	if int64(o.len()+len(b)) > o.max {
		o.start = min(o.start+len(b), len(o.buf))
	}
	if o.start > 0 && (o.start == len(o.buf) || o.start > cap(o.buf)/2) {
		o.buf = o.buf[:copy(o.buf, o.buf[o.start:])]
		o.start = 0
	}
	o.buf = append(o.buf, b...)
}

func (o *bound) len() int { return len(o.buf) - o.start }

func (o *bound) bytes() []byte { return o.buf[o.start:] }

// clear empties the buffer and releases the memory of an unusually large one.
func (o *bound) clear() {
	const ordinary = 64 << 10
	if cap(o.buf) > ordinary {
		o.buf = nil
	}
	o.buf, o.start = o.buf[:0], 0
}
