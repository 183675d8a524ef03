package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// killed is kill -9 of supervisord.
func (in *instance) killed() {
	in.t.Helper()
	if err := in.cmd.Process.Kill(); err != nil {
		in.t.Fatal(err)
	}
	in.ended()
}

// shutDown is an orderly shutdown.
func (in *instance) shutDown() {
	in.t.Helper()
	in.must("supervisor.shutdown")
	in.ended()
}

// relaunched is the same supervisord another time, serving.
func (in *instance) relaunched() *instance {
	in.t.Helper()
	next := in.again()
	next.launch()
	next.waitServing()
	return next
}

// spooled is a member of the result of hark.getEventListeners for a pool's spool.
func (in *instance) spooled(name, member string) any {
	in.t.Helper()
	s, _ := in.listener(name, "spool").(xmlrpc.Struct)
	v, ok := s.Get(member)
	if !ok {
		in.t.Fatalf("no member %q of %v", member, s)
	}
	return v
}

// committed waits until n events are, and all of them.
func (in *instance) committed(name string, n int) {
	in.t.Helper()
	testkit.Until(in.t, fmt.Sprintf("%d events are committed", n), func() bool {
		return in.spooled(name, "last") == n && in.spooled(name, "committed") == n
	})
}

// adds checks that no event of a pool is unaccounted for.
func (in *instance) adds(name string) {
	in.t.Helper()
	for _, v := range in.must("hark.getEventListeners").([]any) {
		s := v.(xmlrpc.Struct)
		if n, _ := s.Get("name"); n != name {
			continue
		}
		sum := func(names ...string) (sum int) {
			for _, name := range names {
				v, _ := s.Get(name)
				sum += v.(int)
			}
			return sum
		}
		if sum("recovered", "accepted") != sum("delivered", "discarded", "dead_letters", "queued", "in_flight") {
			in.t.Errorf("the counters of %s do not add up: %v", name, s)
		}
	}
}

// serials are those of the events that a listener was sent, as serial/poolserial.
func (in *instance) serials(name string) (all []string) {
	in.t.Helper()
	for _, s := range in.seen(name) {
		if s.Header != nil {
			all = append(all, s.Header["serial"]+"/"+s.Header["poolserial"])
		}
	}
	return all
}

func numbered(prefix string, from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("%s%d", prefix, i))
	}
	return all
}

const waiting = "overflow=spool\nautostart=false\n"

func TestTheSpoolSurvivesTheKillOfSupervisord(t *testing.T) {
	in := runListeners(t, listenerConf("l", "ok", "REMOTE_COMMUNICATION", waiting))
	for i := range 30 {
		in.send(fmt.Sprint(i))
	}
	in.committed("l", 30)
	in.adds("l")
	in.killed()
	in = in.relaunched()
	if got := in.listener("l", "recovered"); got != 30 {
		t.Errorf("%v events recovered", got)
	}
	in.waitLog(fmt.Sprintf("pool l has 30 events of earlier in its spool %s/l.spool", in.dir))
	in.send("30")
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", 31); !slices.Equal(got, numbered("type:k\n", 0, 31)) {
		t.Errorf("sent %q", got)
	}
	for i, s := range in.serials("l") {
		if s != fmt.Sprintf("%d/%d", i, i) {
			t.Errorf("event %d has serials %s", i, s)
		}
	}
	in.waitListener("l", "delivered", 31)
	in.adds("l")
	// Nothing comes again, and no number either, after an orderly restart.
	in.shutDown()
	in = in.relaunched()
	in.send("31")
	in.must("supervisor.startProcess", "l")
	in.waitPayloads("l", 32)
	if got := in.serials("l"); len(got) != 32 || got[31] != "31/31" {
		t.Errorf("serials %q", got)
	}
}

func TestASpooledEventOfAListenerThatDiesIsDeliveredAgain(t *testing.T) {
	for _, mode := range []string{"die-mid-header", "die-mid-payload", "die-before-answer", "hang"} {
		t.Run(mode, func(t *testing.T) {
			in := runListeners(t, listenerConf("bad", "first-"+mode, "REMOTE_COMMUNICATION", "overflow=spool"))
			in.send("one")
			in.send("two")
			if mode == "hang" {
				in.waitPayloads("bad", 1)
				if err := killGroup(in.pid("bad")); err != nil {
					t.Fatal(err)
				}
			}
			in.waitListener("bad", "delivered", 2)
			in.adds("bad")
			got := in.payloads("bad")
			if n := len(got); got[n-2] != "type:k\none" || got[n-1] != "type:k\ntwo" {
				t.Errorf("the second life was sent %q", got)
			}
			if serials := in.serials("bad"); serials[len(serials)-2] != "0/0" || serials[len(serials)-1] != "1/1" {
				t.Errorf("serials %q", serials)
			}
		})
	}
}

