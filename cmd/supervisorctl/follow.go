package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// followNotice is what Supervisor prints before a log that is followed.
const followNotice = "==> Press Ctrl-C to exit <=="

// noLog says to people that a log cannot be followed.
const noLog = "There is no such process, or it has no log."

// follow prints a log as it comes, until Ctrl-C or the server's end. What keeps
// it from doing so goes to standard error and is, as in Supervisor, no failure.
func (r *run) follow(path string) (answer, error) {
	r.println(followNotice)
	err := r.pour(r.ctx, path, r.out)
	if errors.Is(err, errInterrupted) {
		r.println("")
		err = nil
	}
	return answer{printed: true}, err
}

// pour copies a log that is followed to out. errInterrupted: ctx has ended.
func (r *run) pour(ctx context.Context, path string, out io.Writer) error {
	body, err := r.server.follow(ctx, path)
	var refused *protocolError
	switch {
	case errors.Is(err, errInterrupted):
		return err
	case errors.As(err, &refused) && refused.code == http.StatusNotFound && r.onTerminal():
		_, _ = fmt.Fprintln(r.err, noLog)
		return nil
	case errors.As(err, &refused):
		_, _ = fmt.Fprintf(r.err, "%s%s Cannot read, status code %d\n", r.server.url, path, refused.code)
		return nil
	case err != nil:
		f := describe(err)
		if r.onTerminal() {
			_, _ = fmt.Fprintf(r.err, "%s%s cannot be read: %s\n", withoutPassword(r.server.url), path, f.forPeople())
			return nil
		}
		_, _ = fmt.Fprintf(r.err, "%s%s Cannot connect, error: <class '%s'> (%s)\n", r.server.url, path, f.class, f.text)
		return nil
	}
	defer body.Close() //nolint:errcheck // given up
	_, err = io.Copy(out, body)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		f := describe(err)
		r.hint("the log broke off: " + f.forPeople())
	default:
		r.hint("the server ended the log")
	}
	return nil
}
