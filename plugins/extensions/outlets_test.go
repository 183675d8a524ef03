package extensions

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/outlets"
	"github.com/hark-supervisor/hark/sdk"
)

// Outlets with real plugins and real programs.
func TestOutlets(t *testing.T) {
	bin := plugintest.Build(t)
	for _, c := range []struct {
		name string
		test func(t *testing.T, bin string)
	}{
		{"Log sink gets what programs say", logSinkGetsWhatProgramsSay},
		{"Log sink killed a hundred times loses nothing with a spool", logSinkKilledAHundredTimesLosesNothingWithASpool},
		{"Log sink that never answers holds up nobody", logSinkThatNeverAnswersHoldsUpNobody},
		{"Slow log sink that blocks holds up that program alone", slowLogSinkThatBlocksHoldsUpThatProgramAlone},
		{"Log sink that answers wrongly loses nothing", logSinkThatAnswersWronglyLosesNothing},
		{"Notifier reports real processes", notifierTellsOfRealProcesses},
		{"Notifier that is refused permanently leaves dead letters", notifierThatIsRefusedForGoodLeavesDeadLetters},
		{"Notifier that never answers holds up nobody", notifierThatNeverAnswersHoldsUpNobody},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, bin) })
	}
}

// countingProgram is a program that writes about so many bytes, every one at its place.
func countingProgram(bytes int) string {
	return fmt.Sprintf(`sh -c "read x; seq -f %%015.0f 1 %d"`, bytes/16)
}

func countedBytes(bytes int) []byte {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 1<<16)
	for i := 1; i <= bytes/16; i++ {
		_, _ = fmt.Fprintf(w, "%015d\n", i)
	}
	_ = w.Flush()
	return h.Sum(nil)
}

func (r *outletRig) say(name string) {
	r.t.Helper()
	r.until("stdin of "+name, func() bool { return r.sup.SendStdin(context.Background(), name, name, []byte("go\n")) == nil })
}

// recordedBatch is a line of the recorder's.
type recordedBatch struct {
	Seq         uint64
	Redelivered bool
	At, Bytes   int64
	Offset      uint64
}

// recordedOutput reads what a recorder has, and checks it: every batch in order, twice only where it is marked. It gives the checksum of the
// output and its size.
func recordedOutput(t testing.TB, path string) (sum []byte, size int64, batches, twice int) {
	t.Helper()
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.Open(path + ".data")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = data.Close() }()
	h := sha256.New()
	last := uint64(0)
	for line := range bytes.Lines(lines) {
		var b recordedBatch
		if err := json.Unmarshal(line, &b); err != nil {
			continue // the plugin was killed in the middle of it
		}
		batches++
		switch {
		case b.Seq <= last && b.Redelivered:
			twice++
			continue
		case b.Seq != last+1:
			t.Errorf("batch %d (redelivered %t) after %d", b.Seq, b.Redelivered, last)
		case b.Offset != uint64(size):
			t.Errorf("batch %d begins at %d, not at %d", b.Seq, b.Offset, size)
		}
		last = b.Seq
		if _, err := io.Copy(h, io.NewSectionReader(data, b.At, b.Bytes)); err != nil {
			t.Fatal(err)
		}
		size += b.Bytes
	}
	return h.Sum(nil), size, batches, twice
}

func logSinkGetsWhatProgramsSay(t *testing.T, bin string) {
	const size = 4 << 20
	r := newRig(t, map[string]string{"loud": countingProgram(size)})
	path := filepath.Join(r.dir, "record")
	p := startPlugin(t, r.system, filepath.Join(bin, "recorder"), map[string]string{"path": path}, wire.LogSink)
	r.run(p)
	k := r.setSink(logsink.Options{Overflow: logsink.BlockProgram})
	r.program("loud")
	r.say("loud")
	r.until("all of it", func() bool { return k.Status().Written == size })
	sum, n, _, _ := recordedOutput(t, path)
	if !bytes.Equal(sum, countedBytes(size)) {
		t.Errorf("%d bytes arrived otherwise than they were said", n)
	}
}