func TestExtensionsWorkWithASpool(t *testing.T) {
	in := runListeners(t, listenerConf("slow", "first-hang", "REMOTE_COMMUNICATION", "overflow=spool\nack_timeout=1")+
		listenerConf("fast", "ahead-4", "REMOTE_COMMUNICATION", "overflow=spool\nmax_in_flight=4\npayload=json")+
		listenerConf("picky", "fail", "REMOTE_COMMUNICATION", "overflow=spool\nmax_deliveries=2")+
		listenerConf("some", "ok", "PROCESS_STATE_RUNNING,REMOTE_COMMUNICATION", "overflow=spool\nprograms=web\npayload=extended")+`
[program:web]
command=/bin/cat
startsecs=0
[program:other]
command=/bin/cat
startsecs=0
`)
	in.waitState("other", "RUNNING")
	for i := range 4 {
		in.send(fmt.Sprint(i))
	}
	in.waitListener("fast", "delivered", 4)
	in.waitListener("picky", "dead_letters", 4)
	in.waitListener("slow", "delivered", 4)
	in.waitListener("some", "delivered", 5)
	for _, name := range []string{"fast", "picky", "slow", "some"} {
		in.adds(name)
		if in.listener(name, "queued") != 0 || in.listener(name, "discarded") != 0 {
			t.Errorf("%s: %v queued, %v discarded", name, in.listener(name, "queued"), in.listener(name, "discarded"))
		}
	}
	if got := in.payloads("fast")[3]; !strings.HasPrefix(got, `{"eventname":"REMOTE_COMMUNICATION","seq":`) || !strings.HasSuffix(got, `"data":"3"}`) {
		t.Errorf("fast was sent %q", got)
	}
	if got := in.payloads("some")[0]; !strings.HasPrefix(got, "processname:web groupname:web from_state:STARTING pid:") || !strings.Contains(got, " uptime:") {
		t.Errorf("some was sent %q", got)
	}
	testkit.Until(t, "the dead letters are in the file", func() bool { return strings.Count(in.file("picky-deadletters.jsonl"), "\n") == 4 })
	in.shutDown()
	in = in.relaunched() // nothing is left of what was processed or given up
	for _, name := range []string{"fast", "picky", "slow"} {
		if got := in.listener(name, "recovered"); got != 0 {
			t.Errorf("%s: %v events come again", name, got)
		}
	}
}

func TestAFullSpoolSaysWhatItDiscards(t *testing.T) {
	in := runQuietListeners(t, listenerConf("l", "ok", "REMOTE_COMMUNICATION", waiting+"spool_maxbytes=1MB")+
		listenerConf("witness", "ok", "EVENTS_DISCARDED", ""))
	const n = 60
	for i := range n {
		in.send(fmt.Sprintf("%d:%s", i, strings.Repeat("x", 40_000)))
	}
	in.committed("l", n)
	in.adds("l")
	discarded := in.listener("l", "discarded").(int)
	if bytes := in.spooled("l", "bytes").(int); discarded == 0 || bytes > 1<<20 || in.spooled("l", "discarded") != discarded {
		t.Errorf("%d discarded, %d bytes", discarded, bytes)
	}
	told := func(texts []string, before string) (sum int) {
		for _, text := range texts {
			if _, count, ok := strings.Cut(text, before); ok {
				var n int
				_, _ = fmt.Sscan(count, &n)
				sum += n
			}
		}
		return sum
	}
	testkit.Until(t, "the loss is announced and logged", func() bool {
		return told(in.payloads("witness"), "subscriber:l discarded:") == discarded && told(strings.Split(in.log(), "\n"), "pool l discarded its ") == discarded
	})
	in.must("supervisor.startProcess", "l")
	got := in.waitPayloads("l", n-discarded)
	for i, p := range got {
		if !strings.HasPrefix(p, fmt.Sprintf("type:k\n%d:", discarded+i)) {
			t.Errorf("event %d is %.40q", i, p)
		}
	}
	in.waitListener("l", "queued", 0)
	in.adds("l")
}

