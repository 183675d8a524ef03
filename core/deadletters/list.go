package deadletters

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/eventlistener"
)

// deadEventsShown is how many events of a notification a Letter has.
const deadEventsShown = 20

// Host is the loop whose pools and notifiers give up events; *core.Supervisor is one.
type Host interface {
	Mood() core.Mood
	Takers(ctx context.Context) ([]core.Taker, error)
}

// Office shows dead letters and sends them again.
type Office struct {
	files *Log
	host  Host
}

// NewOffice returns the Office of one life of the daemon.
func NewOffice(files *Log, host Host) *Office { return &Office{files, host} }

// Letter is an event that a pool gave up, or a notification, of several events, that a notifier did.
type Letter struct {
	ID       string    `rpc:"id" doc:"the same as long as the letter is there"`
	Name     string    `rpc:"name" doc:"of the pool or notifier"`
	Kind     string    `rpc:"kind" doc:"pool or notifier"` // core.PoolSubscriber or core.NotifierSubscriber
	Time     time.Time `rpc:"time" doc:"when it was given up, in seconds since 1970; 0 if unknown"`
	Tries    int       `rpc:"tries" doc:"deliveries that failed"`
	Reason   string    `rpc:"reason" doc:"the result of the last"`
	Listener string    `rpc:"listener" doc:"of a pool: the process that had it last"`
	Severity string    `rpc:"severity" doc:"of a notifier"`
	Events   []Entry   `rpc:"events" doc:"the first 20 events of a notification, or the one of a pool"`
	Count    int       `rpc:"event_count" doc:"how many events it has"`
}

// Entry is one event of a Letter.
type Entry struct {
	Type    string    `rpc:"eventname" doc:"its type"`
	Group   string    `rpc:"group" doc:"of the process that it is about; empty if it is about none"`
	Process string    `rpc:"name" doc:"the process"`
	Time    time.Time `rpc:"time" doc:"when it happened, in seconds since 1970"`
}

// List is the dead letters of some pools and notifiers.
type List struct {
	Total      int      `rpc:"total" doc:"how many there are, those left out included"`
	Unreadable int      `rpc:"unreadable" doc:"lines of the files that are not dead letters"`
	Letters    []Letter `rpc:"letters" doc:"the newest, in the order in which they were given up"`
}

// letterOwner is a pool or notifier.
type letterOwner struct{ kind, name string }

// letterBox is an owner whose dead letters are asked for.
type letterBox struct {
	letterOwner
	take   func(ctx context.Context, events []*eventlistener.Event) error // nil: there is no such pool or notifier now
	settle func(ctx context.Context) error                                // core.Taker's
}

// DeadLetters returns the events that pools and notifiers gave up: those of the pools and notifiers named (x, eventlistener:x or
// notifier:x), or of all, including those whose sections no longer exist. At most limit letters, the newest, are returned. It reads
// their files and blocks on the disk. Error: BadName for a name that neither a pool, a notifier nor a dead letter has.
func (o *Office) DeadLetters(ctx context.Context, names []string, limit int) (List, error) {
	var all List
	counted := map[string]bool{} // names whose files' unreadable lines are: a pool and a notifier of one name share them
	err := o.withLetters(ctx, names, true, func(box letterBox, files [2]letterFile) error {
		var own []Letter
		for _, f := range files {
			for _, l := range f.letters() {
				switch l.owner() {
				case letterOwner{}:
					if !counted[box.name] {
						all.Unreadable++
					}
				case box.letterOwner:
					all.Total++
					if own = append(own, l.Letter); len(own) > 2*limit {
						own = append(own[:0], own[len(own)-limit:]...)
					}
				}
			}
		}
		counted[box.name] = true
		all.Letters = append(all.Letters, own[max(len(own)-limit, 0):]...)
		return nil
	})
	slices.SortStableFunc(all.Letters, func(a, b Letter) int { return a.Time.Compare(b.Time) })
	all.Letters = all.Letters[max(len(all.Letters)-limit, 0):]
	return all, err
}

// boxes are those of the pools and notifiers there are now.
func (o *Office) boxes(ctx context.Context) ([]letterBox, error) {
	takers, err := o.host.Takers(ctx)
	if err != nil {
		return nil, err
	}
	boxes := make([]letterBox, len(takers))
	for i, t := range takers {
		boxes[i] = letterBox{letterOwner{t.Kind, t.Name}, t.Take, t.Settle}
	}
	return boxes, nil
}

// withLetters has the files read, alone, of all owners named, or of all there are now; those whose sections are gone too, if that is wanted.
func (o *Office) withLetters(ctx context.Context, names []string, gone bool, f func(letterBox, [2]letterFile) error) error {
	boxes, err := o.boxes(ctx)
	if err != nil {
		return err
	}
	if err := o.files.begin(ctx); err != nil {
		return err
	}
	defer o.files.end()
	if len(names) > 0 {
		var err error
		if boxes, err = o.boxesNamed(boxes, names); err != nil {
			return err
		}
	} else if gone {
		boxes = append(boxes, o.goneBoxes(boxes)...)
	}
	for _, box := range boxes {
		files, err := o.files.read(box.name)
		if err != nil {
			return err
		}
		if err := f(box, files); err != nil {
			return err
		}
	}
	return nil
}

// maxGone bounds how many files of sections that are no longer there are looked into.
const maxGone = 100

// goneBoxes are the owners of dead letters whose sections are no longer there: they take nothing. What cannot be read is not among them: a
// directory may be shared.
func (o *Office) goneBoxes(there []letterBox) (gone []letterBox) {
	known := map[letterOwner]bool{}
	for _, box := range there {
		known[box.letterOwner] = true
	}
	names := o.files.names()
	for _, name := range names[:min(len(names), maxGone)] {
		files, err := o.files.read(name)
		if err != nil {
			continue
		}
		for _, f := range files {
			for _, l := range f.letters() {
				if owner := l.owner(); l.Kind != "" && owner.name == name && !known[owner] {
					known[owner] = true
					gone = append(gone, letterBox{letterOwner: owner})
				}
			}
		}
	}
	return gone
}

// ownerNamed reports whether an owner is meant by x, eventlistener:x or notifier:x.
func ownerNamed(given string) (name string, fits func(letterOwner) bool) {
	kind, name := "", given
	switch prefix, rest, _ := strings.Cut(given, ":"); prefix {
	case "eventlistener":
		kind, name = core.PoolSubscriber, rest
	case core.NotifierSubscriber:
		kind, name = core.NotifierSubscriber, rest
	}
	return name, func(o letterOwner) bool { return o.name == name && (kind == "" || kind == o.kind) }
}

// boxesNamed chooses by names, in the order of all. A name that only letters have, of a section that is no longer there, makes a box
// that takes nothing.
func (o *Office) boxesNamed(all []letterBox, names []string) ([]letterBox, error) {
	chosen := map[letterOwner]bool{}
	for _, given := range names {
		name, fits := ownerNamed(given)
		found := false
		for _, box := range all {
			if fits(box.letterOwner) {
				found, chosen[box.letterOwner] = true, true
			}
		}
		files, err := o.files.read(name)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			for _, l := range f.letters() {
				if owner := l.owner(); l.Kind != "" && fits(owner) {
					found = true
					if !chosen[owner] {
						chosen[owner] = true
						all = append(all, letterBox{letterOwner: owner})
					}
				}
			}
		}
		if !found {
			return nil, &core.Error{Kind: core.BadName, Detail: given}
		}
	}
	return slices.DeleteFunc(all, func(b letterBox) bool { return !chosen[b.letterOwner] }), nil
}
