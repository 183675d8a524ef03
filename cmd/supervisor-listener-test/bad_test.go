package main

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// roleVariable makes the test binary a listener; its value is how it misbehaves,
// stateVariable a directory that its lives share.
const (
	roleVariable  = "HARK_TEST_LISTENER"
	stateVariable = "HARK_TEST_STATE"
)

// bads are listeners that break one rule each, and break it alone.
var bads = map[string]string{
	"ready with CR LF":                    "R1",
	"talks before READY":                  "R4",
	"never answers":                       "R2",
	"dies of its first event":             "R2",
	"counts one too many":                 "R3",
	"counts one too few":                  "R3",
	"leading zero in the count":           "R3",
	"RESULT with CR LF":                   "R3",
	"answers MAYBE":                       "R3",
	"never flushes its answer":            "R3",
	"line feed behind the answer":         "R4",
	"chatter at each event":               "R4",
	"chatter while idle":                  "R4",
	"READY before the answer":             "R5",
	"READY twice":                         "R5",
	"answers twice":                       "R5",
	"takes one event only":                "R5",
	"answers again a moment later":        "R5",
	"wants the header in one read":        "R6",
	"takes a short read for the whole":    "R6",
	"dies of an empty payload":            "R7",
	"reads len bytes":                     "R8",
	"reads bytes characters":              "R8",
	"reads bytes only where it is UTF-8":  "R8",
	"reads bytes only where it is not":    "R8",
	"dies of a big payload":               "R9",
	"never reads a big payload":           "R9",
	"takes a pipe's read for all it is":   "R9",
	"turns CR LF into LF":                 "R10",
	"dies of an unknown key":              "R11",
	"wants the tokens in order":           "R11",
	"dies of a space in a value":          "R12",
	"dies of TICK_60":                     "R13",
	"dies of an unknown type":             "R14",
	"dies of its 300th event":             "R15",
	"dies of a serial it has seen":        "R16",
	"ignores SIGTERM while idle":          "R17",
	"ignores SIGTERM within an event":     "R18",
	"half an answer upon SIGTERM":         "R18",
	"ignores the end of its input":        "R19",
	"READY twice without the variable":    "R20",
	"one credit too many":                 "R21",
	"loses the last of several":           "R21",
	"dies of an unknown word":             "R22",
	"dies of more tokens":                 "R23",
	"dies of JSON":                        "R24",
	"closes stderr":                       "R25",
	"does not start where one was killed": "F1",
	"dies of the sixth copy":              "F2",
	"gives up an event that stalls":       "F3",
	"does not mind that nobody reads":     "F4",
	"answers half an event":               "F5",
	"answers what is not a header":        "F6",
}

func TestEveryRuleHasAListenerThatBreaksIt(t *testing.T) {
	broken := map[string]bool{}
	for _, rule := range bads {
		broken[rule] = true
	}
	for _, r := range rules() {
		if !broken[r.id] {
			t.Errorf("no listener here breaks %s", r.id)
		}
	}
}

func TestABadListenerBreaksExactlyItsRule(t *testing.T) {
	tried := judgeAll{}
	for role, rule := range bads {
		s := testSettings(t, self(t))
		s.env = []string{roleVariable + "=" + role, stateVariable + "=" + t.TempDir()}
		s.count = 10
		if rule == "R15" {
			s.count = 400
		}
		if rule[0] == 'F' {
			s.rules = map[string]bool{"F1": true, "F2": true, "F3": true, "F4": true, "F5": true, "F6": true}
		}
		tried.add(role, s, func(t *testing.T, all []verdict, err error) { onlyBroken(t, rule, all, err) })
	}
	tried.report(t)
}

// A listener that rejects what it is sent keeps the protocol, and pauses.
func TestAListenerThatRejectsAndPausesIsNotBroken(t *testing.T) {
	s := testSettings(t, self(t))
	s.env = []string{roleVariable + "=rejects all, then pauses"}
	s.timeout = 2 * time.Second // what is waited for in vain
	s.rules = map[string]bool{"R6": true, "R15": true, "R21": true}
	all, err := judge(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if rejected := v.outcome == skip && strings.Contains(v.detail, "rejects what it is sent"); isBasic(v.rule.id) != (v.outcome == pass) || isBasic(v.rule.id) == rejected {
			t.Errorf("%s: %s %s", v.rule.id, v.outcome, v.detail)
		}
	}
}

// What a listener says once more when it is asked to end harms nobody: some runtimes
// write their buffer again.
func TestAListenerMayRepeatItselfUponSIGTERM(t *testing.T) {
	s := testSettings(t, self(t))
	s.env = []string{roleVariable + "=repeats itself upon SIGTERM"}
	s.rules = map[string]bool{"R17": true, "R18": true}
	all, err := judge(s)
	onlyBroken(t, "", all, err)
}

