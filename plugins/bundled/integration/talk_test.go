//go:build integration

package integration

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// talkVariable makes a program that talks of this test: its value is what about.
const talkVariable = "HARK_TALK"

// burst is how many lines a program writes at once.
const burst = 20000

// awayFor is how long a receiver is away, and awayLines how many lines come meanwhile.
const (
	awayFor   = 20 * time.Second
	awayLines = 100
)

// spoken are lines of all kinds that programs write. The first and the last are plain.
func spoken() []string {
	return []string{
		"the first line", "žluťoučký kůň 日本語 🐎 ﷽", "\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m", "a line for Windows\r", "a\x00NUL", "no \xff\xfe UTF-8", "",
		`{"level":"error","msg":"a line of JSON","_msg":"another","time":"2001-01-01T00:00:00Z"}`, "\ttab \"quote\" back\\slash <b>&amp; 'x' %s %d ]", "<13>Jan  1 00:00:00 host app: looks like syslog",
		strings.Repeat("0123456789abcdefž ", 300_000/19), " leading and trailing ", "--", ".", "From someone", "the last line",
	}
}

// counted are the lines of a burst.
func counted(what string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s line %05d", what, i))
	}
	return all
}

// talk is what the program does.
func talk(what string) {
	lines := spoken()
	switch what {
	case "burst":
		lines = counted(what, burst)
	case "away":
		lines = counted(what, awayLines)
	}
	out := bufio.NewWriter(os.Stdout)
	for _, line := range lines {
		_, _ = out.WriteString(line + "\n")
	}
	_ = out.Flush()
}

// form is what a sink makes of a line; ok is false where it leaves it out.
type form func(line string) (made string, ok bool)

// asText is a line without its carriage return, and with U+FFFD for what is not text.
func asText(line string) (string, bool) {
	return strings.ToValidUTF8(strings.TrimSuffix(line, "\r"), "\uFFFD"), true
}

// notEmpty leaves empty lines out.
func notEmpty(line string) (string, bool) {
	line, _ = asText(line)
	return line, line != ""
}

// inSyslog has no NUL either.
func inSyslog(line string) (string, bool) {
	line, ok := notEmpty(line)
	return strings.ReplaceAll(line, "\x00", " "), ok
}

// receiver is a program that takes what programs write.
type receiver interface {
	start(t *testing.T)
	stop(t *testing.T)
	// lines are what the program of that name has written, as far as it has arrived.
	lines(t *testing.T, program string) []string
}

// talker is a daemon with three programs that talk, and a sink.
type talker struct {
	*daemontest.Daemon
	t      *testing.T
	client *client.Client
}

// startTalker starts one with the sink's own keys. What the receiver does not take is spooled.
func startTalker(t *testing.T, sink string) *talker {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var conf strings.Builder
	for _, what := range []string{"talk", "burst", "away"} {
		fmt.Fprintf(&conf, "[program:%s]\ncommand=%s\nenvironment=%s=%q\nautostart=false\nautorestart=false\nstartsecs=0\nstdout_logfile=NONE\n", what, self, talkVariable, what)
	}
	fmt.Fprintf(&conf, "[logsink:out]\nprograms=*\noverflow=spool\nspool_dir=DIR\nretry_max_delay=1\n%s\n", sink)
	d := daemontest.Start(t, conf.String())
	c, err := client.New("unix://" + d.Dir + "/s.sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &talker{d, t, c}
}

func (d *talker) say(what string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	if err := d.client.StartProcess(ctx, what, false); err != nil {
		d.t.Fatal(err)
	}
}

// sink is a figure of the sink.
func (d *talker) sink(name string) any {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	var all []map[string]any
	if err := d.client.Call(ctx, "hark.getLogSinks", &all); err != nil || len(all) != 1 {
		d.t.Fatalf("%v, %v", all, err)
	}
	return all[0][name]
}

// hears plays the whole piece to a receiver: lines of all kinds, a burst, and what comes while it is away. All of it must arrive, once, in order.
func (d *talker) hears(r receiver, f form) {
	d.t.Helper()
	d.say("talk")
	d.arrives(r, "talk", spoken(), f)
	d.say("burst")
	d.arrives(r, "burst", counted("burst", burst), f)
	r.stop(d.t)
	gone := time.Now()
	d.say("away")
	daemontest.Until(d.t, "the sink to notice", func() bool { return d.sink("last_error") != "" })
	time.Sleep(time.Until(gone.Add(awayFor)))
	if got := fmt.Sprint(d.sink("queued")); got == "0" {
		d.t.Errorf("nothing waits for the receiver that is away: %v", d.sink("last_error"))
	}
	r.start(d.t)
	d.arrives(r, "away", counted("away", awayLines), f)
	daemontest.Until(d.t, "the queue to be empty", func() bool { return fmt.Sprint(d.sink("queued")) == "0" })
	for what, lines := range map[string][]string{"talk": spoken(), "burst": counted("burst", burst), "away": counted("away", awayLines)} {
		d.arrives(r, what, lines, f) // and nothing twice
	}
	if got := fmt.Sprint(d.sink("dropped")); got != "0" {
		d.t.Errorf("%s bytes are counted as lost", got)
	}
}

// arrives waits for lines and compares them. A long one may come in pieces.
func (d *talker) arrives(r receiver, program string, lines []string, f form) {
	d.t.Helper()
	var want []string
	size := 0
	for _, line := range lines {
		if made, ok := f(line); ok {
			want = append(want, made)
			size += len(made)
		}
	}
	var got []string
	for end := time.Now().Add(daemontest.Patience); ; time.Sleep(50 * time.Millisecond) {
		got = r.lines(d.t, program)
		if have := len(strings.Join(got, "")); have >= size && len(got) >= len(want) {
			break
		} else if time.Now().After(end) {
			d.t.Errorf("%s: %d lines of %d have arrived, %d bytes of %d\nthe sink says: %v", program, len(got), len(want), have, size, d.sink("last_error"))
			break
		}
	}
	i := 0
	for n, line := range want {
		whole := ""
		for whole != line || whole == "" && (i == 0 || i < len(got)) { // an empty one is a piece as well
			if i == len(got) {
				d.t.Fatalf("%s: line %d and what follows is missing: %.80q", program, n, line)
			}
			whole += got[i]
			i++
			if !strings.HasPrefix(line, whole) {
				d.t.Fatalf("%s: line %d is %.200q, want %.200q", program, n, whole, line)
			}
			if line == "" {
				break
			}
		}
	}
	if i < len(got) {
		d.t.Fatalf("%s: %d lines too many: %.300q", program, len(got)-i, got[i:])
	}
}
