package process

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// specOf makes a Spec of a byte.
func specOf(b byte) Spec {
	return Spec{
		AutoStart:    b&1 != 0,
		AutoRestart:  AutoRestart(b >> 1 & 3 % 3),
		StartSecs:    time.Duration(b>>3&3) * time.Second,
		StartRetries: int(b >> 5 & 3),
		ExitCodes:    []int{0, 2},
		StopSignal:   syscall.SIGTERM,
		StopWait:     time.Duration(b>>5&3) * time.Second,
		KillAsGroup:  b&0x80 != 0,
	}
}

// inputOf makes an input of a byte; most are ones that mean something.
func inputOf(b byte, m *Machine, pid int) Input {
	switch b % 16 {
	case 0:
		return Boot{}
	case 1:
		return Start{}
	case 2:
		return Stop{Wait: b&16 != 0}
	case 3:
		return GiveUp{}
	case 4, 5:
		return Spawned{Pid: pid}
	case 6:
		return SpawnFailed{Msg: "no", Shortage: b&16 != 0}
	case 7:
		return SpawnCancelled{}
	case 8, 9:
		return Reaped{Code: int(b >> 4 & 3)}
	case 10:
		return Reaped{Code: -1, Signal: syscall.SIGKILL, CoreDump: b&16 != 0}
	case 11:
		if b&0x30 == 0 {
			return KillFailed{Msg: "EPERM"}
		}
		return Elapsed{}
	case 12:
		if b&0x30 == 0 {
			return SignalFailed{Signal: syscall.SIGHUP, Msg: "EPERM"}
		}
		return Elapsed{}
	case 13:
		if m.held {
			return Release{}
		}
		if b&0x30 == 0 {
			return Hold{}
		}
		return Elapsed{}
	default:
		return Elapsed{}
	}
}

// live leads a machine through the life that data describes, one byte an input, and
// returns what breaks an invariant.
func live(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	spec := specOf(data[0])
	m, twin := New(spec), New(spec)
	now, last, outstanding := noon, Stopped, false
	for i, b := range data[1:] {
		// Either to the deadline or a little on.
		if due, ok := m.Deadline(); ok && b&0x40 != 0 && due.After(now) {
			now = due
		} else {
			now = now.Add(time.Duration(b>>4) * 100 * time.Millisecond)
		}
		in := inputOf(b, m, i+1)
		before := m.Snapshot()
		effects := m.Step(now, in)
		told := describeAll(effects)
		fail := func(format string, args ...any) error {
			return fmt.Errorf("input %d %#v in %+v gives %q: %s", i, in, before, told, fmt.Sprintf(format, args...))
		}

		for j, e := range effects {
			acts := true
			switch e := e.(type) {
			case Changed:
				acts = false
				if e.From != last {
					return fail("the state before was %s", last)
				}
				if e.To == e.From {
					return fail("no change")
				}
				last = e.To
			case Log:
				acts = false
			case Spawn:
				if outstanding {
					return fail("two spawns outstanding")
				}
				if before.Held {
					return fail("a start while held")
				}
			case CancelSpawn:
				if !outstanding {
					return fail("no spawn to cancel")
				}
			case Kill:
				if e.Pid == 0 || e.Pid != m.Pid() {
					return fail("a signal to a process that isn't ours")
				}
			}
			if acts && j != len(effects)-1 {
				return fail("effect %d is to be acted on but not the last", j)
			}
		}
		switch in.(type) {
		case Spawned, SpawnFailed, SpawnCancelled:
			outstanding = false
		}
		if n := len(effects); n > 0 && effects[n-1] == (Spawn{}) {
			outstanding = true
		}

		if m.State() != last {
			return fail("the state %s was not announced", m.State())
		}
		if m.Spawning() != outstanding {
			return fail("Spawning is %t", m.Spawning())
		}
		switch s := m.State(); {
		case m.Spawning() && (m.Pid() != 0 || s != Starting && s != Stopping):
			return fail("spawning in %s with pid %d", s, m.Pid())
		case (s == Stopped || s == Backoff || s == Exited || s == Fatal) && m.Pid() != 0:
			return fail("pid %d in %s", m.Pid(), s)
		case (s == Running || s == Unknown) && m.Pid() == 0:
			return fail("no pid in %s", s)
		case (s == Starting || s == Stopping) && m.Pid() == 0 && !m.Spawning():
			return fail("%s with neither process nor spawn", s)
		}
		due, ok := m.Deadline()
		switch s := m.State(); {
		case (s == Starting || s == Stopping) && m.Pid() != 0 && !ok,
			s == Backoff && !ok && !m.held:
			return fail("%s without a deadline", s)
		case (s == Stopped || s == Running || s == Fatal || s == Unknown) && ok:
			return fail("%s with a deadline", s)
		}
		if ok && !due.After(now) && len(effects) == 0 && in == (Elapsed{}) {
			return fail("due, and nothing done about it")
		}

		// A machine restored after every step lives the same life.
		if again := describeAll(twin.Step(now, in)); again != told || twin.Snapshot() != m.Snapshot() {
			return fail("restored: %q", again)
		}
		state, err := json.Marshal(twin.Snapshot())
		if err != nil {
			return err
		}
		var s Snapshot
		if err := json.Unmarshal(state, &s); err != nil {
			return err
		}
		twin = Restore(spec, s, now)
	}
	return nil
}

func TestEveryLifeKeepsTheInvariants(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	seen := map[State]bool{}
	for range 1000 {
		data := make([]byte, 1+r.IntN(60))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		if err := live(data); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		for _, s := range statesOf(data) {
			seen[s] = true
		}
	}
	for _, s := range []State{Stopped, Starting, Running, Backoff, Stopping, Exited, Fatal, Unknown} {
		if !seen[s] {
			t.Errorf("no life came to %s", s)
		}
	}
}

// statesOf are the states the life of data goes through.
func statesOf(data []byte) []State {
	m := New(specOf(data[0]))
	states := []State{m.State()}
	now := noon
	for i, b := range data[1:] {
		now = now.Add(time.Duration(b>>4) * 100 * time.Millisecond)
		m.Step(now, inputOf(b, m, i+1))
		states = append(states, m.State())
	}
	return states
}

func TestASnapshotHoldsEveryFieldButTheSpec(t *testing.T) {
	fields := map[string]bool{}
	for f := range reflect.TypeFor[Snapshot]().Fields() {
		fields[strings.ToLower(f.Name)] = true
	}
	for f := range reflect.TypeFor[Machine]().Fields() {
		if f.Name != "spec" && f.Name != "effects" && !fields[strings.ToLower(f.Name)] {
			t.Errorf("Snapshot lacks %s", f.Name)
		}
	}
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte{0x2b, 1, 4, 0x4e, 0x5e, 8, 0x4e, 4, 2, 0x4e, 10})
	f.Add([]byte{0, 1, 2, 4, 0x4f, 0x4f, 0x4f, 10})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 500 {
			return
		}
		if err := live(data); err != nil {
			t.Fatal(err)
		}
	})
}
