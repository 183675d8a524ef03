package deadletters

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
)

// office is an Office of a notifier named ops, with its files.
type office struct {
	*Office
	dir   string
	taker *letterTaker
}

func run(t *testing.T) *office {
	t.Helper()
	o := &office{dir: t.TempDir(), taker: &letterTaker{}}
	files := NewLog(o.dir, func(_ config.Level, text string) { t.Error(text) })
	o.Office = NewOffice(files, o)
	t.Cleanup(files.Flush)
	return o
}

// Mood implements Host.
func (o *office) Mood() core.Mood { return core.MoodRunning }

// Takers implements Host.
func (o *office) Takers(context.Context) ([]core.Taker, error) {
	return []core.Taker{o.taker.as("ops")}, nil
}

// letterTaker is a notifier that takes dead letters again.
type letterTaker struct {
	refuse func(events []*eventlistener.Event) error
	again  []*eventlistener.Event
	settle error
}

func (l *letterTaker) as(name string) core.Taker {
	return core.Taker{
		Kind: core.NotifierSubscriber, Name: name,
		Take: func(_ context.Context, events []*eventlistener.Event) error {
			if l.refuse != nil {
				if err := l.refuse(events); err != nil {
					return err
				}
			}
			l.again = append(l.again, events...)
			return nil
		},
		Settle: func(ctx context.Context) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return l.settle
		},
	}
}

