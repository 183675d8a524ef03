package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// Notifier has the keys of a [notifier:x] section that the host itself uses.
type Notifier struct {
	Plugin        string                  `key:"plugin" is:"hark,required,elsewhere,byhand" sample:"slack" doc:"The plugin that delivers the notifications."`
	Events        []eventlistener.Type    `key:"events" is:"hark,required" sample:"PROCESS_STATE_FATAL,PROCESS_STATE_EXITED" doc:"The types of events that are notified of. A type includes all types below it."`
	Programs      *eventlistener.Programs `key:"programs" is:"hark" sample:"web:*,billing" doc:"Only events about these processes are notified of, and events about no process. Without it, events about all."`
	MinSeverity   string                  `key:"min_severity" type:"severity" is:"hark" default:"info" sample:"warning" doc:"Events below this severity are dropped."` // a severity's name, as all severities here
	Severities    []SeverityRule          `key:"severities" is:"hark" doc:"Severities of types of events, in place of the usual ones. The first type that fits counts." example:"PROCESS_STATE_STOPPED=warning,TICK=info"`
	DedupeWindow  time.Duration           `key:"dedupe_window" type:"time" is:"hark" default:"0" unit:"seconds" sample:"60" doc:"For how long further events of the same type about the same process are only counted; 0 delivers all."`
	GroupWait     time.Duration           `key:"group_wait" type:"time" is:"hark" default:"0" unit:"seconds" sample:"10" doc:"How long events are gathered into one notification, from the first of them; 0 sends each at once."`
	GroupMax      int                     `key:"group_max" is:"hark" default:"100" unit:"events" min:"1" max:"1000" doc:"The most events that one notification holds."`
	Rate          Rate                    `key:"rate_limit" is:"hark" sample:"10/1m" doc:"The most notifications in a period. Events beyond it are put into one notification later. Without it, there is no limit."`
	Quiet         QuietHours              `key:"quiet_hours" is:"hark" sample:"22:00-07:00" doc:"The time of day in which events below quiet_severity are held back until it ends. Without it, never."`
	QuietSeverity string                  `key:"quiet_severity" type:"severity" is:"hark" default:"critical" doc:"Events of this severity or above are notified of even in quiet_hours."`
	Timeout       time.Duration           `key:"notify_timeout" type:"time" is:"hark" default:"30" unit:"seconds" min:"more than 0" doc:"How long one delivery may take."`
	RetryDelay    time.Duration           `key:"retry_delay" type:"time" is:"hark" default:"1" unit:"seconds" min:"more than 0" doc:"The wait before the first retry of a failed delivery. It doubles with each further one."`
	RetryMaxDelay time.Duration           `key:"retry_max_delay" type:"time" is:"hark" default:"300" unit:"seconds" min:"more than 0" doc:"The longest wait between two retries."`
	MaxRetries    int                     `key:"max_retries" is:"hark" default:"0" unit:"retries" min:"0" max:"2147483647" doc:"After how many retries a notification is written to the dead letters; 0 has no limit."`
	RetryFor      time.Duration           `key:"retry_for" type:"time" is:"hark" default:"86400" unit:"seconds" doc:"How long after the first failure a notification is still tried again; then it is written to the dead letters. 0 has no limit."`
	MaxAge        time.Duration           `key:"max_age" type:"time" is:"hark" default:"0" unit:"seconds" doc:"The age at which a notification that could not be delivered is written to the dead letters; 0 has no limit."`
	Title         string                  `key:"title_template" type:"template" is:"hark" doc:"A template of the title, in place of the usual one (docs/plugins.md)." example:"{{.Severity | upper}}: {{.Worst.Text}}"`
	Body          string                  `key:"body_template" type:"template" is:"hark" sample:"{{.Worst.Text}}" doc:"A template of the body, in place of the usual one (docs/plugins.md)."`
	BufferSize    int                     `key:"buffer_size" is:"hark" default:"1000" unit:"events" min:"1" max:"1000000" doc:"How many events are kept in memory until they are delivered."`
	Overflow      eventlistener.Overflow  `key:"overflow" is:"hark" default:"discard_oldest" sample:"spool" doc:"What happens to events when the buffer is full. The oldest or the newest is discarded (discard_oldest, discard_newest), or all events are kept on disk (spool)."`
	Spool
}

func notifierTable() *table { return tableOf[Notifier](inOrder) }

// SeverityRule assigns a severity to the events of a type and the types below it.
type SeverityRule struct {
	Type     eventlistener.Type
	Severity string
}

// LogSink has the keys of a [logsink:x] section that the host itself uses.
type LogSink struct {
	Plugin        string                  `key:"plugin" is:"hark,required,elsewhere,byhand" sample:"syslog" doc:"The plugin that writes the output."`
	Programs      *eventlistener.Programs `key:"programs" is:"hark" sample:"*" doc:"Only the output of these processes is sent. Without it, that of all."`
	Channels      `key:"channel" is:"hark" default:"both" sample:"both" doc:"Which output is sent: stdout, stderr or both."`
	BufferBytes   int64         `key:"buffer_bytes" type:"size" is:"hark" default:"8MB" unit:"bytes" min:"1MB" doc:"How much output is kept in memory until it is written."`
	Overflow      string        `key:"overflow" type:"overflow policy of a log sink" is:"hark" default:"drop_oldest" sample:"spool" doc:"What happens when the buffer is full. The oldest output is dropped (drop_oldest), the program is blocked (block), or all output is kept on disk (spool)."`
	MaxInFlight   int           `key:"max_in_flight" is:"hark" default:"4" unit:"batches" min:"1" max:"64" doc:"How many batches are sent ahead of their acknowledgement."`
	RetryFor      time.Duration `key:"retry_for" type:"time" is:"hark" default:"86400" unit:"seconds" doc:"How long after it was refused for the first time a batch is still sent again; then it is dropped. 0 has no limit."`
	RetryMaxDelay time.Duration `key:"retry_max_delay" type:"time" is:"hark" default:"60" unit:"seconds" min:"more than 0" doc:"The longest wait before a refused batch is sent again, unless the plugin asks for more."`
	Spool
}

