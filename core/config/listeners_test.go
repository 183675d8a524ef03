package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

func loadListener(t *testing.T, keys string) (*Listener, error) {
	t.Helper()
	dir := writeFiles(t, map[string]string{"s.conf": "[supervisord]\n[eventlistener:l]\ncommand=cat\nevents=EVENT\n" + keys})
	cfg, err := Load(Options{Path: "s.conf", Dir: dir, Environ: []string{"PATH=/bin"}})
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		t.Errorf("warning %q", w)
	}
	return cfg.Groups[0].Listener, nil
}

func TestListenerOptionsAreSupervisorsUnlessSet(t *testing.T) {
	l, err := loadListener(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if l.Programs != nil || l.Overflow != eventlistener.DiscardOldest || l.MaxInFlight != 1 || l.AckTimeout != 0 || l.MaxDeliveries != 0 ||
		l.RestartOnError || l.Stdin || l.Payload != eventlistener.SupervisorForm {
		t.Errorf("defaults %+v", l)
	}
	l, err = loadListener(t, "programs=web:*, billing\noverflow=Discard_Newest\nmax_in_flight=64\nack_timeout=5\nmax_deliveries=3\non_protocol_error=restart\nstdin=true\npayload=JSON\n")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.Programs.Patterns(), []string{"web:*", "billing"}) || l.Overflow != eventlistener.DiscardNewest || l.MaxInFlight != 64 ||
		l.AckTimeout != 5*time.Second || l.MaxDeliveries != 3 || !l.RestartOnError || !l.Stdin || l.Payload != eventlistener.JSONForm {
		t.Errorf("options %+v", l)
	}
}

func TestBadListenerOptionsNameFileLineSectionAndKey(t *testing.T) {
	for keys, want := range map[string]string{
		"programs=[\n":        `s.conf:5: [eventlistener:l] programs: cannot use "["; accepted: names of processes`,
		"programs=a,,b\n":     `s.conf:5: [eventlistener:l] programs: cannot use "a,,b"; accepted: names of processes`,
		"overflow=spool_it\n": `s.conf:5: [eventlistener:l] overflow: cannot use "spool_it"; accepted: discard_oldest, discard_newest or spool`,
		"spool_dir=\n":        `s.conf:5: [eventlistener:l] spool_dir: cannot use ""; accepted: the path of a directory`,
		"overflow=spool\nspool_maxbytes=1000000\n": `s.conf:6: [eventlistener:l] spool_maxbytes: cannot use "1000000"; accepted: 1MB or more`,
		"overflow=spool\nspool_maxbytes=much\n":    `s.conf:6: [eventlistener:l] spool_maxbytes: cannot use "much"; accepted: a whole number of bytes`,
		"overflow=spool\nspool_sync=perhaps\n":     `s.conf:6: [eventlistener:l] spool_sync: cannot use "perhaps"; accepted: true, false`,
		"max_in_flight=0\n":                        `s.conf:5: [eventlistener:l] max_in_flight: cannot use 0; accepted: 1 to 4096`,
		"max_in_flight=5000\n":                     `s.conf:5: [eventlistener:l] max_in_flight: cannot use 5000; accepted: 1 to 4096`,
		"max_in_flight=many\n":                     `s.conf:5: [eventlistener:l] max_in_flight: cannot use "many"; accepted: a whole number`,
		"ack_timeout=-1\n":                         `s.conf:5: [eventlistener:l] ack_timeout: cannot use -1; accepted: 0 to 31536000`,
		"max_deliveries=-1\n":                      `s.conf:5: [eventlistener:l] max_deliveries: cannot use -1; accepted: 0 to 2147483647`,
		"on_protocol_error=ignore\n":               `s.conf:5: [eventlistener:l] on_protocol_error: cannot use "ignore"; accepted: unknown or restart`,
		"stdin=maybe\n":                            `s.conf:5: [eventlistener:l] stdin: cannot use "maybe"; accepted: true, false`,
		"payload=xml\n":                            `s.conf:5: [eventlistener:l] payload: cannot use "xml"; accepted: supervisor, extended or json`,
		"payload=%(here)s/%(no)s\n":                `s.conf:5: [eventlistener:l] payload: cannot expand`,
		"buffer_size=0\npayload=xml\n":             `cannot use 0; accepted: 1 or more`,
	} {
		_, err := loadListener(t, keys)
		var all Errors
		if !errors.As(err, &all) {
			t.Errorf("%q is accepted", keys)
			continue
		}
		if !strings.Contains(all[0].String(), want) {
			t.Errorf("%q:\n got %s\nwant %s", keys, all[0], want)
		}
	}
}