func kindOf(err error) core.ErrorKind {
	var e *core.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

// letter is a line as notifiers write them, of events of type REMOTE_COMMUNICATION.
func letter(notifier string, minute int, data ...string) string {
	var events []string
	for _, d := range data {
		events = append(events, fmt.Sprintf(`{"eventname":"REMOTE_COMMUNICATION","seq":1,"time":"2026-01-01T00:00:00.000Z","type":"k","data":%q}`, d))
	}
	return fmt.Sprintf(`{"notifier":%q,"id":"x","time":"2026-01-01T00:%02d:00.5Z","severity":"critical","attempts":3,"error":"503","events":[%s]}`,
		notifier, minute, strings.Join(events, ",")) + "\n"
}

func (l *letterTaker) taken() string {
	var all []string
	for _, e := range l.again {
		all = append(all, string(e.Data()))
	}
	return strings.Join(all, " ")
}

func TestDeadLettersAreReadAndLeaveTheirFileWhenTheQueueHasThem(t *testing.T) {
	ctx := context.Background()
	r := run(t)
	taker := r.taker
	path := filepath.Join(r.dir, "ops-deadletters.jsonl")
	write := func(path string, lines ...string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	future := `{"notifier":"ops","time":"2026-01-01T00:03:00Z","attempts":1,"error":"x","events":[{"eventname":"BORED","seq":1,"time":"2026-01-01T00:00:00.000Z"}]}` + "\n"
	pools := `{"pool":"ops","listener":"ops","serial":5,"poolserial":5,"failed":2,"result":"FAIL","event":{"eventname":"TICK_5","seq":1,"time":"2026-01-01T00:00:00.000Z","when":5}}` + "\n"
	fill := func() {
		write(path+".1", letter("ops", 1, "a"), "nonsense\n")
		write(path, letter("ops", 2, "b", "c"), future, pools, letter("ops", 4, "d"), `{"notifier":"ops","torn`)
	}
	fill()
	list := func(limit int, names ...string) (string, List) {
		t.Helper()
		all, err := r.DeadLetters(ctx, names, limit)
		if err != nil {
			return err.Error(), all
		}
		var b strings.Builder
		for _, l := range all.Letters {
			fmt.Fprintf(&b, "%s:%s %s %d %q", l.Kind, l.Name, l.Time.Format("04"), l.Tries, l.Reason)
			for _, e := range l.Events {
				fmt.Fprintf(&b, " %s", e.Type)
			}
			fmt.Fprintf(&b, " of %d\n", l.Count)
		}
		return fmt.Sprintf("%s%d, %d unreadable", &b, all.Total, all.Unreadable), all
	}
	const whole = `notifier:ops 01 3 "503" REMOTE_COMMUNICATION of 1
notifier:ops 02 3 "503" REMOTE_COMMUNICATION REMOTE_COMMUNICATION of 2
notifier:ops 03 1 "x" of 1
notifier:ops 04 3 "503" REMOTE_COMMUNICATION of 1
`
	all := "pool:ops 00 2 \"answered \\\"FAIL\\\"\" TICK_5 of 1\n" + whole + "5, 2 unreadable"
	if got, _ := list(100); got != all { // the letter of a pool that is no longer there too
		t.Errorf("all:\n%s", got)
	}
	_, first := list(100, "ops")
	got, second := list(100, "ops")
	if got != all {
		t.Errorf("by name:\n%s", got)
	}
	for i := range first.Letters {
		if id := first.Letters[i].ID; len(id) != 12 || id != second.Letters[i].ID {
			t.Errorf("id %q, then %q", id, second.Letters[i].ID)
		}
	}
	if got, _ := list(1, "notifier:ops"); got != "notifier:ops 04 3 \"503\" REMOTE_COMMUNICATION of 1\n4, 2 unreadable" {
		t.Errorf("one:\n%s", got)
	}
	for _, name := range []string{"nobody", "eventlistener:nobody", "eventlistener:other"} {
		if _, err := r.DeadLetters(ctx, []string{"ops", name}, 1); kindOf(err) != core.BadName {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.SendDeadLetters(ctx, []string{"ops", name}, ""); kindOf(err) != core.BadName || len(taker.again) > 0 {
			t.Errorf("%s is sent: %v", name, err)
		}
	}

	for _, c := range []struct {
		name            string
		refuse          func([]*eventlistener.Event) error
		settle          error
		names           []string
		answer, taken   string
		backup, staying string // what the files have then
	}{
		{
			name: "a full queue takes the oldest", refuse: func([]*eventlistener.Event) error {
				if len(taker.again) > 0 {
					return eventlistener.ErrNoRoom
				}
				return nil
			},
			answer: "[{Name:ops Kind:notifier Sent:1 Kept:3 Reason:the queue has no room for more}]", taken: "a",
			backup: "nonsense\n", staying: letter("ops", 2, "b", "c") + future + pools + letter("ops", 4, "d") + `{"notifier":"ops","torn`,
		},
		{
			name: "what a silence keeps back stays, and what no event is", refuse: func(events []*eventlistener.Event) error {
				if string(events[0].Data()) == "a" {
					return ErrSilenced
				}
				return nil
			},
			answer: "[{Name:ops Kind:notifier Sent:2 Kept:2 Reason:a silence keeps it back}]", taken: "b c d",
			backup: letter("ops", 1, "a") + "nonsense\n", staying: future + pools + `{"notifier":"ops","torn` + "\n",
		},
		{
			name: "a disk that does not take them", settle: errors.New("slow"),
			answer: "[{Name:ops Kind:notifier Sent:3 Kept:1 Reason:they were sent, but cannot be removed from the dead letters: the spool has not committed them: slow}]",
			taken:  "a b c d",
			backup: letter("ops", 1, "a") + "nonsense\n", staying: letter("ops", 2, "b", "c") + future + pools + letter("ops", 4, "d") + `{"notifier":"ops","torn`,
		},
		{
			name: "a pool that is no longer there", names: []string{"eventlistener:ops"},
			answer: "[{Name:ops Kind:pool Sent:0 Kept:1 Reason:there is no such pool or notifier now}]",
			backup: letter("ops", 1, "a") + "nonsense\n", staying: letter("ops", 2, "b", "c") + future + pools + letter("ops", 4, "d") + `{"notifier":"ops","torn`,
		},
		{
			name: "all that can be", names: []string{"ops"},
			answer: "[{Name:ops Kind:notifier Sent:3 Kept:1 Reason:another version of Hark wrote it: there is no event type \"BORED\"} " +
				"{Name:ops Kind:pool Sent:0 Kept:1 Reason:there is no such pool or notifier now}]",
			taken: "a b c d", backup: "nonsense\n", staying: future + pools + `{"notifier":"ops","torn` + "\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			fill()
			taker.refuse, taker.settle, taker.again = c.refuse, c.settle, nil
			sent, err := r.SendDeadLetters(ctx, c.names, "")
			if got := fmt.Sprintf("%+v", sent); err != nil || got != c.answer {
				t.Errorf("%v %s\nnot %s", err, got, c.answer)
			}
			if got := taker.taken(); got != c.taken {
				t.Errorf("taken %q, not %q", got, c.taken)
			}
			for path, want := range map[string]string{path + ".1": c.backup, path: c.staying} {
				if b, err := os.ReadFile(path); err != nil || string(b) != want {
					t.Errorf("%s: %v\n%s\nnot\n%s", path, err, b, want)
				}
			}
		})
	}
}

func TestALineIsAppendedToTheLogOfItsNotifier(t *testing.T) {
	r := run(t)
	r.files.PutLine("ops", []byte(`{"notifier":"ops"}`+"\n"))
	r.files.Flush()
	if b, err := os.ReadFile(filepath.Join(r.dir, "ops-deadletters.jsonl")); err != nil || string(b) != `{"notifier":"ops"}`+"\n" {
		t.Errorf("dead letters: %q, %v", b, err)
	}
}

func TestALetterThatComesBackWhileItIsSentIsKept(t *testing.T) {
	ctx := context.Background()
	r := run(t)
	taker := r.taker
	taker.refuse = func([]*eventlistener.Event) error {
		r.files.PutLine("ops", []byte(letter("ops", 9, "again")))
		return nil
	}
	r.files.PutLine("ops", []byte(letter("ops", 1, "a")))
	r.files.Flush()
	sent, err := r.SendDeadLetters(ctx, nil, "")
	if err != nil || len(sent) != 1 || sent[0].Sent != 1 || taker.taken() != "a" {
		t.Fatalf("%+v, %v; %q", sent, err, taker.taken())
	}
	r.files.Flush()
	if b, err := os.ReadFile(filepath.Join(r.dir, "ops-deadletters.jsonl")); err != nil || string(b) != letter("ops", 9, "again") {
		t.Errorf("%s %v", b, err)
	}
	taker.refuse = nil
	if _, err := r.SendDeadLetters(ctx, nil, ""); err != nil {
		t.Fatal(err)
	}
	if names, _ := filepath.Glob(filepath.Join(r.dir, "*deadletters*")); len(names) > 0 {
		t.Errorf("%s is left of nothing", names)
	}
}

func TestWhatWasSentIsTakenOutThoughWhoAskedHasGone(t *testing.T) {
	r := run(t)
	taker := r.taker
	ctx, cancel := context.WithCancel(context.Background())
	taker.refuse = func([]*eventlistener.Event) error {
		cancel()
		return nil
	}
	r.files.PutLine("ops", []byte(letter("ops", 1, "a")))
	r.files.Flush()
	if sent, err := r.SendDeadLetters(ctx, nil, ""); err != nil || len(sent) != 1 || sent[0].Sent != 1 || sent[0].Reason != "" {
		t.Errorf("%+v, %v", sent, err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "ops-deadletters.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the letter that was sent is still there: %v", err)
	}
}
