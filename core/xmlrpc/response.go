package xmlrpc

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
	"unsafe"
)

// Text is a string value that is read while it is encoded, in pieces, so that its size is not that of any memory. A part of a log is
// one.
type Text interface {
	io.ReaderAt
	Size() int64 // bytes
}

// ErrTextChanged is the error of Response.WriteTo if a Text differs from when its length was counted.
var ErrTextChanged = errors.New("cannot go on with an answer whose text has changed")

const (
	// textPiece is how many bytes of a Text are read and encoded at a time.
	textPiece = 16 << 10
	// maxGrowth is how many times longer a text becomes by encoding, at most: a "&" is "&amp;".
	maxGrowth = 5
	// TextMemory is what encoding a Text takes, in bytes, however long it is.
	TextMemory = textPiece * (1 + maxGrowth)
)

// Response is a methodResponse whose length is known before it is written.
type Response struct {
	frame []byte // all but the texts
	holes []hole
	size  int64
	piece []byte // scratch: what is read
	coded []byte // and that encoded
}

// hole is where a Text stands in the frame.
type hole struct {
	at   int
	text Text
	size int64 // encoded
}

// NewResponse makes the methodResponse that answers v, which is a Text, or an array with Texts directly in it. It has
// the bytes that AppendResponse would have made if the Texts were strings, and appends to b what it keeps. Each Text is read once here, to
// count its length, and again by WriteTo. Errors are those of AppendValue, and of reading.
func NewResponse(b []byte, v any) (*Response, error) {
	r := &Response{}
	start := len(b)
	b = append(b, header+"<methodResponse>\n<params>\n<param>\n"...)
	one := func(b []byte, v any) ([]byte, error) {
		text, ok := v.(Text)
		if !ok {
			return AppendValue(b, v)
		}
		b = append(b, "<value><string>"...)
		r.holes = append(r.holes, hole{at: len(b) - start, text: text})
		return append(b, "</string></value>\n"...), nil
	}
	var err error
	if list, ok := v.([]any); ok {
		b, err = appendArray(b, list, one)
	} else {
		b, err = one(b, v)
	}
	if err != nil {
		return nil, err
	}
	r.frame = append(b, "</param>\n</params>\n</methodResponse>\n"...)[start:]
	r.size = int64(len(r.frame))
	for i := range r.holes {
		o := &r.holes[i]
		if err := r.encode(o.text, func(b []byte) error {
			o.size += int64(len(b))
			return nil
		}); err != nil {
			return nil, err
		}
		r.size += o.size
	}
	return r, nil
}

// Len is the number of bytes that WriteTo writes.
func (r *Response) Len() int64 { return r.size }

// WriteTo writes the response, Len bytes or fewer where it fails. The error is ErrTextChanged, that of reading, or that of w.
func (r *Response) WriteTo(w io.Writer) (written int64, err error) {
	write := func(b []byte) error {
		n, err := w.Write(b)
		written += int64(n)
		return err
	}
	at := 0
	for i := range r.holes {
		o := &r.holes[i]
		if err := write(r.frame[at:o.at]); err != nil {
			return written, err
		}
		at = o.at
		left := o.size
		err := r.encode(o.text, func(b []byte) error {
			if left -= int64(len(b)); left < 0 {
				return ErrTextChanged
			}
			return write(b)
		})
		if err == nil && left > 0 {
			err = ErrTextChanged
		}
		if err != nil {
			return written, err
		}
	}
	return written, write(r.frame[at:])
}

// encode returns a text encoded as character data, in pieces, which are valid until the next.
func (r *Response) encode(text Text, give func([]byte) error) error {
	if r.piece == nil {
		r.piece = make([]byte, textPiece)
	}
	kept := 0 // bytes of a character that the last piece did not end
	for at := int64(0); at < text.Size(); {
		n, err := r.encodePiece(text, at, &kept)
		if err != nil {
			return err
		}
		if err := give(r.coded); err != nil {
			return err
		}
		if n == 0 {
			return nil // it has become shorter
		}
		at += int64(n)
	}
	return nil
}

// encodePiece reads n bytes and encodes them, with those kept of the piece before.
func (r *Response) encodePiece(text Text, at int64, kept *int) (n int, err error) {
	want := min(int64(textPiece-*kept), text.Size()-at)
	n, err = text.ReadAt(r.piece[*kept:*kept+int(want)], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("cannot read what is to be encoded: %w", err)
	}
	b := r.piece[:*kept+n]
	whole := len(b)
	if n > 0 && at+int64(n) < text.Size() {
		for i := len(b) - 1; i >= max(len(b)-utf8.UTFMax, 0); i-- {
			if utf8.RuneStart(b[i]) {
				if !utf8.FullRune(b[i:]) {
					whole = i
				}
				break
			}
		}
	}
	r.coded = r.coded[:0]
	if whole > 0 {
		r.coded = appendText(r.coded, unsafe.String(&b[0], whole)) //nolint:gosec // appendText keeps nothing of it
	}
	*kept = copy(r.piece, b[whole:])
	return n, nil
}
