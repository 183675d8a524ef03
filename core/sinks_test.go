package core

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/eventlistener"
)

// keeper is a sink that keeps what it gets, and can be full.
type keeper struct {
	mu     sync.Mutex
	got    map[string]string // by group:process:channel
	limit  int               // bytes at which it is full; 0: never
	bytes  int
	resume []func()
	pids   map[int]bool
	gone   []string
	there  map[string]bool
}

func (k *keeper) Source(group, process, channel string, resume func()) func(int, time.Time, []byte) bool {
	if process == "unwanted" {
		return nil
	}
	return func(pid int, at time.Time, b []byte) bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.got == nil {
			k.got, k.pids = map[string]string{}, map[int]bool{}
		}
		k.got[group+":"+process+":"+channel] += string(b)
		k.pids[pid] = true
		k.bytes += len(b)
		if k.limit > 0 && k.bytes >= k.limit {
			k.resume = append(k.resume, resume)
			return true
		}
		return false
	}
}

func (k *keeper) Gone(group, process string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gone = append(k.gone, group+":"+process)
}

func (k *keeper) Keep(there func(group, process string) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.there = map[string]bool{}
	for _, name := range []string{"web", "unwanted", "old"} {
		k.there[name] = there(name, name)
	}
}

func (k *keeper) text(source string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.got[source]
}

func (k *keeper) size() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.bytes
}

func (k *keeper) raise(limit int) {
	k.mu.Lock()
	k.limit = limit
	resume := k.resume
	k.resume = nil
	k.mu.Unlock()
	for _, f := range resume {
		f()
	}
}

func TestSinksGetWhatLogsGet(t *testing.T) {
	dir := t.TempDir()
	said := filepath.Join(dir, "web.log")
	r := run(t, program("web", `sh -c "read x; echo out; echo err >&2; echo -n '<!--XSUPERVISOR:BEGIN-->secret<!--XSUPERVISOR:END-->'; read x; echo more"`, func(p *config.Process) {
		p.Stdout.Logfile = config.Logfile{Kind: config.LogPath, Path: said}
		p.Stdout.CaptureMaxBytes = 1000
	}), program("unwanted", `sh -c "echo no; exec sleep 60"`))
	k, second := &keeper{}, &keeper{}
	r.SetSinks([]logs.Sink{k})
	ctx := context.Background()
	say := func() {
		t.Helper()
		r.until("stdin", func() bool { return r.SendStdin(ctx, "web", "web", []byte("x\n")) == nil })
	}
	say()
	r.until("both channels", func() bool { return k.text("web:web:stdout") == "out\n" && k.text("web:web:stderr") == "err\n" })
	r.SetSinks([]logs.Sink{k, second})
	say()
	r.until("the rest, with a sink more", func() bool {
		return k.text("web:web:stdout") == "out\nmore\n" && second.text("web:web:stdout") == "more\n"
	})
	r.until("the log", func() bool { b, _ := os.ReadFile(said); return string(b) == "out\nmore\n" })
	if len(k.got) != 2 || k.pids[0] {
		t.Errorf("the sink has %v of %v", k.got, k.pids)
	}
}

func TestSinkThatIsFullHoldsBackThatProgramAlone(t *testing.T) {
	r := run(t,
		program("loud", `sh -c "yes 0123456789abcdef | head -c 4000000; echo end; exec sleep 60"`),
		program("mild", `sh -c "read x; echo hello; exec sleep 60"`))
	k := &keeper{limit: 100000}
	r.SetSinks([]logs.Sink{k})
	r.until("the sink is full", func() bool { k.mu.Lock(); defer k.mu.Unlock(); return len(k.resume) > 0 })
	at := k.size()
	ctx := context.Background()
	other := &keeper{}
	if at > 1<<20 {
		t.Errorf("%d bytes came though it is full at 100000", at)
	}
	r.until("another program's output", func() bool {
		_ = r.SendStdin(ctx, "mild", "mild", []byte("x\n"))
		return k.text("mild:mild:stdout") == "hello\n"
	})
	if now := k.size(); now != at+len("hello\n") {
		t.Errorf("%d bytes came while the program should be held back", now-at)
	}
	k.raise(2000000)
	r.until("the sink is full again", func() bool { k.mu.Lock(); defer k.mu.Unlock(); return len(k.resume) > 0 })
	// A sink that is taken away holds nobody back.
	r.SetSinks([]logs.Sink{other})
	r.until("the rest", func() bool { return strings.HasSuffix(other.text("loud:loud:stdout"), "end\n") })
	total := len(k.text("loud:loud:stdout")) + len(other.text("loud:loud:stdout"))
	if total > 4000004 {
		t.Errorf("%d bytes came twice", total-4000004)
	}
}

