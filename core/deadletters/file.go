package deadletters

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
	"iter"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core"
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
	Letter
	events []*eventlistener.Event // nil where bad says why there are none
	bad    error
}

func (l *foundLetter) owner() letterOwner { return letterOwner{l.Kind, l.Name} }

// letterFile is what a log of dead letters, or its backup, has.
type letterFile struct {
	path string
	text []byte
}

// letters returns the line of each number, one at a time: together they take much more memory than their text. One that cannot be read has no Kind.
func (f *letterFile) letters() iter.Seq2[int, *foundLetter] {
	return func(yield func(int, *foundLetter) bool) {
		n := 0
		for line := range bytes.Lines(f.text) {
			if !yield(n, parseLetter(line)) {
				return
			}
			n++
		}
	}
}

// begin waits for the files of dead letters, which end releases.
func (d *Log) begin(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Log) end() { <-d.turn }

// read returns the dead letters in the log of a name, the older file first. Between begin and end.
func (d *Log) read(name string) (files [2]letterFile, err error) {
	path := deadLetterPath(d.dir, name)
	for i, path := range [2]string{path + ".1", path} {
		files[i].path = path
		if files[i].text, err = readLetterFile(path); err != nil {
			return files, err
		}
	}
	return files, nil
}

// names are those of pools and notifiers that have files of dead letters, sorted.
func (d *Log) names() (names []string) {
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return nil
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(strings.TrimSuffix(f.Name(), ".1"), lettersSuffix)
		if ok && name != "" && f.Type().IsRegular() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// readLetterFile reads a file as far as dead letters are written: its bound and one line. There is nothing in one that does not exist.
func readLetterFile(path string) ([]byte, error) {
	fd, _, err := held.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
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
	f := &foundLetter{}
	var l deadLetterLine
	if err := json.Unmarshal(line, &l); err != nil || (l.Pool == "") == (l.Notifier == "") {
		return f
	}
	sum := sha256.Sum256(line)
	f.ID, f.Time = hex.EncodeToString(sum[:6]), l.Time
	events := l.Events
	if l.Pool != "" {
		f.Kind, f.Name, f.Tries, f.Listener = core.PoolSubscriber, l.Pool, l.Failed, l.Listener
		f.Reason = "no answer"
		if l.Result != nil {
			f.Reason = fmt.Sprintf("answered %.200q", *l.Result)
		}
		events = []json.RawMessage{l.Event}
	} else {
		f.Kind, f.Name, f.Tries, f.Severity, f.Reason = core.NotifierSubscriber, l.Notifier, l.Attempts, l.Severity, l.Error
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
		f.Events = append(f.Events, Entry{Type: e.Type().String(), Group: p.Group, Process: p.Name, Time: e.Time()})
	}
	return f
}

// without writes the file again without the letters of some numbers. Between begin and end.
func (f *letterFile) without(gone map[int]bool) error {
	if len(gone) == 0 {
		return nil
	}
	var rest []byte
	n := 0
	for line := range bytes.Lines(f.text) {
		if !gone[n] {
			if rest = append(rest, line...); !bytes.HasSuffix(rest, []byte("\n")) {
				rest = append(rest, '\n') // torn by a crash; what follows shall not be
			}
		}
		n++
	}
	draft, err := held.NewDraft(f.path, rest, 0o600)
	if err != nil {
		return err
	}
	if err := draft.Publish(); err != nil {
		draft.Discard()
		return err
	}
	if len(rest) == 0 {
		draft.Remove()
	} else {
		draft.Close()
	}
	return nil
}
