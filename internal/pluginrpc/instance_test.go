package pluginrpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

func (x *thing) state() (seen []string, most, closed int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.seen...), x.most, x.closed
}

func TestARefusedConfigurationLeavesWhatWas(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	old := l.configure(t, wire.Notifier, "ops", "")
	for mode, want := range map[string]string{
		"refuse":     "cannot reach [secret]: it is gone",
		"refuse key": "mode: not on a sunday, says [secret]",
		"panic":      "the plugin panicked in making the instance; the stack is in the log",
	} {
		_, err := l.Configure(ctx, wire.Notifier, "ops", map[string]string{"mode": mode, "url": testURL + "/new"}, sdk.Daemon{}, "")
		var c *pluginkeys.Error
		if !errors.As(err, &c) || err.Error() != want {
			t.Errorf("%s: the error is %#v, want %s", mode, err, want)
		}
	}
	if _, err := l.Configure(ctx, wire.Notifier, "ops", map[string]string{"mod": ""}, sdk.Daemon{}, ""); err == nil || err.Error() != "mod: no such key; is mode meant?" {
		t.Errorf("a misspelt key: %v", err)
	}
	if err := l.Notifier("ops").Notify(ctx, &sdk.Notification{ID: "still"}); err != nil {
		t.Error(err)
	}
	if seen, _, closed := old.state(); !reflect.DeepEqual(seen, []string{"still"}) || closed != 0 {
		t.Errorf("the old instance saw %v and was closed %d times", seen, closed)
	}
	if strings.Contains(l.stderr.String(), "T0K3N") {
		t.Errorf("the log holds the secret:\n%s", l.stderr)
	}
}

func TestANewInstanceIsCalledWhenTheOldOneHasEnded(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	old := l.configure(t, wire.Notifier, "ops", "block")
	first := make(chan error, 1)
	go func() { first <- l.Notifier("ops").Notify(ctx, &sdk.Notification{ID: "1"}) }()
	<-old.enter
	configured := make(chan error, 1)
	go func() {
		_, err := l.Configure(ctx, wire.Notifier, "ops", map[string]string{"mode": ""}, sdk.Daemon{}, "")
		configured <- err
	}()
	next := <-l.things
	second := make(chan error, 1)
	go func() { second <- l.Notifier("ops").Notify(ctx, &sdk.Notification{ID: "2"}) }()
	if seen, _, _ := next.state(); len(seen) != 0 {
		t.Error("the new instance is called while the old one has a call")
	}
	old.leave <- struct{}{}
	old.leave <- struct{}{} // for 2, if it came before the new instance was in its place
	for _, c := range []chan error{first, configured, second} {
		if err := <-c; err != nil {
			t.Error(err)
		}
	}
	if _, _, closed := old.state(); closed != 1 {
		t.Errorf("the old instance was closed %d times", closed)
	}
	// 2 reached the one or the other: the old one as long as the new one was not in its place
	a, _, _ := old.state()
	b, _, _ := next.state()
	if got := append(a, b...); !reflect.DeepEqual(got, []string{"1", "2"}) {
		t.Errorf("seen: %v", got)
	}
}

