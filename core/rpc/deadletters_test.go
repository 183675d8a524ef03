package rpc

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// fakeLetters keeps what it is asked.
type fakeLetters struct{ asked string }

func (f *fakeLetters) DeadLetters(_ context.Context, names []string, limit int) (deadletters.List, error) {
	f.asked = fmt.Sprintf("%q %d", names, limit)
	for _, name := range names {
		if name == "nobody" {
			return deadletters.List{}, &core.Error{Kind: core.BadName, Detail: name}
		}
	}
	return deadletters.List{Total: 7, Unreadable: 1, Letters: []deadletters.Letter{{
		ID: "abc", Kind: core.PoolSubscriber, Name: "crash", Time: time.Unix(100, 5), Tries: 3, Reason: "no answer", Listener: "crash_00",
		Events: []deadletters.Entry{{Type: "TICK_5", Group: "g", Process: "p", Time: time.Unix(99, 0)}}, Count: 2,
	}}}, nil
}

func (f *fakeLetters) SendDeadLetters(_ context.Context, names []string, to string) ([]deadletters.Sent, error) {
	if f.asked = fmt.Sprintf("%q", names); to != "" {
		f.asked += " to " + to
	}
	switch {
	case len(names) > 0 && names[0] == "broken":
		return nil, errors.New("cannot read the dead letters in x: permission denied")
	case len(names) > 0 && names[0] == "late":
		return nil, &core.Error{Kind: core.ShutdownState}
	}
	return []deadletters.Sent{{Kind: core.NotifierSubscriber, Name: "ops", Sent: 2, Kept: 1, Reason: "full"}}, nil
}

func TestDeadLetterMethods(t *testing.T) {
	f := &fakeLetters{}
	d := NewDispatcher(nil, Hark{DeadLetters: f}.Namespace())
	type args = []any
	const letters = "[{total 7} {unreadable 1} {letters [[{id abc} {name crash} {kind pool} {time 100} {tries 3} {reason no answer} {listener crash_00} {severity } " +
		"{events [[{eventname TICK_5} {group g} {name p} {time 99}]]} {event_count 2}]]}]"
	const sent = "[[{name ops} {kind notifier} {sent 2} {kept 1} {reason full}]]"
	for _, c := range []struct {
		access Access
		method string
		args   args
		want   string // the answer, or the fault
		asked  string
	}{
		{Control, "hark.getDeadLetters", args{}, letters, `[] 100`},
		{ReadOnly, "hark.getDeadLetters", args{args{"crash", "notifier:ops"}, 5}, letters, `["crash" "notifier:ops"] 5`},
		{Control, "hark.getDeadLetters", args{"a, b", 1 << 30}, letters, `["a" "b"] 5000`},
		{Control, "hark.getDeadLetters", args{args{}, -1}, letters, `[] 0`},
		{Control, "hark.getDeadLetters", args{args{"crash", "nobody"}}, "10 BAD_NAME: nobody", ""},
		{Control, "hark.getDeadLetters", args{args{1}}, "2 INCORRECT_PARAMETERS", ""},
		{Control, "hark.getDeadLetters", args{args{}, "x"}, "2 INCORRECT_PARAMETERS", ""},
		{Control, "hark.sendDeadLetters", args{}, sent, `[]`},
		{Control, "hark.sendDeadLetters", args{args{"ops"}}, sent, `["ops"]`},
		{Control, "hark.sendDeadLetters", args{args{"gone"}, "ops"}, sent, `["gone"] to ops`},
		{Control, "hark.sendDeadLetters", args{args{"gone"}, 7}, "2 INCORRECT_PARAMETERS", ""},
		{Control, "hark.sendDeadLetters", args{"broken"}, "30 FAILED: cannot read the dead letters in x: permission denied", ""},
		{Control, "hark.sendDeadLetters", args{"late"}, "6 SHUTDOWN_STATE", ""},
		{Control, "hark.sendDeadLetters", args{7}, "2 INCORRECT_PARAMETERS", ""},
	} {
		if got := answerText(t, d, c.access, c.method, c.args); got != c.want {
			t.Errorf("%s%v: %s\nnot %s", c.method, c.args, got, c.want)
		}
		if c.asked != "" && f.asked != c.asked {
			t.Errorf("%s%v asks %s\nnot %s", c.method, c.args, f.asked, c.asked)
		}
	}
	f.asked = ""
	var refused *xmlrpc.Fault
	if _, err := d.Call(t.Context(), ReadOnly, "hark.sendDeadLetters", args{}); !errors.As(err, &refused) || f.asked != "" {
		t.Errorf("who may only read sends: %v, asked %q", err, f.asked)
	}
}
