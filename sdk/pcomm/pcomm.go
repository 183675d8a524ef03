// Package pcomm is for programs under supervisord that tell event listeners
// something: what they write between two tags to stdout or stderr becomes a
// PROCESS_COMMUNICATION_STDOUT or _STDERR event.
//
//	err := pcomm.Stdout([]byte("cache is warm"))
//
// The program's section needs stdout_capture_maxbytes (or stderr_capture_maxbytes)
// above 0, the most that one block may hold; otherwise the block is plain output.
// It does not appear in the program's log.
package pcomm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// The tags around a block (supervisor/events.py, ProcessCommunicationEvent).
const (
	Begin = "<!--XSUPERVISOR:BEGIN-->"
	End   = "<!--XSUPERVISOR:END-->"
)

// ErrEndTag is returned for data that contains the end tag: the rest of such data would become plain output.
var ErrEndTag = errors.New("cannot send a block that holds the tag " + End)

// Stdout writes data as a block to standard output.
func Stdout(data []byte) error { return Send(os.Stdout, data) }

// Stderr writes data as a block to standard error.
func Stderr(data []byte) error { return Send(os.Stderr, data) }

// Send writes data between the tags to w, in one write. If several processes or goroutines write to the same pipe, only
// blocks of less than 4,096 bytes, including the tags, are never interrupted by other output.
func Send(w io.Writer, data []byte) error {
	if bytes.Contains(data, []byte(End)) {
		return ErrEndTag
	}
	block := make([]byte, 0, len(Begin)+len(data)+len(End))
	block = append(append(append(block, Begin...), data...), End...)
	if _, err := w.Write(block); err != nil {
		return fmt.Errorf("cannot send a block: %w", err)
	}
	return nil
}
