package spool

import (
	"fmt"
	"strings"
)

// ReportKind is the kind of a Report.
type ReportKind int

// The kinds of reports.
const (
	// Damaged: the segment File is bad from Offset on. Records that were in the rest
	// are lost (0 if none was committed there, as after a kill in mid-write).
	Damaged ReportKind = iota
	// CursorDamaged: what was acked is not known any more, so every record that is
	// still there is handed out again.
	CursorDamaged
	// NumbersDamaged: the file of reserved numbers is damaged. That harms only if others are too.
	NumbersDamaged
	// Missing: Records are not there though they were committed: a file is gone, or
	// the power was lost without Options.Sync.
	Missing
	// Discarded: Records, the oldest, were removed to stay within Options.MaxBytes.
	Discarded
	// Overflowed: Records, the oldest of the queue in memory, were discarded because
	// the disk could not take them in time.
	Overflowed
	// DiskFailed: writing failed with Err; it is tried again. Sent once an episode.
	DiskFailed
	// DiskRecovered: writing works again.
	DiskRecovered
)

var kindTexts = [...]string{
	Damaged:        "segment is damaged",
	CursorDamaged:  "cursor file is damaged, acked records may come again",
	NumbersDamaged: "file of reserved numbers is damaged",
	Missing:        "records are missing",
	Discarded:      "oldest records discarded, the spool is full",
	Overflowed:     "oldest records in memory discarded, the disk is behind",
	DiskFailed:     "cannot write",
	DiskRecovered:  "writing works again",
}

// String returns the kind in words.
func (k ReportKind) String() string { return kindTexts[k] }

// Report is a fault, or its end, that an administrator should know about. The package does not
// log.
type Report struct {
	Kind    ReportKind
	Spool   string // Options.Name
	File    string // the file meant, in the spool's directory; "" if none
	Aside   string // where the damaged part is kept now; "" if it isn't
	Offset  int64  // where in File the damage begins
	Bytes   int64  // how many bytes are bad, or were discarded
	Records uint64 // how many un-acked records were lost or discarded
	Err     error  // the cause; nil for Discarded, Overflowed, DiskRecovered
	// torn: the write that a kill interrupted. Nothing of it was committed, so its numbers were not assigned.
	torn bool
}

// String returns the report as one line, without the spool's name.
func (r Report) String() string {
	var b strings.Builder
	b.WriteString(r.Kind.String())
	if r.File != "" {
		fmt.Fprintf(&b, ": %s", r.File)
	}
	if r.Kind == Damaged {
		fmt.Fprintf(&b, " from byte %d", r.Offset)
	}
	if r.Err != nil {
		fmt.Fprintf(&b, ": %v", r.Err)
	}
	if r.Records > 0 {
		fmt.Fprintf(&b, "; %d records", r.Records)
	}
	if r.Bytes > 0 {
		fmt.Fprintf(&b, "; %d bytes", r.Bytes)
	}
	if r.Aside != "" {
		fmt.Fprintf(&b, "; kept as %s", r.Aside)
	}
	return b.String()
}
