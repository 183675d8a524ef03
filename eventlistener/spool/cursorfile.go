package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	cursorName  = "cursor"
	cursorMagic = "HARKCUR1"
	slotSize    = 2048 // bytes
	slotHeader  = 64
	maxSpans    = (slotSize - slotHeader) / 16
)

// bookmark is what the cursor file holds.
type bookmark struct {
	generation uint64
	acks       acks
	newest     Numbers
}

// appendSlot appends a bookmark as it is in the file.
func appendSlot(b []byte, m bookmark) []byte {
	start := len(b)
	le := binary.LittleEndian
	b = append(b, cursorMagic...)
	b = le.AppendUint64(b, m.generation)
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
func parseSlot(b []byte) (m bookmark, ok bool) {
	if len(b) < slotHeader || string(b[:8]) != cursorMagic {
		return m, false
	}
	le := binary.LittleEndian
	n := int(le.Uint32(b[56:]))
	if n > maxSpans || slotHeader+16*n > len(b) {
		return m, false
	}
	b = b[:slotHeader+16*n]
	if le.Uint32(b[60:]) != castagnoli(castagnoli(0, b[:60]), b[slotHeader:]) {
		return m, false
	}
	m.generation = le.Uint64(b[8:])
	m.acks.low = le.Uint64(b[16:])
	m.newest = Numbers{
		Pos: le.Uint64(b[24:]), Seq: le.Uint64(b[32:]),
		Serial: int64(le.Uint64(b[40:])), PoolSerial: int64(le.Uint64(b[48:])),
	}
	if m.acks.low == 0 || m.acks.low > maxPos || m.newest.Pos > maxPos {
		return m, false
	}
	above := m.acks.low
	for i := range n {
		at := b[slotHeader+16*i:]
		sp := span{le.Uint64(at), le.Uint64(at[8:])}
		if sp.first <= above || sp.last < sp.first || sp.last > maxPos {
			return m, false
		}
		m.acks.spans = append(m.acks.spans, sp)
		above = sp.last + 1
	}
	m.newest.Pos = max(m.newest.Pos, above-1)
	return m, true
}

// parseCursor picks the newer whole slot of a cursor file.
func parseCursor(b []byte) (m bookmark, ok bool) {
	for i := 0; i < 2 && i*slotSize < len(b); i++ {
		slot, whole := parseSlot(b[i*slotSize : min(len(b), (i+1)*slotSize)])
		if whole && (!ok || slot.generation > m.generation) {
			m, ok = slot, true
		}
	}
	return m, ok
}

// loadCursor reads the cursor file. The error is nil with ok false where there is
// none; a damaged one is set aside and told as damaged.
func (s *Spool) loadCursor() (m bookmark, ok bool, damaged *Report, err error) {
	f, err := s.root.Open(cursorName)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil, nil
	}
	if err != nil {
		return m, false, nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 2*slotSize))
	_ = f.Close()
	if err == nil {
		if m, ok = parseCursor(b); ok {
			return m, true, nil, nil
		}
		err = errors.New("neither slot is whole")
	}
	r := &Report{Kind: CursorDamaged, File: cursorName, Bytes: int64(len(b)), Err: err}
	r.Aside = fmt.Sprintf("cursor-%d%s", time.Now().Unix(), asideSuffix)
	if err := s.root.Rename(cursorName, r.Aside); err != nil {
		r.Aside = ""
	}
	return m, false, r, nil
}

// saveCursor writes what is acked and the newest numbers into the slot that was
// not written last. A file that lost its name or its end is made anew.
func (s *Spool) saveCursor() error {
	s.mu.Lock()
	m := bookmark{acks: s.acks.clone(maxSpans), newest: s.written}
	s.mu.Unlock()
	m.generation = s.generation + 1
	if s.cursorFile != nil && !intact(s.cursorFile, 2*slotSize) {
		_ = s.cursorFile.Close()
		s.cursorFile = nil
	}
	if s.cursorFile == nil {
		f, err := s.root.OpenFile(cursorName, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if !intact(f, 2*slotSize) {
			// Both slots take their room now: overwriting works on a full disk.
			if _, err := s.disk.writeAt(f, make([]byte, 2*slotSize), 0); err != nil {
				_ = f.Close()
				return err
			}
		}
		s.cursorFile = f
	}
	s.buf = appendSlot(s.buf[:0], m)
	if _, err := s.disk.writeAt(s.cursorFile, s.buf, int64(m.generation%2)*slotSize); err != nil {
		return err
	}
	s.generation, s.saved = m.generation, m.acks
	return nil
}