func TestSinkThatIsFullAtTheEndOfAProcessGetsTheRest(t *testing.T) {
	r := run(t, program("web", `sh -c "head -c 20000 /dev/zero; sleep 0.1; head -c 20000 /dev/zero; echo end"`))
	k := &keeper{limit: 1}
	r.SetSinks([]logs.Sink{k})
	r.until("the end", func() bool { return strings.HasSuffix(k.text("web:web:stdout"), "end\n") })
	r.until("the exit", func() bool { return strings.Contains(strings.Join(r.events.names("web"), " "), "EXITED") })
}

// chatter is an attached subscriber.
type chatter struct{ recorder }

func TestAttachments(t *testing.T) {
	r := run(t, program("web", "sleep 60"))
	c := &chatter{}
	a := &Attachment{
		Subscriber: c, Types: []eventlistener.Type{eventlistener.RemoteCommunication, eventlistener.HarkEvent},
		Info: func(time.Time) SubscriberInfo {
			return SubscriberInfo{Name: "ops", Kind: NotifierSubscriber, Suppressed: 3, LastError: "down"}
		},
	}
	ctx := context.Background()
	if err := r.Attach(ctx, a); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.EventsLost("ops", 2)
	}
	r.Publish(eventlistener.NewSinkDropped("central", eventlistener.Process{Name: "web", Group: "web", Pid: 7}, "stdout", 4096))
	if err := r.SendRemoteComm(ctx, "x", "one"); err != nil {
		t.Fatal(err)
	}
	r.until("the events", func() bool { return len(c.payloads(eventlistener.RemoteCommunication)) == 1 })
	r.until("word of the losses", func() bool {
		all := fmt.Sprint(c.payloads(eventlistener.EventsDiscarded))
		return strings.Contains(all, "subscriber:ops discarded:6") || strings.Contains(all, "discarded:2") && strings.Contains(all, "discarded:4")
	})
	if got := c.payloads(eventlistener.LogDropped); len(got) != 1 || got[0] != "processname:web groupname:web pid:7 channel:stdout bytes:4096 sink:central" {
		t.Errorf("LOG_DROPPED: %q", got)
	}
	all, err := r.Subscribers(ctx)
	if err != nil || len(all) != 1 || all[0].Name != "ops" || fmt.Sprint(all[0].Events) != "[REMOTE_COMMUNICATION HARK]" || all[0].Suppressed != 3 {
		t.Errorf("subscribers: %+v, %v", all, err)
	}
	if err := r.Resubscribe(ctx, a, []eventlistener.Type{eventlistener.HarkEvent}); err != nil {
		t.Fatal(err)
	}
	if err := r.SendRemoteComm(ctx, "x", "two"); err != nil {
		t.Fatal(err)
	}
	if err := r.Detach(ctx, a); err != nil {
		t.Fatal(err)
	}
	if all, _ := r.Subscribers(ctx); len(all) != 0 || len(c.payloads(eventlistener.RemoteCommunication)) != 1 {
		t.Errorf("subscribers: %+v, events %v", all, c.names(""))
	}
}

func TestSinksHearOfProcessesThatAreGone(t *testing.T) {
	ctx := context.Background()
	r := run(t, program("web", "/bin/cat"), program("other", "/bin/cat"), &config.Group{Name: "jobs", Priority: 999})
	k := &keeper{}
	r.SetSinks([]logs.Sink{k})
	r.until("it hears which there are", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.there["web"] && !k.there["old"]
	})
	if err := r.AddProgram(ctx, "jobs", "a", map[string]string{"command": "/bin/cat", "autostart": "false"}); err != nil {
		t.Fatal(err)
	}
	if err := r.StopProcess(ctx, "jobs", "a", true); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveProcess(ctx, "jobs", "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.StopGroup(ctx, "web", true); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveGroup(ctx, "web"); err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if got := fmt.Sprint(k.gone); got != "[jobs:a web:web]" {
		t.Errorf("it heard of %s", got)
	}
}