func TestADamagedSpoolIsToldAndTheRestDelivered(t *testing.T) {
	in := runListeners(t, listenerConf("l", "ok", "REMOTE_COMMUNICATION", waiting)+"[program:p]\ncommand=/bin/cat\nstartsecs=0\n")
	for i := range 10 {
		in.send(fmt.Sprint(i))
	}
	in.committed("l", 10)
	in.shutDown()
	names, err := filepath.Glob(filepath.Join(in.dir, "l.spool", "*.seg"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(names[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	in = in.relaunched()
	in.waitLog("spool of pool l: segment is damaged: ")
	in.waitState("p", "RUNNING")
	left, lost := in.listener("l", "recovered").(int), in.spooled("l", "damaged_before").(int)
	if left < 4 || left+lost != 10 {
		t.Errorf("%d events are left, %d lost", left, lost)
	}
	aside, err := filepath.Glob(filepath.Join(in.dir, "l.spool", "*.damaged"))
	if err != nil || len(aside) != 1 {
		t.Errorf("set aside %q, %v", aside, err)
	}
	in.send("new")
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", left+1); !slices.Equal(got, append(numbered("type:k\n", 0, left), "type:k\nnew")) {
		t.Errorf("sent %q", got)
	}
	if got := in.serials("l"); got[left] != "10/10" {
		t.Errorf("the new event has serials %s", got[left])
	}
}

func TestWithoutItsSpoolAPoolWorksFromMemory(t *testing.T) {
	for name, c := range map[string]struct {
		dir, fault string
		prepare    func(in *instance) error
	}{
		"missing":      {"DIR/none", "no such file or directory", func(*instance) error { return nil }},
		"no directory": {"DIR/listener.py", "not a directory", func(*instance) error { return nil }},
		"unsafe": {"DIR", "another user can write there", func(in *instance) error {
			if err := os.Mkdir(filepath.Join(in.dir, "l.spool"), 0o700); err != nil {
				return err
			}
			return os.Chmod(filepath.Join(in.dir, "l.spool"), 0o777) //nolint:gosec // that is the test
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := ready(t, baseConf+listenerConf("l", "first-die-before-answer", "REMOTE_COMMUNICATION", "overflow=spool\nbuffer_size=1\nspool_dir="+c.dir)+"[program:p]\ncommand=/bin/cat\nstartsecs=0\n")
			in.script("listener.py", listenerPy)
			if err := c.prepare(in); err != nil {
				t.Fatal(err)
			}
			in.launch()
			in.waitServing()
			in.waitState("p", "RUNNING")
			in.waitLog("ERRO pool l keeps its events in memory: cannot open spool")
			if got, _ := in.spooled("l", "fault").(string); !strings.Contains(got, c.fault) {
				t.Errorf("fault %q", got)
			}
			for i := range 20 {
				in.send(fmt.Sprint(i))
			}
			in.waitListener("l", "delivered", 20)
			in.adds("l")
			if got := in.payloads("l")[1:]; !slices.Equal(got, numbered("type:k\n", 0, 20)) {
				t.Errorf("sent %q", got)
			}
		})
	}
}

func TestASpoolHasOneSupervisord(t *testing.T) {
	in := runListeners(t, listenerConf("l", "ok", "REMOTE_COMMUNICATION", "overflow=spool"))
	other := ready(t, baseConf+strings.ReplaceAll(listenerConf("l", "ok", "REMOTE_COMMUNICATION", "overflow=spool\nspool_dir=OTHER"), "OTHER", in.dir))
	other.script("listener.py", listenerPy)
	other.launch()
	other.waitServing()
	other.waitLog("in use by another process: is there another supervisord with a pool of that name? give one of them another spool_dir")
	for i, x := range []*instance{in, other} {
		x.send(fmt.Sprint(i))
		if got := x.waitPayloads("l", 1); got[0] != fmt.Sprintf("type:k\n%d", i) {
			t.Errorf("%d was sent %q", i, got)
		}
	}
}

func TestAPoolMayGetAndLoseItsSpoolInAnUpdate(t *testing.T) {
	section := func(more string) string {
		return baseConf + listenerConf("l", "ok", "REMOTE_COMMUNICATION", "autostart=false\n"+more)
	}
	in := runListenersOf(t, section("overflow=spool"))
	update := func(conf string) {
		t.Helper()
		in.writeConf(conf)
		if got := fmt.Sprint(in.must("supervisor.reloadConfig")); got != "[[[] [l] []]]" {
			t.Errorf("reloadConfig gives %s", got)
		}
		if in.state("l") == "RUNNING" {
			in.must("supervisor.stopProcess", "l")
		}
		in.must("supervisor.removeProcessGroup", "l")
		in.must("supervisor.addProcessGroup", "l")
	}
	for i := range 3 {
		in.send(fmt.Sprint(i))
	}
	in.committed("l", 3)
	update(section(""))
	in.waitLog("pool l was removed with 3 unprocessed events: they stay in " + in.dir + "/l.spool")
	in.send("memory")
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", 1); got[0] != "type:k\nmemory" {
		t.Errorf("sent %q", got)
	}
	update(section("overflow=spool\nspool_sync=true"))
	in.send("new")
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", 5); !slices.Equal(got[1:], []string{"type:k\n0", "type:k\n1", "type:k\n2", "type:k\nnew"}) {
		t.Errorf("then %q", got)
	}
	if got := in.serials("l"); got[1] != "0/0" || got[4] != "4/3" {
		t.Errorf("serials %q", got)
	}
	// HUP begins a new life in the same process: it finds the spool free again.
	in.waitListener("l", "delivered", 4)
	in.must("supervisor.stopProcess", "l")
	in.send("over")
	in.must("supervisor.restart")
	testkit.Until(t, "it has restarted", func() bool {
		v, err := in.call("supervisor.getState")
		return err == nil && fmt.Sprint(v) != "" && strings.Count(in.log(), "supervisord started with pid") == 2 && in.listener("l", "recovered") == 1
	})
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", 6); got[5] != "type:k\nover" {
		t.Errorf("at last %q", got)
	}
	if strings.Contains(in.log(), "in memory") {
		t.Error("a spool could not be opened")
	}
}
