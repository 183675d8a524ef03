package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
)

// Methods that read logs answer with a LogSlice, alone or in an array, in the place of its text. A call of a client has it streamed where it is large; all others get
// the text.

// smallText is how long a text, in bytes, is not streamed: it is read once, and in one piece.
const smallText = 64 << 10

// textsOf are the texts of an answer.
func textsOf(value any) (texts []LogSlice) {
	switch v := value.(type) {
	case LogSlice:
		return []LogSlice{v}
	case []any:
		for _, e := range v {
			if text, ok := e.(LogSlice); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

func largest(texts []LogSlice) (size int64) {
	for _, t := range texts {
		size = max(size, t.Size())
	}
	return size
}

func closeAll(texts []LogSlice) {
	for _, t := range texts {
		_ = t.Close()
	}
}

// attendedText is a text that cannot be read any more once its client has gone, and that is read in turns with others.
type attendedText struct {
	LogSlice
	client *conn
}

// ReadAt implements io.ReaderAt.
func (t attendedText) ReadAt(b []byte, at int64) (int, error) {
	select {
	case <-t.client.gone:
		return 0, net.ErrClosed
	default:
	}
	if !t.client.turn.yield() {
		return 0, net.ErrClosed
	}
	return t.LogSlice.ReadAt(b, at)
}

// attended is an answer whose texts are attended.
func attended(value any, client *conn) any {
	switch v := value.(type) {
	case LogSlice:
		return attendedText{v, client}
	case []any:
		for i, e := range v {
			if text, ok := e.(LogSlice); ok {
				v[i] = attendedText{text, client}
			}
		}
	}
	return value
}

// settle reads the texts of an answer, whose size is claimed, and puts them in their places.
func settle(ctx context.Context, c *portion, value any) (any, error) {
	texts := textsOf(value)
	defer closeAll(texts)
	for _, t := range texts {
		if err := c.add(ctx, t.Size()); err != nil {
			return nil, err
		}
	}
	if text, ok := value.(LogSlice); ok {
		return readText(text)
	}
	list, _ := value.([]any)
	for i, e := range list {
		if text, ok := e.(LogSlice); ok {
			var err error
			if list[i], err = readText(text); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// readText is all of a text.
func readText(text LogSlice) (string, error) {
	var b strings.Builder
	b.Grow(int(text.Size()))
	piece := make([]byte, min(text.Size(), 32<<10))
	for at := int64(0); at < text.Size(); {
		n, err := text.ReadAt(piece[:min(int64(len(piece)), text.Size()-at)], at)
		b.Write(piece[:n])
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return b.String(), nil
		case err != nil:
			return "", plainFault(Failed)
		}
	}
	return b.String(), nil
}
