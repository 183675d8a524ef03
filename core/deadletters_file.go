package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
	"github.com/hark-supervisor/hark/eventlistener"
)

// deadLetterLine is a line of a log of dead letters: of a pool's event, or of a notification, which plugins.Notifier writes.
type deadLetterLine struct {
	Time time.Time // when it was given up; the zero time where Hark did not note that yet

	Pool     string
	Listener string
	Serial   int64
	Failed   int
	Result   *string // what was answered; nil: nothing that counts
	Event    json.RawMessage

	Notifier string
	Severity string
	Attempts int
	Error    string
	Events   []json.RawMessage
}

// foundLetter is a line that was read.
type foundLetter struct {
	DeadLetter
	events []*eventlistener.Event // nil where bad says why there are none
	bad    error
	line   []byte
}

// letterFile is what a log of dead letters, or its backup, has.
type letterFile struct {
	path    string
	letters []*foundLetter // a line each; one that cannot be read has no Kind
}

// begin waits for the files of dead letters, which end lets go of.
func (d *deadLetters) begin(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *deadLetters) end() { <-d.turn }

// read gives the dead letters in the log of a name, the older file first. Between begin and end.
func (d *deadLetters) read(name string) (files [2]letterFile, err error) {
	path := deadLetterPath(d.dir, name)
	for i, path := range [2]string{path + ".1", path} {
		b, err := readLetterFile(path)
		if err != nil {
			return files, err
		}
		files[i].path = path
		for line := range bytes.Lines(b) {
			files[i].letters = append(files[i].letters, parseLetter(line))
		}
	}
	return files, nil
}

// readLetterFile reads a file as far as dead letters are written: its bound and one line. There is nothing in one that does not exist.
func readLetterFile(path string) ([]byte, error) {
	fd, _, err := held.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the dead letters in %s: %w", path, err)
	}
	file := os.NewFile(uintptr(fd), path) //nolint:gosec // a descriptor
	defer func() { _ = file.Close() }()
	const most = deadLetterBytes + deadLetterPending
	b, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && len(b) > most {
		err = fmt.Errorf("it is larger than %d bytes", most)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the dead letters in %s: %w", path, err)
	}
	return b, nil
}

func parseLetter(line []byte) *foundLetter {
	f := &foundLetter{line: line}
	var l deadLetterLine
	if err := json.Unmarshal(line, &l); err != nil || (l.Pool == "") == (l.Notifier == "") {
		return f
	}
	sum := sha256.Sum256(line)
	f.ID, f.Time = hex.EncodeToString(sum[:6]), l.Time
	events := l.Events
	if l.Pool != "" {
		f.Kind, f.Name, f.Tries, f.Listener = PoolSubscriber, l.Pool, l.Failed, l.Listener
		f.Reason = "no answer"
		if l.Result != nil {
			f.Reason = fmt.Sprintf("answered %.200q", *l.Result)
		}
		events = []json.RawMessage{l.Event}
	} else {
		f.Kind, f.Name, f.Tries, f.Severity, f.Reason = NotifierSubscriber, l.Notifier, l.Attempts, l.Severity, l.Error
	}
	f.Count = len(events)
	for _, js := range events {
		e, err := eventlistener.OfJSON(js, l.Serial)
		if err != nil {
			f.bad, f.events = err, nil
			break
		}
		f.events = append(f.events, e)
	}
	for _, e := range f.events[:min(len(f.events), deadEventsShown)] {
		p, _ := e.Process()
		f.Events = append(f.Events, DeadEvent{Type: e.Type().String(), Group: p.Group, Process: p.Name, Time: e.Time()})
	}
	return f
}

// without writes the file again without the letters that are gone. Between begin and end.
func (f *letterFile) without(gone map[*foundLetter]bool) error {
	var rest []byte
	left := 0
	for _, l := range f.letters {
		if gone[l] {
			continue
		}
		left++
		if rest = append(rest, l.line...); !bytes.HasSuffix(rest, []byte("\n")) {
			rest = append(rest, '\n') // torn by a crash; what follows shall not be
		}
	}
	if left == len(f.letters) {
		return nil
	}
	draft, err := held.NewDraft(f.path, rest, 0o600)
	if err != nil {
		return err
	}
	if err := draft.Publish(); err != nil {
		draft.Discard()
		return err
	}
	if left == 0 {
		draft.Remove()
	} else {
		draft.Close()
	}
	return nil
}
