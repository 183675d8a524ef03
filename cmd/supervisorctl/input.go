package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hark-supervisor/hark/core/config"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// maxLine bounds a line that is read, in bytes.
const maxLine = 1 << 20

// input is standard input, a line at a time, where Ctrl-C can end the wait. One
// goroutine uses it.
type input struct {
	file   *os.File
	out    io.Writer
	buf    []byte  // read and not used yet
	ended  bool    // there is no more
	editor *editor // the shell's line editor; nil without a terminal
}

func newInput(file *os.File, out io.Writer) *input { return &input{file: file, out: out} }

func (in *input) close() { in.editor.close() }

// ask prints a prompt and reads a line: with the editor if there is one. The
// errors are errEndOfInput and errInterrupted.
func (in *input) ask(ctx context.Context, prompt string) (string, error) {
	if in.editor != nil && len(in.buf) == 0 {
		line, err := in.editor.ask(ctx, prompt)
		if !errors.Is(err, errNoEditing) {
			return line, err
		}
	}
	_, _ = io.WriteString(in.out, prompt)
	return in.readLine(ctx)
}

// readLine reads a line as it comes, without its end.
func (in *input) readLine(ctx context.Context) (string, error) {
	for {
		if i := bytes.IndexByte(in.buf, '\n'); i >= 0 {
			line := string(in.buf[:i])
			in.buf = in.buf[i+1:]
			return line, nil
		}
		switch {
		case in.ended && len(in.buf) > 0:
			line := string(in.buf)
			in.buf = nil
			return line, nil
		case in.ended:
			in.ended = false // of a terminal, Ctrl-D ends one read only
			return "", errEndOfInput
		case len(in.buf) > maxLine:
			return "", fmt.Errorf("cannot read a line of more than %d bytes", maxLine)
		}
		if err := in.fill(ctx); err != nil {
			return "", err
		}
	}
}

// fill waits for more input, or for ctx.
func (in *input) fill(ctx context.Context) error {
	wake, wakeUp, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot wait for input: %w", err)
	}
	defer wake.Close() //nolint:errcheck // a pipe
	stop := context.AfterFunc(ctx, func() { _ = wakeUp.Close() })
	defer func() {
		if stop() {
			_ = wakeUp.Close()
		}
	}()
	fds := []unix.PollFd{{Fd: int32(in.file.Fd()), Events: unix.POLLIN}, {Fd: int32(wake.Fd()), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot wait for input: %w", err)
		}
		if ctx.Err() != nil {
			return errInterrupted
		}
		if fds[0].Revents != 0 {
			break
		}
	}
	chunk := make([]byte, 4096)
	n, err := in.file.Read(chunk)
	in.buf = append(in.buf, chunk[:n]...)
	if err != nil { // whatever it is, nothing more comes
		in.ended = true
	}
	return nil
}

// askSecret reads a line without echo: from the terminal if the process has
// one, wherever its standard input comes from (Python's getpass does so).
func (in *input) askSecret(ctx context.Context, prompt string) (config.Secret, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return in.askAloud(ctx, prompt)
	}
	defer tty.Close() //nolint:errcheck // a terminal
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return in.askAloud(ctx, prompt)
	}
	_, _ = io.WriteString(tty, prompt)
	type read struct {
		text []byte
		err  error
	}
	got := make(chan read, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		got <- read{text, err}
	}()
	select {
	case r := <-got:
		_, _ = io.WriteString(tty, "\n")
		if errors.Is(r.err, io.EOF) {
			return config.Secret{}, errEndOfInput
		}
		return config.NewSecret(string(r.text)), r.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return config.Secret{}, errInterrupted
	}
}

// askAloud is askSecret without a terminal: there is no echo to turn off.
func (in *input) askAloud(ctx context.Context, prompt string) (config.Secret, error) {
	_, _ = io.WriteString(os.Stderr, "Warning: Password input may be echoed.\n"+prompt)
	line, err := in.readLine(ctx)
	return config.NewSecret(line), err
}