// The sink's process is killed a hundred times while a program writes: nothing is missing, and what comes twice was not acknowledged and
// is marked.
func logSinkKilledAHundredTimesLosesNothingWithASpool(t *testing.T, bin string) {
	size, kills := 4<<20, 5
	if os.Getenv("HARK_SOAK") != "" {
		size, kills = 1<<30, 100
	}
	r := newRig(t, map[string]string{"loud": countingProgram(size)})
	path := filepath.Join(r.dir, "record")
	p := startPlugin(t, r.system, filepath.Join(bin, "recorder"), map[string]string{"path": path}, wire.LogSink)
	r.run(p)
	k := r.setSink(logsink.Options{Overflow: logsink.SpoolOverflow, Spool: delivery.Spool{Dir: r.dir, MaxBytes: 4 << 30}})
	r.program("loud")
	r.say("loud")
	killed := 0
	for ; killed < kills; killed++ {
		before := k.Status().Batches
		r.until("some batches", func() bool { s := k.Status(); return s.Batches > before || s.Written == uint64(size) })
		if k.Status().Written == uint64(size) {
			break
		}
		p.kill()
	}
	r.until("all of it", func() bool { return k.Status().Written == uint64(size) })
	sum, n, batches, twice := recordedOutput(t, path)
	if !bytes.Equal(sum, countedBytes(size)) {
		t.Errorf("%d bytes arrived otherwise than they were said", n)
	}
	s := k.Status()
	t.Logf("%d bytes in %d batches, %d of them twice; the plugin was killed %d times; %+v", n, batches, twice, killed, s)
	if s.Dropped != 0 || uint64(twice) > s.Redelivered || os.Getenv("HARK_SOAK") != "" && killed < kills {
		t.Errorf("killed %d times; status: %+v", killed, s)
	}
}

func logSinkThatNeverAnswersHoldsUpNobody(t *testing.T, bin string) {
	r := newRig(t, map[string]string{"loud": countingProgram(16 << 20)})
	p := startPlugin(t, r.system, filepath.Join(bin, "neveracks"), nil, wire.LogSink)
	r.run(p)
	k := r.setSink(logsink.Options{BufferBytes: 2 << 20})
	r.program("loud")
	r.say("loud")
	r.until("the program's end", func() bool { return len(r.events.of("PROCESS_STATE_EXITED")) == 1 })
	r.until("word of the loss", func() bool { return len(r.events.of("LOG_DROPPED")) > 0 })
	if got := r.events.of("LOG_DROPPED"); len(got) != 1 || !strings.HasPrefix(got[0], "processname:loud groupname:loud pid:") || !strings.HasSuffix(got[0], " sink:x") {
		t.Errorf("LOG_DROPPED: %q", got)
	}
	// How many of the four that may be under way are depends on what the connection takes while the plugin does not read.
	r.until("batches under way", func() bool { return k.Status().InFlight > 0 })
	if s := k.Status(); s.InFlight > 4 || s.Written != 0 || s.Dropped < 13<<20 || s.Queued > 2<<20 {
		t.Errorf("status: %+v", s)
	}
}

func slowLogSinkThatBlocksHoldsUpThatProgramAlone(t *testing.T, bin string) {
	const size = 8 << 20
	r := newRig(t, map[string]string{"loud": countingProgram(size), "mild": `sh -c "read x; echo hello; read x"`})
	p := startPlugin(t, r.system, filepath.Join(bin, "slowsink"), map[string]string{"delay": "20ms"}, wire.LogSink)
	r.run(p)
	k := r.setSink(logsink.Options{BufferBytes: 1 << 20, Overflow: logsink.BlockProgram})
	r.program("loud")
	r.program("mild")
	r.say("loud")
	r.until("the program is held back", func() bool { return k.Status().Paused > 0 })
	r.say("mild")
	r.until("all of it", func() bool { return k.Status().Written == size+uint64(len("hello\n")) })
	if s := k.Status(); s.Dropped != 0 || s.Paused != 0 {
		t.Errorf("status: %+v", s)
	}
}

func logSinkThatAnswersWronglyLosesNothing(t *testing.T, bin string) {
	for _, mode := range []string{"ahead", "behind", "twice", "backwards"} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t, map[string]string{"loud": countingProgram(1 << 20)})
			p := startPlugin(t, r.system, filepath.Join(bin, "wrongacks"), map[string]string{"mode": mode}, wire.LogSink)
			r.run(p)
			k := r.setSink(logsink.Options{})
			r.program("loud")
			r.say("loud")
			least := uint64(2)
			if mode == "backwards" {
				least = 1 // it waits for two at a time, and what was sent before comes one by one
			}
			r.until("violations", func() bool { return k.Status().Violations >= least })
			if s := k.Status(); s.Dropped != 0 || mode != "twice" && s.Written != 0 || !strings.Contains(s.LastError, "broke the protocol") && mode != "twice" {
				t.Errorf("status: %+v", s)
			}
		})
	}
}