func logSinkTable() *table { return tableOf[LogSink](inOrder) }

// Channels are the outputs of programs that a log sink is sent.
type Channels struct{ Stdout, Stderr bool }

// String is the channels as they are written.
func (c Channels) String() string {
	switch {
	case c.Stdout && c.Stderr:
		return "both"
	case c.Stderr:
		return "stderr"
	}
	return "stdout"
}

// Equal reports whether a notifier needs no change to become o.
func (n *Notifier) Equal(o *Notifier) bool { return notifierTable().same(n, o) }

// Equal reports whether a sink needs no change to become o.
func (k *LogSink) Equal(o *LogSink) bool { return logSinkTable().same(k, o) }

// readNotifier reads the keys of a [notifier:x] section that are not its plugin's.
func (l *loader) readNotifier(section string) *Notifier {
	n := fresh[Notifier](notifierTable())
	r := l.reads(section)
	r.fill(notifierTable().reading, &n)
	r.spool(&n.Spool, n.Overflow == eventlistener.SpoolEvents)
	return &n
}

// readLogSink reads the keys of a [logsink:x] section that are not its plugin's.
func (l *loader) readLogSink(section string) *LogSink {
	k := fresh[LogSink](logSinkTable())
	r := l.reads(section)
	r.fill(logSinkTable().reading, &k)
	r.spool(&k.Spool, k.Overflow == "spool")
	return &k
}

// severities is the kind of the severities of events, the least severe first.
func severities() kind[string] { return wordsOf("info", "warning", "error", "critical") }

// severityRules reads TYPE=severity, TYPE=severity.
func severityRules(s string) (rules []SeverityRule, err error) {
	for _, part := range stringList(s) {
		name, severity, ok := strings.Cut(part, "=")
		kind, known := eventlistener.ParseType(strings.ToUpper(strip(name)))
		severity, bad := severities().parse(nil, nil, severity)
		if !ok || !known || bad != nil {
			return nil, cannotUse(part)
		}
		rules = append(rules, SeverityRule{kind, severity})
	}
	return rules, nil
}

func severityText(rules []SeverityRule) string {
	texts := make([]string, len(rules))
	for i, r := range rules {
		texts[i] = r.Type.String() + "=" + r.Severity
	}
	return strings.Join(texts, ",")
}

// parseInterval reads a number of seconds, or one with a unit.
func parseInterval(s string) (time.Duration, error) {
	v := lower(strip(s))
	d, err := time.ParseDuration(v)
	if seconds, bad := strconv.ParseFloat(v, 64); bad == nil && !math.IsNaN(seconds) {
		d, err = time.Duration(min(max(seconds, -1), maxInterval.Seconds()+1)*float64(time.Second)), nil
	}
	if err != nil {
		return 0, cannotUse(s)
	}
	return d, nil
}

// Rate is a number of notifications in a period; the zero Rate is unlimited.
type Rate struct {
	Count  int
	Period time.Duration
}

// String is the rate as it is written, "" for no limit.
func (r Rate) String() string {
	if r.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", r.Count, r.Period)
}

// parseRate reads N/time.
func parseRate(s string) (Rate, error) {
	n, period, ok := strings.Cut(s, "/")
	count, err := strconv.Atoi(strip(n))
	d, bad := parseInterval(period)
	if !ok || err != nil || bad != nil || count < 1 || count > math.MaxInt32 || d <= 0 || d > maxInterval {
		return Rate{}, cannotUse(s)
	}
	return Rate{count, d}, nil
}

// QuietHours is a time of day, as times since midnight; both are alike where there is none.
type QuietHours struct{ From, To time.Duration }

// String is the time as it is written, "" for none.
func (q QuietHours) String() string {
	if q.From == q.To {
		return ""
	}
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	return clock(q.From) + "-" + clock(q.To)
}

// parseQuietHours reads HH:MM-HH:MM.
func parseQuietHours(s string) (QuietHours, error) {
	var hours [2]time.Duration
	bad := cannotUse(s)
	parts := strings.Split(s, "-")
	if len(parts) != 2 {
		return QuietHours{}, bad
	}
	for i, part := range parts {
		h, m, ok := strings.Cut(strip(part), ":")
		hour, err := strconv.ParseUint(h, 10, 8)
		minute, err2 := strconv.ParseUint(m, 10, 8)
		if !ok || err != nil || err2 != nil || minute > 59 || hour > 24 || hour == 24 && minute > 0 {
			return QuietHours{}, bad
		}
		hours[i] = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	}
	if hours[0] == hours[1] {
		return QuietHours{}, bad
	}
	return QuietHours{hours[0], hours[1]}, nil
}
