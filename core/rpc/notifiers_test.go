package rpc

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// fakeNotifiers keeps what it is asked.
type fakeNotifiers struct{ asked string }

func (f *fakeNotifiers) Silence(s Silence, lasts time.Duration) (int, error) {
	f.asked = fmt.Sprintf("%q %q %q %q %s", s.Programs, s.Events, s.Notifiers, s.Comment, lasts)
	if lasts <= 0 {
		return 0, errors.New("cannot be silent for 0s")
	}
	return 7, nil
}

func (f *fakeNotifiers) Silences() []Silence {
	return []Silence{{ID: 7, Programs: []string{"web:*"}, Comment: "deploy", Since: time.Unix(100, 0), Until: time.Unix(200, 0), Matched: 3}}
}

func (f *fakeNotifiers) Unsilence(id int) error {
	if id != 7 {
		return ErrNoSuch
	}
	return nil
}

func (f *fakeNotifiers) TestNotifier(ctx context.Context, name string) (NotifierTest, error) {
	switch name {
	case "ops":
		return NotifierTest{Outcome: "retry", Error: "503", RetryAfter: 3 * time.Second, Title: "t", Body: "b", Took: time.Second / 2}, nil
	case "late":
		return NotifierTest{}, context.DeadlineExceeded
	}
	return NotifierTest{}, fmt.Errorf("test: %w", ErrNoSuch)
}

func (f *fakeNotifiers) LogSinks() []LogSink {
	return []LogSink{{Name: "central", Channels: []string{"stderr"}, Overflow: "block", Dropped: 5, OldestAge: time.Second}}
}

func TestNotifierMethods(t *testing.T) {
	f := &fakeNotifiers{}
	d := NewDispatcher(nil, Hark{Notifiers: f}.Namespace())
	type args = []any
	for _, c := range []struct {
		method string
		args   args
		want   string // the answer, or the fault
		asked  string
	}{
		{"hark.silence", args{args{"web:*", " db "}, 60, "deploy"}, "7", `["web:*" "db"] [] [] "deploy" 1m0s`},
		{"hark.silence", args{"web:*, db", 60, "", args{"TICK"}, args{"ops"}}, "7", `["web:*" "db"] ["TICK"] ["ops"] "" 1m0s`},
		{"hark.silence", args{args{}, 0, ""}, "3 BAD_ARGUMENTS: cannot be silent for 0s", ""},
		{"hark.silence", args{args{}, 1 << 62, ""}, "7", `[] [] [] "" 8784h0m1s`},
		{"hark.silence", args{args{1}, 60, ""}, "2 INCORRECT_PARAMETERS", ""},
		{"hark.silence", args{args{}, "x", ""}, "2 INCORRECT_PARAMETERS", ""},
		{"hark.silence", args{args{}, 60, 5}, "2 INCORRECT_PARAMETERS", ""},
		{"hark.silence", args{5, 60, ""}, "2 INCORRECT_PARAMETERS", ""},
		{"hark.unsilence", args{7}, "true", ""},
		{"hark.unsilence", args{8}, "10 BAD_NAME: 8", ""},
		{"hark.unsilence", args{"x"}, "2 INCORRECT_PARAMETERS", ""},
		{"hark.getSilences", args{}, "[[{id 7} {programs [web:*]} {events []} {notifiers []} {comment deploy} {since 100} {until 200} {matched 3}]]", ""},
		{"hark.testNotifier", args{"ops"}, "[{outcome retry} {error 503} {retry_after 3} {title t} {body b} {seconds 0.5}]", ""},
		{"hark.testNotifier", args{"nobody"}, "10 BAD_NAME: nobody", ""},
		{"hark.testNotifier", args{nil}, "2 INCORRECT_PARAMETERS", ""},
		{"hark.getLogSinks", args{}, "[[{name central} {programs []} {channels [stderr]} {overflow block} {buffer_bytes 0} {queued 0} {in_flight 0} {paused 0} " +
			"{accepted 0} {written 0} {dropped 5} {batches 0} {redelivered 0} {refused 0} {violations 0} {streams 0} {internal_errors 0} {oldest_age 1} {last_error } {given_up } {last_delivery 0}]]", ""},
	} {
		if got := answerText(t, d, Control, c.method, c.args); got != c.want {
			t.Errorf("%s%v: %s\nnot %s", c.method, c.args, got, c.want)
		}
		if c.asked != "" && f.asked != c.asked {
			t.Errorf("%s%v asks %s\nnot %s", c.method, c.args, f.asked, c.asked)
		}
	}
}
