package spool

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"slices"
	"strings"
)

// The newest numbers are in the cursor file and in the newest segment. For the case that both are damaged, or that neither
// reached the disk before the power was lost, the file "numbers" holds some that none given so far is greater than: they are reserved
// numbersAhead at a time, so it is written seldom.

const (
	numbersName  = "numbers"
	numbersMagic = "HARKNUM1"
	numbersSlot  = 72 // bytes
	numbersExact = 1  // the flag
	// numbersAhead is how far numbers are reserved.
	numbersAhead = 1 << 16
	// numbersLost is how far is gone on where not even that file can be read: further than a segment of the default size has records.
	numbersLost = 1 << 20
)

// reservation is what that file holds.
type reservation struct {
	Numbers      // none that was given is greater
	exact   bool // they were given: the spool was closed in order
	// boot names the time between two starts of the system. Within it, numbers that were given are in a segment or in the cursor file: what was
	// written is read again. Afterwards that is not sure. Zero: it always is.
	boot [16]byte
}

func appendReservation(b []byte, r reservation, generation uint64) []byte {
	start := len(b)
	le := binary.LittleEndian
	b = append(b, numbersMagic...)
	b = le.AppendUint64(b, generation)
	b = le.AppendUint64(b, r.Pos)
	b = le.AppendUint64(b, r.Seq)
	b = le.AppendUint64(b, uint64(r.Serial))
	b = le.AppendUint64(b, uint64(r.PoolSerial))
	b = append(b, r.boot[:]...)
	flags := uint32(0)
	if r.exact {
		flags |= numbersExact
	}
	b = le.AppendUint32(b, flags)
	return le.AppendUint32(b, castagnoli(0, b[start:]))
}

// parseReservation reads one slot; false where it isn't whole.
func parseReservation(b []byte) (r reservation, generation uint64, ok bool) {
	le := binary.LittleEndian
	if len(b) < numbersSlot || string(b[:8]) != numbersMagic || le.Uint32(b[68:]) != castagnoli(0, b[:68]) {
		return r, 0, false
	}
	r.Numbers = Numbers{
		Pos: le.Uint64(b[16:]), Seq: le.Uint64(b[24:]), Serial: int64(le.Uint64(b[32:])), PoolSerial: int64(le.Uint64(b[40:])),
	}
	copy(r.boot[:], b[48:])
	r.exact = le.Uint32(b[64:])&numbersExact != 0
	return r, le.Uint64(b[8:]), r.Pos <= maxPos
}

// goOnBehind skips the numbers that may have been given since r was reserved, once all that is left has been looked through. cursor and reserved are
// what was found of the two files.
func (s *Spool) goOnBehind(r reservation, cursor, reserved slotState) {
	doubt := (cursor.there || reserved.there) && !cursor.sure || slices.ContainsFunc(s.reports, func(r Report) bool { return r.Kind != NumbersDamaged && !r.torn })
	switch {
	case doubt && !reserved.sure:
		to := s.written
		to.include(r.Numbers)
		s.skip(to.ahead(numbersLost))
	case doubt, r.boot != [16]byte{} && r.boot != s.disk.boot():
		s.skip(r.Numbers)
	}
}

// reserve sees to it that n may be given.
func (s *Spool) reserve(n Numbers) error {
	if r := &s.reserved; r.covers(n) && r.boot == s.boot {
		return nil
	}
	return s.saveNumbers(reservation{Numbers: n.ahead(numbersAhead), boot: s.boot})
}

// saveNumbers writes the file. What is reserved is on the disk then, whether Options.Sync says so or not: it is seldom, and no number is given twice.
func (s *Spool) saveNumbers(r reservation) error {
	err := s.numbersFile.save(s, func(b []byte, generation uint64) []byte { return appendReservation(b, r, generation) })
	if err != nil {
		return err
	}
	if !r.exact || s.o.Sync {
		if err := s.numbersFile.sync(s); err != nil && s.o.Sync {
			return err
		}
	}
	s.reserved = r
	return nil
}

// skip continues after numbers that may have been assigned although nothing is left of their records.
func (s *Spool) skip(to Numbers) {
	if to.Pos > s.written.Pos {
		s.acks.add(s.written.Pos+1, to.Pos)
	}
	s.written.include(to)
}

// covers reports whether none of m is greater.
func (n *Numbers) covers(m Numbers) bool {
	return m.Pos <= n.Pos && m.Seq <= n.Seq && m.Serial <= n.Serial && m.PoolSerial <= n.PoolSerial
}

// ahead is each of them by so many greater.
func (n *Numbers) ahead(by uint64) Numbers {
	if n.Pos == 0 { // there never was one
		n = &Numbers{}
	}
	signed := func(v int64) int64 { return v + int64(min(by, uint64(math.MaxInt64-max(v, 0)))) }
	return Numbers{
		Pos: min(n.Pos, maxPos-by) + by, Seq: n.Seq + min(by, math.MaxUint64-n.Seq),
		Serial: signed(n.Serial), PoolSerial: signed(n.PoolSerial),
	}
}

// bootID is the kernel's name of the time since the system was started; zero where it has none, and then a loss of power looks like
// a kill.
func bootID() (id [16]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err == nil {
		copy(id[:], b)
	}
	return id
}