// Where no answer comes, the end of input tells a buffer from silence.
func TestTheReportTellsABufferFromSilence(t *testing.T) {
	for role, want := range map[string]string{
		"fills a buffer before it reads":        "did not answer within 1s; it did answer once its standard input was closed: a buffer",
		"never answers":                         "did not answer within 1s; it did not answer when its standard input was closed either",
		"says READY at its end":                 "did not say READY within 1s; it did say READY once its standard input was closed: a buffer",
		"flushes the rest of answer at its end": "not flushed; it did write the rest once its standard input was closed: a buffer",
		"never flushes its answer":              "not flushed; it did not write the rest when its standard input was closed either",
	} {
		s := testSettings(t, self(t))
		s.env = []string{roleVariable + "=" + role}
		s.rules = map[string]bool{"R2": true}
		s.timeout = time.Second
		all, err := judge(s)
		if err != nil {
			t.Fatal(err)
		}
		var details []string
		for _, v := range all {
			details = append(details, v.detail)
		}
		if said := strings.Join(details, "\n"); !strings.Contains(said, want) || strings.Count(said, "standard input was closed") != 1 {
			t.Errorf("%s: the report does not say %q once:\n%s", role, want, said)
		}
	}
}

// A place is reported once, however many scenarios within one another know it.
func TestTheReportTellsAPlaceOnce(t *testing.T) {
	s := testSettings(t, self(t))
	s.env = []string{roleVariable + "=turns CR LF into LF"}
	s.rules = map[string]bool{"R10": true}
	s.timeout = time.Second
	all, err := judge(s)
	if err != nil {
		t.Fatal(err)
	}
	detail := all[len(all)-1].detail
	if strings.Count(detail, "CR LF") != 1 {
		t.Errorf("%q", detail)
	}
}

// shown is what listeners that run at the same time have written.
type shown struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *shown) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

// take gives it, and begins again.
func (s *shown) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.b.Reset()
	return s.b.String()
}

// The listener is started as supervisord starts it, whatever the caller's locale is.
func TestAListenerIsStartedAsTheDaemonDoes(t *testing.T) {
	t.Setenv("LANG", "de_DE.UTF-8")
	t.Setenv("LC_ALL", "C")
	t.Setenv("LC_CTYPE", "C")
	const script = `case $(grep SigIgn /proc/self/status) in *1001000) ;; *) echo signals >&2; exit 3 ;; esac
		[ "$LANG$LC_ALL" = '' ] || exit 4
		echo "locale: $LC_CTYPE" >&2; exec "$0"`
	var seen shown
	s := testSettings(t, "/bin/sh", "-c", script, self(t))
	s.env = []string{roleVariable + "=good"}
	s.rules = map[string]bool{"R8": true}
	s.stderr = &seen
	all, err := judge(s)
	onlyBroken(t, "", all, err)
	said := seen.take()
	if none, utf8 := strings.Contains(said, "locale: \n"), strings.Contains(said, "locale: C.UTF-8\n"); !none || !utf8 {
		t.Errorf("without a locale: %v, with C.UTF-8: %v; %s", none, utf8, said)
	}
	// What --env says counts, and alone.
	s.env = append(s.env, "LC_CTYPE=POSIX")
	all, err = judge(s)
	onlyBroken(t, "", all, err)
	if said = seen.take(); strings.Count(said, "locale: POSIX\n") != strings.Count(said, "locale: ") {
		t.Error(said)
	}
}

// judgeAll tries many listeners at once: most of the time is spent waiting for what
// must not come.
type judgeAll map[string]chan func(*testing.T)

func (j judgeAll) add(name string, s settings, check func(*testing.T, []verdict, error)) {
	j[name] = make(chan func(*testing.T), 1)
	done := j[name]
	go func() {
		all, err := judge(s)
		done <- func(t *testing.T) { check(t, all, err) }
	}()
}

func (j judgeAll) report(t *testing.T) {
	for name, done := range j {
		t.Run(name, <-done)
	}
}

// onlyBroken demands that one rule failed and no other; "" is none.
func onlyBroken(t *testing.T, rule string, all []verdict, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if (v.outcome == fail) != (v.rule.id == rule) {
			t.Errorf("%s: %s %s", v.rule.id, v.outcome, v.detail)
		}
		if v.outcome == skip && rule == "" {
			t.Errorf("%s was not tried: %s", v.rule.id, v.detail)
		}
	}
}
