package logsink

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

const (
	// maxBatch is how large a batch grows, in bytes, recordCost for each record among them.
	maxBatch = 256 << 10
	// recordCost is the size of a record in addition to its data: about what it takes on the wire and in memory.
	recordCost = 64
	// joinWithin is how long chunks of one channel go into one record, which has the time of the first.
	joinWithin = 10 * time.Millisecond
)

// logBatch is some output on its way to a sink.
type logBatch struct {
	buf     []byte
	records []batchRecord
	seq     uint64    // 0: not given yet
	pos     uint64    // in the spool; 0: none
	again   bool      // it may have been written before
	sent    bool      // Send has returned, so buf may be reused
	tries   int       // how often it was refused
	refused time.Time // for the first time
	since   time.Time // when it was begun
	out     time.Time // when it was sent last
}

// batchRecord is a chunk in a batch.
type batchRecord struct {
	src    *source
	pid    int
	at     time.Time
	offset uint64
	end    int // in buf; it begins where the one before ends
}

// size is what the batch counts in a buffer.
func (b *logBatch) size() int64 { return int64(len(b.buf) + recordCost*len(b.records)) }

// full reports whether nothing more goes in.
func (b *logBatch) full() bool { return b.size()+recordCost >= maxBatch }

// add takes as much of data as there is room for and reports how much that was. The batch is not full.
func (b *logBatch) add(src *source, pid int, at time.Time, offset uint64, data []byte) int {
	n := min(len(data), maxBatch-recordCost-int(b.size()))
	if last := len(b.records) - 1; last >= 0 {
		r := &b.records[last]
		start := 0
		if last > 0 {
			start = b.records[last-1].end
		}
		if r.src == src && r.pid == pid && at.Sub(r.at) <= joinWithin && r.offset+uint64(len(b.buf)-start) == offset {
			b.buf = append(b.buf, data[:n]...)
			r.end = len(b.buf)
			return n
		}
	}
	b.buf = append(b.buf, data[:n]...)
	b.records = append(b.records, batchRecord{src: src, pid: pid, at: at, offset: offset, end: len(b.buf)})
	return n
}

// each calls f for each record with its data.
func (b *logBatch) each(f func(r *batchRecord, data []byte)) {
	start := 0
	for i := range b.records {
		r := &b.records[i]
		f(r, b.buf[start:r.end:r.end])
		start = r.end
	}
}

// message is what the plugin gets. It shares the batch's memory.
func (b *logBatch) message() *sdk.LogBatch {
	m := &sdk.LogBatch{Seq: b.seq, Redelivered: b.again, Records: make([]sdk.LogRecord, 0, len(b.records))}
	b.each(func(r *batchRecord, data []byte) {
		m.Records = append(m.Records, sdk.LogRecord{
			Group: r.src.group, Process: r.src.process, Channel: r.src.channel, Pid: r.pid, Time: r.at, Data: data, Offset: r.offset,
		})
	})
	return m
}

// batchForm is the first byte of a batch in a spool.
const batchForm = 1

// encode writes the batch for a spool: for each record three texts, three numbers and the data, with their lengths before them.
func (b *logBatch) encode() []byte {
	dst := make([]byte, 1, b.encodedMost())
	dst[0] = batchForm
	text := func(s string) {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	b.each(func(r *batchRecord, data []byte) {
		text(r.src.group)
		text(r.src.process)
		text(r.src.channel)
		dst = binary.AppendVarint(dst, int64(r.pid))
		dst = binary.AppendVarint(dst, r.at.UnixNano())
		dst = binary.AppendUvarint(dst, r.offset)
		dst = binary.AppendUvarint(dst, uint64(len(data)))
		dst = append(dst, data...)
	})
	return dst
}

// encodedMost is about the most that encode writes, and what the spool needs in addition.
func (b *logBatch) encodedMost() int64 {
	const record, beside = 128, 1024
	return b.size() + record*int64(len(b.records)) + beside
}

var errBadBatch = errors.New("cannot read a batch of output from the spool: it is damaged, or of another version")

// decodeBatch is encode's opposite. sourceOf finds a record's source.
func decodeBatch(data []byte, sourceOf func(group, process, channel string) *source) (*logBatch, error) {
	if len(data) == 0 || data[0] != batchForm {
		return nil, errBadBatch
	}
	data = data[1:]
	bad := false
	number := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			bad = true
			return 0
		}
		data = data[n:]
		return v
	}
	signed := func() int64 {
		v, n := binary.Varint(data)
		if n <= 0 {
			bad = true
			return 0
		}
		data = data[n:]
		return v
	}
	piece := func() []byte {
		n := number()
		if bad || n > uint64(len(data)) {
			bad = true
			return nil
		}
		p := data[:n]
		data = data[n:]
		return p
	}
	b := &logBatch{}
	for len(data) > 0 {
		group, process, channel := string(piece()), string(piece()), string(piece())
		pid, at, offset := signed(), signed(), number()
		text := piece()
		if bad {
			return nil, errBadBatch
		}
		b.buf = append(b.buf, text...)
		b.records = append(b.records, batchRecord{
			src: sourceOf(group, process, channel), pid: int(pid), at: time.Unix(0, at), offset: offset, end: len(b.buf),
		})
	}
	return b, nil
}
