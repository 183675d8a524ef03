package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// Record is one entry of a spool. Everything but Pos is the caller's, and means
// nothing to the spool.
type Record struct {
	// Pos is the record's place in the spool: from 1, one more for each record,
	// never given twice. Append sets it. Jumps happen where records were lost.
	Pos        uint64
	Seq        uint64
	Serial     int64
	PoolSerial int64
	Time       time.Time // to the nanosecond; comes back in the local zone and without a monotonic reading
	Kind       string    // at most 65535 bytes
	Data       []byte    // kept, not copied, by Append; must not change
}

// Numbers are the greatest that a spool has seen.
type Numbers struct {
	Pos        uint64 // of the newest record; 0 if there never was one, and then the others mean nothing
	Seq        uint64
	Serial     int64
	PoolSerial int64
}

// none has the numbers before the first record: the least of each, for serials
// may begin anywhere.
func none() Numbers { return Numbers{Serial: math.MinInt64, PoolSerial: math.MinInt64} }

func (n *Numbers) include(m Numbers) {
	n.Pos, n.Seq = max(n.Pos, m.Pos), max(n.Seq, m.Seq)
	n.Serial, n.PoolSerial = max(n.Serial, m.Serial), max(n.PoolSerial, m.PoolSerial)
}

func (r *Record) numbers() Numbers {
	return Numbers{Pos: r.Pos, Seq: r.Seq, Serial: r.Serial, PoolSerial: r.PoolSerial}
}

const (
	framePrefix = 8              // length and CRC
	bodyFixed   = 46             // of the body, before the kind
	maxKind     = math.MaxUint16 // bytes
	maxPos      = math.MaxInt64  // beyond it a position is taken for damage
	maxNanos    = int64(1e9) - 1 // of a second
	overhead    = 128            // bytes a record takes in memory in addition to kind and data
	minFrame    = framePrefix + bodyFixed
)

// frameLen is the size of the record on disk.
func frameLen(r *Record) int64 { return minFrame + int64(len(r.Kind)) + int64(len(r.Data)) }

// memory is about what the record costs in memory.
func (r *Record) memory() int64 { return overhead + int64(len(r.Kind)) + int64(len(r.Data)) }

func castagnoli(crc uint32, b []byte) uint32 {
	return crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), b)
}

// appendFrame appends the record as it is on disk.
func appendFrame(b []byte, r *Record) []byte {
	start := len(b)
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(frameLen(r)-framePrefix))
	b = append(b, 0, 0, 0, 0)
	b = le.AppendUint64(b, r.Pos)
	b = le.AppendUint64(b, r.Seq)
	b = le.AppendUint64(b, uint64(r.Serial))
	b = le.AppendUint64(b, uint64(r.PoolSerial))
	b = le.AppendUint64(b, uint64(r.Time.Unix()))
	b = le.AppendUint32(b, uint32(r.Time.Nanosecond()))
	b = le.AppendUint16(b, uint16(len(r.Kind)))
	b = append(b, r.Kind...)
	b = append(b, r.Data...)
	frame := b[start:]
	le.PutUint32(frame[4:], castagnoli(castagnoli(0, frame[:4]), frame[8:]))
	return b
}

// errShort: more bytes are needed to decode.
var errShort = errors.New("record is cut short")

// decodeFrame reads the frame that b begins with and returns its size. The record's Data
// is part of b. With errShort the size is how many bytes are needed to continue;
// any other error is damage.
func decodeFrame(b []byte) (r Record, size int64, err error) {
	if len(b) < framePrefix {
		return r, framePrefix, errShort
	}
	le := binary.LittleEndian
	n := int64(le.Uint32(b))
	if n < bodyFixed {
		return r, 0, fmt.Errorf("length %d is impossible", n)
	}
	size = framePrefix + n
	if int64(len(b)) < size {
		return r, size, errShort
	}
	b = b[:size]
	if got, want := castagnoli(castagnoli(0, b[:4]), b[8:]), le.Uint32(b[4:]); got != want {
		return r, size, fmt.Errorf("checksum is %08x, not %08x", got, want)
	}
	nanos, kind := int64(le.Uint32(b[48:])), int64(le.Uint16(b[52:]))
	if nanos > maxNanos || minFrame+kind > size {
		return r, size, errors.New("fields are impossible")
	}
	return Record{
		Pos:        le.Uint64(b[8:]),
		Seq:        le.Uint64(b[16:]),
		Serial:     int64(le.Uint64(b[24:])),
		PoolSerial: int64(le.Uint64(b[32:])),
		Time:       time.Unix(int64(le.Uint64(b[40:])), nanos),
		Kind:       string(b[minFrame : minFrame+kind]),
		Data:       b[minFrame+kind:],
	}, size, nil
}
