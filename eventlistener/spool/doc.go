// Package spool keeps records in a durable queue on disk: what was committed
// before the process was killed is handed out again by the next one.
//
// # How it works
//
// Append puts a record into memory and returns; one goroutine per spool writes
// the collected records to the newest segment file in one write (a group commit) and
// passes them on to the spool's one Cursor. When the consumer is slower than the
// producer, the goroutine reads ahead from the disk into a bounded window. So
// neither Append nor any method of the Cursor ever waits for the disk. Acked
// records may come in any order; a segment in which all is acked is removed.
// Files are read and written with pread and pwrite, never mapped: truncating a
// mapped file would end the process with SIGBUS.
//
// # What is promised
//
// At least once for committed records: they survive kill -9 of the process and,
// with Options.Sync, loss of power (TestWhatIsCommittedSurvivesKill, TestLossOfPower). A record is committed at once after a quiet
// time or when the consumer waits for it, otherwise within Options.CommitEvery (1 ms) and the time a write takes. A
// record is handed out when it is committed, so that no number (position, seq,
// serials) a consumer has seen is assigned to another record after a crash, nor, whatever Options.Sync says, after a loss of power on Linux, nor
// when any two of the files that hold the numbers are damaged together (TestNoNumberIsGivenTwice). If it is unknown which were assigned, some are
// skipped. While the disk fails, records are handed out from memory nevertheless, without that
// promise: an alarm about a full disk must get out.
//
// Two bounds discard the oldest records, counted and reported: Options.MaxBytes
// on disk (a segment at a time, at most a quarter of MaxBytes) and
// Options.QueueBytes in memory for what could not be written yet.
//
// Damage of any kind (bytes cut, flipped, files removed) ends its segment at the
// first bad record. The rest of that segment is set aside as *.damaged (the newest 8
// are kept), the following segments are used, and what is lost is reported as a
// number. Nothing before the damage is lost, and no damaged record is handed out.
//
// # On disk
//
// A spool is the directory Name.spool (0700) below Options.Dir, all files 0600. All
// numbers are little endian; CRC is CRC32C (Castagnoli).
//
//	lock                             empty; locked while a process has the spool open
//	cursor                           two slots, see below
//	numbers                          two slots too
//	00000000000000000001.seg         a segment, named by its first position, 20 digits
//	…-<offset>.damaged               the part of a segment from that offset that was set aside
//	cursor-<unix time>.damaged       a cursor file of which neither slot was valid; numbers- the same
//
// A segment is a header of 48 bytes and frames. Positions in it are contiguous.
//
//	offset size
//	     0    8 "HARKSEG1"
//	     8    8 position of its first record, as in its name
//	    16    8 greatest seq of all records before it
//	    24    8 greatest serial (signed)
//	    32    8 greatest poolserial (signed)
//	    40    4 how many positions just before its first are finished: acked, lost, or without a record
//	    44    4 CRC of bytes 0 to 43
//
// A frame is one record:
//
//	   0    4 length n of what follows the CRC, at least 46
//	   4    4 CRC of bytes 0 to 3 and 8 to 7+n
//	   8    8 position
//	  16    8 seq
//	  24    8 serial (signed)
//	  32    8 poolserial (signed)
//	  40    8 time, seconds since 1970 (signed)
//	  48    4 time, nanoseconds
//	  52    2 length k of the kind
//	  54    k kind
//	54+k      data, up to the end of the frame
//
// The cursor file is 4096 bytes: slots at 0 and 2048. Each commit writes the slot
// the last one did not write; the whole slot with the greater generation counts.
//
//	 0    8 "HARKCUR1"
//	 8    8 generation; even in the first slot, odd in the second
//	16    8 lowest position that is not acked
//	24    8 position of the newest record ever
//	32    8 greatest seq of all records
//	40    8 greatest serial (signed)
//	48    8 greatest poolserial (signed)
//	56    4 number of ranges, at most 124
//	60    4 CRC of bytes 0 to 59 and of the ranges
//	64      ranges of acked positions above the lowest that is not: 8 first, 8 last
//
// The file numbers has the same form. Its slots hold the limits up to which numbers may have been assigned: they are reserved 65,536 at a time,
// and exact if the spool was closed properly.
//
//	 0    8 "HARKNUM1"
//	 8    8 generation, as above
//	16    8 position
//	24    8 seq
//	32    8 serial (signed)
//	40    8 poolserial (signed)
//	48   16 the kernel's boot id: after a reboot of the system they count as assigned. Zero: with Options.Sync, or no such id
//	64    4 1: exact
//	68    4 CRC of bytes 0 to 67
package spool