func TestNotifyIsCalledByOneAtATime(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	x := l.configure(t, wire.Notifier, "ops", "block")
	other := l.configure(t, wire.Notifier, "dev", "")
	const n = 5
	done := make(chan error, n)
	for i := range n {
		go func() { done <- l.Notifier("ops").Notify(ctx, &sdk.Notification{ID: fmt.Sprint(i)}) }()
	}
	<-x.enter
	if err := l.Notifier("dev").Notify(ctx, &sdk.Notification{ID: "other"}); err != nil { // the other instance is free
		t.Error(err)
	}
	for range n {
		x.leave <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if seen, most, _ := x.state(); len(seen) != n || most != 1 {
		t.Errorf("it saw %d, %d at once", len(seen), most)
	}
	if seen, _, _ := other.state(); len(seen) != 1 {
		t.Errorf("the other one saw %v", seen)
	}
}

func TestRemoveWaitsForCallsAndClosesOnce(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	x := l.configure(t, wire.Notifier, "ops", "block")
	call := make(chan error, 1)
	go func() { call <- l.Notifier("ops").Notify(ctx, &sdk.Notification{ID: "1"}) }()
	<-x.enter
	hasty, cancel := context.WithCancel(ctx)
	removal := make(chan error, 1)
	go func() { removal <- l.Remove(hasty, wire.Notifier, "ops") }()
	testkit.Until(t, "the instance is gone", func() bool {
		instances, err := l.Health(ctx)
		return err == nil && len(instances) == 0
	})
	if err := l.Notifier("ops").Notify(ctx, &sdk.Notification{}); !errors.Is(err, wire.ErrNoInstance) {
		t.Errorf("it is called: %v", err)
	}
	cancel()
	if err := <-removal; err == nil {
		t.Error("it is removed while a call is under way")
	}
	if _, _, closed := x.state(); closed != 0 {
		t.Error("it is closed while a call is under way")
	}
	x.leave <- struct{}{}
	if err := <-call; err != nil {
		t.Error(err)
	}
	testkit.Until(t, "it is closed", func() bool { _, _, closed := x.state(); return closed == 1 })
	if err := l.Remove(ctx, wire.Notifier, "ops"); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestANewInstanceDoesNotWaitForEverForTheOldOne(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	old := l.configure(t, wire.Notifier, "ops", "block")
	call := make(chan error, 1)
	go func() { call <- l.Notifier("ops").Notify(ctx, &sdk.Notification{ID: "1"}) }()
	<-old.enter
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := l.Configure(short, wire.Notifier, "ops", nil, sdk.Daemon{}, ""); err != nil {
		t.Errorf("the new instance is not told: %v", err)
	}
	if err := l.Notifier("ops").Notify(ctx, &sdk.Notification{ID: "2"}); err != nil {
		t.Error(err)
	}
	old.leave <- struct{}{}
	if err := <-call; err != nil {
		t.Error(err)
	}
	testkit.Until(t, "the old one is closed", func() bool { _, _, closed := old.state(); return closed == 1 })
}

func TestCloseFlushesAndItsErrorHasNoSecret(t *testing.T) {
	l := serveHere(t)
	x := l.configure(t, wire.LogSink, "central", "close fails")
	if err := l.Remove(testkit.Soon(t), wire.LogSink, "central"); err == nil || err.Error() != "cannot flush to [secret]" {
		t.Errorf("the error is %v", err)
	}
	if _, _, closed := x.state(); closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

func TestWhatNotifyReturnsReachesTheHost(t *testing.T) {
	l := serveHere(t)
	for mode, want := range map[string]struct {
		text  string
		final bool
		after time.Duration
	}{
		"fail":  {"post [secret]: refused", false, 0},
		"final": {"never", true, 0},
		"later": {"busy: 429", false, 7 * time.Second},
		"crash": {"the plugin panicked in Notify; the stack is in the log", false, 0},
	} {
		l.configure(t, wire.Notifier, mode, mode)
		err := l.Notifier(mode).Notify(testkit.Soon(t), &sdk.Notification{})
		if err == nil || err.Error() != want.text || sdk.IsFinal(err) != want.final || sdk.RetryDelay(err) != want.after || wire.IsUnavailable(err) {
			t.Errorf("%s: %v, final %v, after %v", mode, err, sdk.IsFinal(err), sdk.RetryDelay(err))
		}
	}
	if log := l.stderr.String(); strings.Contains(log, "T0K3N") || !strings.Contains(log, "instance_test") && !strings.Contains(log, "support_test") {
		t.Errorf("the log has the secret, or no stack:\n%s", log)
	}
}

func TestAPanicEndsOneCallAndHealthTellsOfIt(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	l.configure(t, wire.Notifier, "bad", "crash")
	l.configure(t, wire.Notifier, "good", "")
	l.configure(t, wire.LogSink, "ill", "ill")
	if err := l.Notifier("bad").Notify(ctx, &sdk.Notification{}); err == nil {
		t.Error("a panic is no error")
	}
	if err := l.Notifier("good").Notify(ctx, &sdk.Notification{}); err != nil {
		t.Error(err)
	}
	got, err := l.Health(ctx)
	want := []InstanceHealth{
		{wire.LogSink, "ill", "[secret] has been away for an hour"},
		{wire.Notifier, "bad", "panicked 1 times, last in Notify"},
		{wire.Notifier, "good", ""},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("health is %+v (%v)", got, err)
	}
}

func TestStopClosesAllAndTakesNoMore(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	var all []*thing
	for _, k := range []wire.Kind{wire.Notifier, wire.LogSink, wire.Namespace} {
		all = append(all, l.configure(t, k, "same", ""))
	}
	if err := l.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if _, _, closed := x.state(); closed != 1 {
			t.Errorf("closed %d times", closed)
		}
	}
	if _, err := l.Configure(ctx, wire.Notifier, "late", nil, sdk.Daemon{}, ""); err == nil {
		t.Error("an instance is made after Stop")
	}
}

func TestKindsThatAPluginIsNot(t *testing.T) {
	l := serveHere(t)
	if _, err := l.Configure(testkit.Soon(t), "panel", "x", nil, sdk.Daemon{}, ""); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("an unknown kind: %v", err)
	}
	if err := l.Notifier("nobody").Notify(testkit.Soon(t), &sdk.Notification{}); !errors.Is(err, wire.ErrNoInstance) {
		t.Errorf("an unknown instance: %v", err)
	}
}

func TestLogLinesNameTheInstanceAndHoldNoSecret(t *testing.T) {
	l := serveHere(t)
	x := l.configure(t, wire.Notifier, "ops", "")
	x.i.Log.Info("posting", "to", testURL, "path", "/T0K3N", "quoted", fmt.Sprintf("%q", testURL))
	line := l.stderr.String()
	for _, want := range []string{`"@module":"tester.ops"`, `"@message":"posting"`, `"to":"[secret]"`, `"path":"[secret]"`} {
		if !strings.Contains(line, want) {
			t.Errorf("the line lacks %s:\n%s", want, line)
		}
	}
	if strings.Contains(line, "T0K3N") {
		t.Errorf("the line holds the secret:\n%s", line)
	}
}

func TestANotificationArrivesWhole(t *testing.T) {
	n := sdk.Notification{
		ID: "id", Severity: sdk.Critical, Title: "title", Body: "body\nof it", Attempt: 3, Suppressed: 9, Daemon: sdk.Daemon{Identifier: "hark", Hostname: "host", Version: "0.1.0"},
		Events: []sdk.Event{
			{
				Seq: 7, Type: "PROCESS_STATE_EXITED", Time: time.Unix(1, 5).UTC(), Group: "web", Process: "web_00", Pid: 12, From: "RUNNING", Tries: 2,
				Expected: true, Exit: &sdk.Exit{Status: 1, Signal: 9, CoreDumped: true, Uptime: time.Minute}, Payload: []byte("p"), JSON: []byte("{}"),
			},
			{Seq: 8, Type: "PROCESS_LOG_STDOUT", Time: time.Unix(2, 0).UTC(), Data: []byte{0xff}},
		},
	}
	arrived := make(chan *sdk.Notification, 1)
	p := testPlugin()
	p.Kinds = []sdk.Kind{sdk.NotifierOf(struct{}{}, func(context.Context, struct{}, sdk.Instance) (sdk.Notifier, error) {
		return notifierFunc(arrived), nil
	})}
	c := serveOne(t, p)
	if _, err := c.Configure(testkit.Soon(t), wire.Notifier, "whole", nil, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	sent := func() *sdk.Notification {
		if err := c.Notifier("whole").Notify(testkit.Soon(t), &n); err != nil {
			t.Fatal(err)
		}
		return <-arrived
	}
	if got := sent(); !reflect.DeepEqual(*got, n) {
		t.Errorf("it arrives as\n%+v, want\n%+v", *got, n)
	}
	n.Title, n.Events[0].Process = "a\xffb", "\xff"
	if got := sent(); got.Title != "a\uFFFDb" || got.Events[0].Process != "\uFFFD" {
		t.Errorf("invalid UTF-8 arrives as %q and %q", got.Title, got.Events[0].Process)
	}
}

type notifierFunc chan *sdk.Notification

func (f notifierFunc) Notify(_ context.Context, n *sdk.Notification) error { f <- n; return nil }
