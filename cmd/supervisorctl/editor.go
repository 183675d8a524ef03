package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/peterh/liner"
	"golang.org/x/sys/unix"
)

// maxHistory bounds what is read of a history file, in bytes.
const maxHistory = 16 << 20

// editor edits lines on the terminal. Between its prompts the terminal is as it
// was before.
type editor struct {
	state       *liner.State
	cooked, raw liner.ModeApplier
	history     string // the file; "" for none
}

// errNoEditing: the editor cannot show this prompt.
var errNoEditing = errors.New("no editing")

// newEditor returns nil if line editing is not possible: standard input or output
// is not a terminal, or one without a cursor.
func newEditor(history string, complete liner.WordCompleter) *editor {
	cooked, err := liner.TerminalMode()
	if err != nil || !liner.TerminalSupported() || !isTerminal(os.Stdout) {
		return nil
	}
	e := &editor{state: liner.NewLiner(), cooked: cooked, history: history}
	if e.raw, err = liner.TerminalMode(); err != nil {
		_ = e.state.Close()
		return nil
	}
	_ = e.cooked.ApplyMode()
	e.state.SetCtrlCAborts(true)
	e.state.SetTabCompletionStyle(liner.TabPrints)
	e.state.SetWordCompleter(complete)
	e.load()
	return e
}

func (e *editor) ask(ctx context.Context, prompt string) (string, error) {
	type read struct {
		line string
		err  error
	}
	got := make(chan read, 1)
	_ = e.raw.ApplyMode()
	defer func() { _ = e.cooked.ApplyMode() }()
	go func() { // it cannot be called off; after an interrupt the shell ends, and it with it
		line, err := e.state.Prompt(prompt)
		got <- read{line, err}
	}()
	var r read
	select {
	case r = <-got:
	case <-ctx.Done():
		return "", errInterrupted
	}
	switch {
	case errors.Is(r.err, liner.ErrPromptAborted):
		return "", errInterrupted
	case errors.Is(r.err, liner.ErrInvalidPrompt):
		return "", errNoEditing
	case r.err != nil:
		return "", errEndOfInput
	}
	if r.line != "" {
		e.state.AppendHistory(r.line)
	}
	return r.line, nil
}

// close saves the history and restores the terminal. A nil editor has neither.
func (e *editor) close() {
	if e == nil {
		return
	}
	e.save()
	_ = e.state.Close()
}

// restoreWhenKilled restores the terminal when a signal ends the process in the
// middle of a prompt. The function that it returns ends the watch.
func (e *editor) restoreWhenKilled() (stop func()) {
	if e == nil {
		return func() {}
	}
	deadly := make(chan os.Signal, 1)
	signal.Notify(deadly, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	ended := make(chan struct{})
	go func() {
		select {
		case <-ended:
		case s := <-deadly:
			_ = e.cooked.ApplyMode()
			signal.Reset(s)
			if number, ok := s.(unix.Signal); ok {
				_ = unix.Kill(os.Getpid(), number)
			}
		}
	}()
	return func() {
		signal.Stop(deadly)
		close(ended)
	}
}

// load reads the history file; if it cannot be read the history is empty.
func (e *editor) load() {
	f, err := os.Open(e.history)
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(io.LimitReader(f, maxHistory))
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if line := strings.ToValidUTF8(lines.Text(), "\uFFFD"); line != "" {
			e.state.AppendHistory(line)
		}
	}
}

// save writes the history file; that it cannot is, as in Supervisor, not worth
// a word at the end of a shell.
func (e *editor) save() {
	if e.history == "" {
		return
	}
	f, err := os.OpenFile(e.history, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	_, _ = e.state.WriteHistory(f)
	_ = f.Close()
}
