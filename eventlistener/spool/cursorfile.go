package spool

import "encoding/binary"

const (
	cursorName  = "cursor"
	cursorMagic = "HARKCUR1"
	slotHeader  = 64
	maxSpans    = (slotSize - slotHeader) / 16
)

// bookmark is what the cursor file holds.
type bookmark struct {
	acks   acks
	newest Numbers
}

// appendSlot appends a bookmark as it is in the file.
func appendSlot(b []byte, m bookmark, generation uint64) []byte {
	start := len(b)
	le := binary.LittleEndian
	b = append(b, cursorMagic...)
	b = le.AppendUint64(b, generation)
	b = le.AppendUint64(b, m.acks.low)
	b = le.AppendUint64(b, m.newest.Pos)
	b = le.AppendUint64(b, m.newest.Seq)
	b = le.AppendUint64(b, uint64(m.newest.Serial))
	b = le.AppendUint64(b, uint64(m.newest.PoolSerial))
	b = le.AppendUint32(b, uint32(len(m.acks.spans)))
	b = le.AppendUint32(b, 0)
	for _, sp := range m.acks.spans {
		b = le.AppendUint64(b, sp.first)
		b = le.AppendUint64(b, sp.last)
	}
	slot := b[start:]
	le.PutUint32(slot[60:], castagnoli(castagnoli(0, slot[:60]), slot[slotHeader:]))
	return b
}

// parseSlot reads one slot; false where it isn't whole.
func parseSlot(b []byte) (m bookmark, generation uint64, ok bool) {
	if len(b) < slotHeader || string(b[:8]) != cursorMagic {
		return m, 0, false
	}
	le := binary.LittleEndian
	n := int(le.Uint32(b[56:]))
	if n > maxSpans || slotHeader+16*n > len(b) {
		return m, 0, false
	}
	b = b[:slotHeader+16*n]
	if le.Uint32(b[60:]) != castagnoli(castagnoli(0, b[:60]), b[slotHeader:]) {
		return m, 0, false
	}
	m.acks.low = le.Uint64(b[16:])
	m.newest = Numbers{
		Pos: le.Uint64(b[24:]), Seq: le.Uint64(b[32:]),
		Serial: int64(le.Uint64(b[40:])), PoolSerial: int64(le.Uint64(b[48:])),
	}
	if m.acks.low == 0 || m.acks.low > maxPos || m.newest.Pos > maxPos {
		return m, 0, false
	}
	above := m.acks.low
	for i := range n {
		at := b[slotHeader+16*i:]
		sp := span{le.Uint64(at), le.Uint64(at[8:])}
		if sp.first <= above || sp.last < sp.first || sp.last > maxPos {
			return m, 0, false
		}
		m.acks.spans = append(m.acks.spans, sp)
		above = sp.last + 1
	}
	m.newest.Pos = max(m.newest.Pos, above-1)
	return m, le.Uint64(b[8:]), true
}

// saveCursor writes what is acked and the newest numbers.
func (s *Spool) saveCursor() error {
	var m bookmark
	s.locked(func() { m = bookmark{acks: s.acks.clone(maxSpans), newest: s.written} })
	err := s.cursorFile.save(s, func(b []byte, generation uint64) []byte { return appendSlot(b, m, generation) })
	if err == nil {
		s.saved = m.acks
	}
	return err
}