func notifierTellsOfRealProcesses(t *testing.T, bin string) {
	r := newRig(t, map[string]string{"web": `sh -c "read x; exit 3"`})
	path := filepath.Join(r.dir, "record")
	p := startPlugin(t, r.system, filepath.Join(bin, "recorder"), map[string]string{"path": path}, wire.Notifier)
	r.run(p)
	ctx := context.Background()
	options := notify.Options{Name: instanceName, BufferSize: 100, Events: []eventlistener.Type{eventlistener.ProcessStateExited}}
	if err := r.outlets.SetNotifier(ctx, options, outlets.Leave{}); err != nil {
		t.Fatal(err)
	}
	told := func() (all []sdk.Notification) {
		b, _ := os.ReadFile(path)
		for line := range bytes.Lines(b) {
			var n sdk.Notification
			if err := json.Unmarshal(line, &n); err == nil {
				all = append(all, n)
			}
		}
		return all
	}
	r.program("web")
	r.say("web")
	r.until("the notification", func() bool { return len(told()) == 1 })
	n := told()[0]
	if !strings.HasPrefix(n.Title, "[ERROR] here: web exited unexpectedly with status 3") || n.Daemon.Hostname != "here" || len(n.Events) != 1 ||
		n.Events[0].Exit == nil || n.Events[0].Exit.Status != 3 || !strings.Contains(string(n.Events[0].Payload), "processname:web") {
		t.Errorf("%+v", n)
	}
	var all []core.SubscriberInfo
	var err error
	r.until("it counts as delivered", func() bool {
		all, err = r.sup.Subscribers(ctx)
		return err != nil || len(all) == 1 && all[0].Counters.Delivered == 1
	})
	if err != nil || all[0].Kind != core.NotifierSubscriber || all[0].Events[0] != "PROCESS_STATE_EXITED" {
		t.Errorf("subscribers: %+v, %v", all, err)
	}
	// The plugin dies, and what happens meanwhile is told when it is back.
	p.kill()
	r.program("web")
	r.say("web")
	r.until("the second", func() bool { return len(told()) >= 2 })
	calls := Outlets{r.outlets}
	if out, err := calls.TestNotifier(ctx, instanceName); err != nil || out.Outcome != "delivered" || !strings.HasPrefix(out.Title, "[TEST]") {
		t.Errorf("test: %+v, %v", out, err)
	}
	if err := r.outlets.RemoveNotifier(ctx, instanceName, outlets.Leave{Flush: time.Minute}); err != nil {
		t.Error(err)
	}
	if all, _ := r.sup.Subscribers(ctx); len(all) != 0 {
		t.Errorf("subscribers: %+v", all)
	}
}

func notifierThatIsRefusedForGoodLeavesDeadLetters(t *testing.T, bin string) {
	r := newRig(t, map[string]string{"web": `sh -c "read x; exit 3"`})
	p := startPlugin(t, r.system, filepath.Join(bin, "refuser"), map[string]string{"final": "true"}, wire.Notifier)
	r.run(p)
	ctx := context.Background()
	if err := r.outlets.SetNotifier(ctx, notify.Options{Name: instanceName, BufferSize: 100, Events: []eventlistener.Type{eventlistener.ProcessState}, MinSeverity: sdk.Error}, outlets.Leave{}); err != nil {
		t.Fatal(err)
	}
	r.program("web")
	r.say("web")
	r.until("the dead letter", func() bool {
		b, _ := os.ReadFile(filepath.Join(r.dir, "x-deadletters.jsonl"))
		return strings.Contains(string(b), `"error":"the service refuses this"`) && strings.Contains(string(b), `"processname":"web"`)
	})
	calls := Outlets{r.outlets}
	if out, err := calls.TestNotifier(ctx, instanceName); err != nil || out.Outcome != "final" || out.Error != "the service refuses this" {
		t.Errorf("test: %+v, %v", out, err)
	}
}

func notifierThatNeverAnswersHoldsUpNobody(t *testing.T, bin string) {
	r := newRig(t, map[string]string{"web": `sh -c "read x; exit 3"`})
	p := startPlugin(t, r.system, filepath.Join(bin, "neveracks"), nil, wire.Notifier)
	r.run(p)
	ctx := context.Background()
	if err := r.outlets.SetNotifier(ctx, notify.Options{Name: instanceName, BufferSize: 2, Events: []eventlistener.Type{eventlistener.AnyEvent}, Timeout: 50 * time.Millisecond}, outlets.Leave{}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		r.program("web")
		r.say("web")
		r.until("its end", func() bool {
			info, err := r.sup.ProcessInfo(ctx, "web", "web")
			return err == nil && info.State.String() == "EXITED"
		})
	}
	r.until("word of the loss", func() bool { return len(r.events.of("EVENTS_DISCARDED")) > 0 })
	r.until("a timeout", func() bool {
		all, _ := r.sup.Subscribers(ctx)
		return len(all) == 1 && strings.Contains(all[0].LastError, "too long")
	})
}
