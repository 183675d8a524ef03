package syslog

import "bytes"

// Lines makes messages of a child's output, "<process name> <line>" as Supervisor's
// stdout_syslog does. Unlike there, a line that is cut by a read is held until its
// newline, MaxLine bytes or Flush, so that it stays one message. A run of empty
// lines at the end of what is written makes no messages, as in Supervisor. It is used from
// one thread.
type Lines struct {
	w      *Writer
	prefix string
	held   []byte
}

// NewLines returns the Lines of one process's channel.
func NewLines(w *Writer, process string) *Lines {
	return &Lines{w: w, prefix: process + " "}
}

// Write takes output as it was read; it never blocks and does not keep b.
func (l *Lines) Write(b []byte) {
	end := bytes.LastIndexByte(b, '\n')
	if end < 0 {
		l.hold(b)
		return
	}
	whole, rest := b[:end], b[end+1:]
	if len(l.held) > 0 {
		first, more, found := bytes.Cut(whole, []byte("\n"))
		l.held = append(l.held, first...)
		l.Flush()
		if !found {
			l.hold(rest)
			return
		}
		whole = more
		if len(bytes.TrimRight(whole, "\n")) == 0 {
			l.hold(rest)
			return
		}
	}
	for line := range bytes.SplitSeq(bytes.TrimRight(whole, "\n"), []byte("\n")) {
		l.w.send(priority, l.prefix, line)
	}
	l.hold(rest)
}

// Flush sends what is held of an unfinished line, as at the end of the output.
func (l *Lines) Flush() {
	if len(l.held) > 0 {
		l.w.send(priority, l.prefix, l.held)
		l.held = nil
	}
}

// hold keeps the beginning of a line, without the pieces that fill a message.
func (l *Lines) hold(b []byte) {
	if len(b) == 0 {
		return
	}
	l.held = append(l.held, b...)
	for len(l.held) > MaxLine {
		n := cut(l.held, MaxLine)
		l.w.send(priority, l.prefix, l.held[:n])
		l.held = append(l.held[:0], l.held[n:]...)
	}
}
