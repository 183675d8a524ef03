package notify

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// maxSilences bounds how many silences there may be: each is looked at for each event.
	maxSilences = 64
	// maxSilence is the longest a silence may last.
	maxSilence = 366 * 24 * time.Hour
	// maxPatterns and maxComment bound what a silence keeps, the latter in bytes.
	maxPatterns = 64
	maxComment  = 1024
)

// Silence keeps notifiers from sending some events for a time.
type Silence struct {
	ID        int
	Programs  []string // patterns of namespecs; none: every event, those about no process too
	Events    []string // event types, those under them too; none: all
	Notifiers []string // patterns of names of notifiers; none: all
	Comment   string
	Since     time.Time
	Until     time.Time
	Matched   uint64 // events it kept back
}

// Silences is all silences, for all notifiers. They outlast every change of the configuration, but not the daemon.
// Its methods may be called from any goroutine.
type Silences struct {
	mu     sync.Mutex
	lastID int
	all    []*silence
}

type silence struct {
	Silence
	programs  *eventlistener.Programs
	types     []eventlistener.Type
	notifiers []string
}

// ErrNoSilence is Remove's answer for an id that there is none of, or none any more.
var ErrNoSilence = errors.New("there is no such silence")

// Add begins a silence at now; ID, Since and Matched are set by it. An error reports what is wrong with the silence, or that there are
// too many.
func (s *Silences) Add(now time.Time, new Silence) (id int, err error) {
	length := new.Until.Sub(now)
	switch {
	case length <= 0 || length > maxSilence:
		return 0, fmt.Errorf("cannot be silent for %s; accepted: more than 0 seconds, at most %d days", length.Round(time.Second), int(maxSilence/(24*time.Hour)))
	case len(new.Comment) > maxComment:
		return 0, fmt.Errorf("cannot keep a comment of %d bytes; accepted: at most %d", len(new.Comment), maxComment)
	case len(new.Programs)+len(new.Events)+len(new.Notifiers) > maxPatterns:
		return 0, fmt.Errorf("cannot use that many patterns; accepted: at most %d", maxPatterns)
	}
	made := &silence{Silence: new}
	made.Since, made.Matched = now, 0
	if len(new.Programs) > 0 {
		if made.programs, err = eventlistener.ParsePrograms(new.Programs); err != nil {
			return 0, err
		}
	}
	for _, name := range new.Events {
		t, ok := eventlistener.ParseType(strings.ToUpper(name))
		if !ok {
			return 0, fmt.Errorf("there is no event type %q", name)
		}
		made.types = append(made.types, t)
	}
	for _, written := range new.Notifiers {
		glob := strings.ReplaceAll(written, "[!", "[^")
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return 0, fmt.Errorf("cannot use pattern %q", written)
		}
		made.notifiers = append(made.notifiers, glob)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	if len(s.all) >= maxSilences {
		return 0, fmt.Errorf("cannot add a silence: there are %d already; remove one first", len(s.all))
	}
	s.lastID++
	made.ID = s.lastID
	s.all = append(s.all, made)
	return made.ID, nil
}

// Remove ends a silence. Error: ErrNoSilence.
func (s *Silences) Remove(now time.Time, id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	i := slices.IndexFunc(s.all, func(have *silence) bool { return have.ID == id })
	if i < 0 {
		return ErrNoSilence
	}
	s.all = slices.Delete(s.all, i, i+1)
	return nil
}

// List returns the silences in effect, oldest first.
func (s *Silences) List(now time.Time) []Silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	list := make([]Silence, len(s.all))
	for i, have := range s.all {
		list[i] = have.Silence
	}
	return list
}

func (s *Silences) expire(now time.Time) {
	s.all = slices.DeleteFunc(s.all, func(have *silence) bool { return !now.Before(have.Until) })
}

// silent reports whether a notifier is to keep an event to itself, and counts that.
func (s *Silences) silent(now time.Time, notifier string, about subject) bool {
	return s.first(now, notifier, about, func(have *silence) { have.Matched++ })
}

// covers reports whether silent would keep an event back, and counts nothing.
func (s *Silences) covers(now time.Time, notifier string, about subject) bool {
	return s.first(now, notifier, about, func(*silence) {})
}

// first calls f with the first silence about an event, under the lock; false: there is none.
func (s *Silences) first(now time.Time, notifier string, about subject, f func(*silence)) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return false
	}
	s.expire(now)
	i := slices.IndexFunc(s.all, func(have *silence) bool { return have.matches(notifier, about) })
	if i >= 0 {
		f(s.all[i])
	}
	return i >= 0
}

func (s *silence) matches(notifier string, about subject) bool {
	if len(s.notifiers) > 0 && !slices.ContainsFunc(s.notifiers, func(glob string) bool {
		ok, _ := path.Match(glob, notifier)
		return ok
	}) {
		return false
	}
	if len(s.types) > 0 {
		t, known := eventlistener.ParseType(about.kind)
		if !known || !slices.ContainsFunc(s.types, t.Is) {
			return false
		}
	}
	return s.programs == nil || about.process != "" && s.programs.Match(about.group, about.process)
}