func TestListenerOptionsTakePartInReloads(t *testing.T) {
	same := func(a, b *Listener) bool { return listenerTable().same(a, b) }
	plain, err := loadListener(t, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range []string{"programs=a", "overflow=discard_newest", "overflow=spool", "overflow=spool\nspool_dir=/var", "overflow=spool\nspool_maxbytes=2MB", "overflow=spool\nspool_sync=true", "max_in_flight=2", "ack_timeout=1", "max_deliveries=1", "on_protocol_error=restart", "stdin=true", "payload=extended"} {
		one, err := loadListener(t, keys+"\n")
		if err != nil {
			t.Fatal(err)
		}
		two, err := loadListener(t, keys+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if same(plain, one) || same(one, plain) || !same(one, two) {
			t.Errorf("%s: changed %v, the same again %v", keys, !same(plain, one), same(one, two))
		}
	}
}

func TestSpoolKeys(t *testing.T) {
	same := func(a, b *Listener) bool { return listenerTable().same(a, b) }
	l, err := loadListener(t, "overflow=spool\n")
	if err != nil {
		t.Fatal(err)
	}
	if l.Overflow != eventlistener.SpoolEvents || l.SpoolDir != "" || l.SpoolMaxBytes != 64<<20 || l.SpoolSync {
		t.Errorf("defaults %+v", l)
	}
	one, err := loadListener(t, "overflow=spool\nspool_dir=/no/such/dir/../other\nspool_maxbytes=1MB\nspool_sync=true\n")
	if err != nil {
		t.Fatal(err)
	}
	if one.SpoolDir != "/no/such/other" || one.SpoolMaxBytes != 1<<20 || !one.SpoolSync {
		t.Errorf("set %+v", one)
	}
	if same(l, one) {
		t.Error("a pool with another spool is not changed")
	}
	// Without overflow=spool they do nothing, which is told.
	dir := writeFiles(t, map[string]string{"s.conf": "[supervisord]\n[eventlistener:l]\ncommand=cat\nevents=EVENT\nspool_dir=x\nspool_maxbytes=5MB\nspool_sync=true\n"})
	cfg, err := Load(Options{Path: "s.conf", Dir: dir, Environ: []string{"PATH=/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := loadListener(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if !same(plain, cfg.Groups[0].Listener) || len(cfg.Warnings) != 3 {
		t.Errorf("%+v; warnings %q", cfg.Groups[0].Listener, cfg.Warnings)
	}
	for i, key := range []string{"spool_dir", "spool_maxbytes", "spool_sync"} {
		if want := fmt.Sprintf("s.conf:%d: [eventlistener:l] %s: has no effect without overflow=spool", i+5, key); !strings.HasSuffix(cfg.Warnings[i], want) {
			t.Errorf("warning %q, want %q", cfg.Warnings[i], want)
		}
	}
}

// What was written to a file must not get lost without a word: the keys that asked for it are refused, with what does it now.
func TestTheKeysOfTheEventLogAreRefused(t *testing.T) {
	for i, key := range []string{"event_log=events.jsonl", "event_log_maxbytes=1MB", "event_log_backups=2", "event_log_events=event"} {
		dir := writeFiles(t, map[string]string{"s.conf": "[supervisord]\n" + strings.Repeat("\n", i) + key + "\n"})
		_, err := Load(Options{Path: "s.conf", Dir: dir, Environ: []string{"PATH=/bin"}})
		var all Errors
		name, _, _ := strings.Cut(key, "=")
		want := fmt.Sprintf("s.conf:%d: [supervisord] %s: supervisord writes no event log any longer; accepted: an [eventlistener:x] with \"command=supervisor-listeners eventlog", i+2, name)
		if !errors.As(err, &all) || len(all) != 1 || !strings.HasPrefix(all[0].String(), want) {
			t.Errorf("%s:\n got %v\nwant %s", key, err, want)
		}
	}
}
