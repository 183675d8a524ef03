package core

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// deadEventsShown is how many events of a notification DeadLetter tells of.
const deadEventsShown = 20

// DeadLetter is an event that a pool gave up, or a notification, of several events, that a notifier did.
type DeadLetter struct {
	ID       string    // the same as long as the letter is there
	Kind     string    // PoolSubscriber or NotifierSubscriber
	Name     string    // of the pool or notifier
	Time     time.Time // when it was given up; zero: it is not known
	Tries    int       // that failed
	Reason   string    // what came of the last
	Listener string    // pools: the process that had it last
	Severity string    // notifiers
	Events   []DeadEvent
	Count    int // of events, where Events has only the first of them
}

// DeadEvent is an event of a DeadLetter.
type DeadEvent struct {
	Type           string
	Group, Process string // "" where it is about none
	Time           time.Time
}

// DeadLetters are the dead letters of some pools and notifiers.
type DeadLetters struct {
	Letters    []DeadLetter // in the order in which they were given up
	Total      int          // of them, those left out included
	Unreadable int          // lines of the files that are no dead letters
}

// letterOwner is a pool or notifier.
type letterOwner struct{ kind, name string }

// letterBox is an owner whose dead letters are asked for.
type letterBox struct {
	letterOwner
	take   func(ctx context.Context, events []*eventlistener.Event) error // nil: there is no such pool or notifier now
	settle func(ctx context.Context) error                                // waits until what was taken is as safe as it gets
}

// DeadLetters tells of the events that pools and notifiers gave up: of those named (x, eventlistener:x or notifier:x), or of all there are now. No more than
// the limit newest letters are given. It reads their files. Errors: BadName for a name that no pool or notifier has and no dead letter.
func (s *Supervisor) DeadLetters(ctx context.Context, names []string, limit int) (DeadLetters, error) {
	var all DeadLetters
	err := s.withLetters(ctx, names, func(box letterBox, files [2]letterFile) error {
		var own []DeadLetter
		for _, f := range files {
			for _, l := range f.letters() {
				switch l.owner() {
				case letterOwner{}:
					all.Unreadable++
				case box.letterOwner:
					all.Total++
					if own = append(own, l.DeadLetter); len(own) > 2*limit {
						own = append(own[:0], own[len(own)-limit:]...)
					}
				}
			}
		}
		all.Letters = append(all.Letters, own[max(len(own)-limit, 0):]...)
		return nil
	})
	slices.SortStableFunc(all.Letters, func(a, b DeadLetter) int { return a.Time.Compare(b.Time) })
	all.Letters = all.Letters[max(len(all.Letters)-limit, 0):]
	return all, err
}

// withLetters has the files read, alone, of everybody named, or of all.
func (s *Supervisor) withLetters(ctx context.Context, names []string, f func(letterBox, [2]letterFile) error) error {
	var boxes []letterBox
	if err := s.ask(ctx, func() { boxes = s.letterBoxes() }); err != nil {
		return err
	}
	if err := s.letters.begin(ctx); err != nil {
		return err
	}
	defer s.letters.end()
	if len(names) > 0 {
		var err error
		if boxes, err = s.boxesNamed(boxes, names); err != nil {
			return err
		}
	}
	for _, box := range boxes {
		files, err := s.letters.read(box.name)
		if err != nil {
			return err
		}
		if err := f(box, files); err != nil {
			return err
		}
	}
	return nil
}

// letterBoxes are the pools and notifiers there are. Loop only.
func (s *Supervisor) letterBoxes() (boxes []letterBox) {
	for _, g := range s.pools {
		box := letterBox{letterOwner: letterOwner{PoolSubscriber, g.conf.Name}, take: func(ctx context.Context, events []*eventlistener.Event) error {
			return s.takeAgain(ctx, g, events)
		}}
		if g.spool != nil && g.spool.spool != nil {
			box.settle = g.spool.spool.Settle
		}
		boxes = append(boxes, box)
	}
	now := s.clock.Now()
	for _, a := range s.attached {
		if info := a.Info(now); a.Again != nil {
			boxes = append(boxes, letterBox{
				letterOwner: letterOwner{info.Kind, info.Name}, settle: a.Settle,
				take: func(_ context.Context, events []*eventlistener.Event) error { return a.Again(events) },
			})
		}
	}
	return boxes
}

// boxesNamed chooses by names, in the order of all. A name that only letters have, of a section that is no longer there, makes a box
// that takes nothing.
func (s *Supervisor) boxesNamed(all []letterBox, names []string) ([]letterBox, error) {
	chosen := map[letterOwner]bool{}
	for _, given := range names {
		kind, name := "", given
		switch prefix, rest, _ := strings.Cut(given, ":"); prefix {
		case "eventlistener":
			kind, name = PoolSubscriber, rest
		case NotifierSubscriber:
			kind, name = NotifierSubscriber, rest
		}
		found := false
		fits := func(o letterOwner) bool { return o.name == name && (kind == "" || kind == o.kind) }
		for _, box := range all {
			if fits(box.letterOwner) {
				found, chosen[box.letterOwner] = true, true
			}
		}
		files, err := s.letters.read(name)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			for _, l := range f.letters() {
				if o := l.owner(); l.Kind != "" && fits(o) {
					found = true
					if !chosen[o] {
						chosen[o] = true
						all = append(all, letterBox{letterOwner: o})
					}
				}
			}
		}
		if !found {
			return nil, refuse(BadName, given)
		}
	}
	return slices.DeleteFunc(all, func(b letterBox) bool { return !chosen[b.letterOwner] }), nil
}
