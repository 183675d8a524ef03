package eventlistener

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// recordVersion is the first byte of an event's record in a spool. What is
// written under one version never changes its meaning.
//
// Behind it, integers as (u)varints and texts with their length in front: the process's
// name, group and pid; the state left, tries, one byte of flags, exit status, signal, uptime
// in nanoseconds; text, detail, number; if there are lists of groups, for each its
// length and its names; the data. Type, seq, serial, poolserial and time are
// fields of the spool's own.
const recordVersion = 1

// The flags of a record.
const (
	flagExpected = 1 << iota
	flagEnded
	flagCoreDumped
	flagGroups
)

// toRecord returns the record of an event that is published and has a serial: it has all that any form of the payload needs.
func (e *Event) toRecord(poolSerial int64) spool.Record {
	// The rendering, which may be in progress in another goroutine, changes data: it must have ended before data is read.
	e.once.Do(e.fill)
	serial, _ := e.Serial()
	return spool.Record{
		Seq: e.seq, Serial: serial, PoolSerial: poolSerial, Time: e.time, Kind: e.typ.String(),
		Data: e.appendRecord(nil),
	}
}

func (e *Event) appendRecord(dst []byte) []byte {
	text := func(s string) {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	number := func(n int64) { dst = binary.AppendVarint(dst, n) }
	const numbers = 64 // bytes of everything but texts and data, in nearly every event
	dst = slices.Grow(dst, numbers+len(e.process.Name)+len(e.process.Group)+len(e.text)+len(e.detail)+len(e.data))
	x := &e.change.Exit
	dst = append(dst, recordVersion)
	text(e.process.Name)
	text(e.process.Group)
	number(int64(e.process.Pid))
	text(e.change.From)
	number(int64(e.change.Tries))
	flags := byte(0)
	set := func(flag byte, is bool) {
		if is {
			flags |= flag
		}
	}
	set(flagExpected, e.change.Expected)
	set(flagEnded, x.Ended)
	set(flagCoreDumped, x.CoreDumped)
	set(flagGroups, e.groups != nil)
	dst = append(dst, flags)
	number(int64(x.Status))
	number(int64(x.Signal))
	number(int64(x.Uptime))
	text(e.text)
	text(e.detail)
	number(e.number)
	if e.groups != nil {
		for _, names := range e.groups {
			dst = binary.AppendUvarint(dst, uint64(len(names)))
			for _, name := range names {
				text(name)
			}
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.data)))
	return append(dst, e.data...)
}

// errRecord is wrapped by the errors about a record whose checksum is right and whose content is not valid.
var errRecord = errors.New("cannot read its record in the spool")

// eventOf returns the event of a record; its payloads are the same bytes. The event keeps the record's data. With an error, the
// event still has the serial and seq of the record.
func eventOf(r *spool.Record) (*Event, error) {
	e := &Event{seq: r.Seq, time: r.Time, size: eventOverhead + len(r.Data)}
	e.serial.Store(r.Serial + 1)
	var known bool
	if e.typ, known = ParseType(r.Kind); !known {
		return e, fmt.Errorf("%w: there is no event type %.40q", errRecord, r.Kind)
	}
	if len(r.Data) > 0 && r.Data[0] != recordVersion {
		return e, fmt.Errorf("%w: it is of version %d, written by another version of Hark", errRecord, r.Data[0])
	}
	in := recordReader{b: r.Data}
	in.byte()
	e.process.Name = in.text()
	e.process.Group = in.text()
	e.process.Pid = in.int()
	e.change.From = in.text()
	e.change.Tries = in.int()
	flags := in.byte()
	e.change.Expected = flags&flagExpected != 0
	x := &e.change.Exit
	x.Ended = flags&flagEnded != 0
	x.CoreDumped = flags&flagCoreDumped != 0
	x.Status = in.int()
	x.Signal = in.int()
	x.Uptime = time.Duration(in.number())
	e.text = in.text()
	e.detail = in.text()
	e.number = in.number()
	if flags&flagGroups != 0 {
		e.groups = new([reloadLists][]string)
		for i := range e.groups {
			for n := in.count(); n > 0 && !in.bad; n-- {
				e.groups[i] = append(e.groups[i], in.text())
			}
		}
	}
	e.data = in.bytes()
	if in.bad || len(in.b) > 0 || (e.typ == ConfigReloaded) != (e.groups != nil) {
		return e, errRecord
	}
	if len(e.data) == 0 {
		e.data = nil
	}
	return e, nil
}

// recordReader decodes a record. After the first value that is missing it is bad and returns zero values.
type recordReader struct {
	b   []byte
	bad bool
}

func (r *recordReader) fail() {
	r.bad, r.b = true, nil
}

func (r *recordReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *recordReader) number() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) int() int {
	v := r.number()
	if int64(int(v)) != v {
		r.fail()
		return 0
	}
	return int(v)
}

func (r *recordReader) count() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > math.MaxInt32 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) bytes() []byte {
	n := r.count()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *recordReader) text() string { return string(r.bytes()) }
