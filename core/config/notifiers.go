package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// Notifier is what the host itself heeds of a [notifier:x] section.
type Notifier struct {
	Events        []eventlistener.Type
	Programs      *eventlistener.Programs // nil: events about any process
	MinSeverity   string                  // a severity's name, as all severities here
	Severities    []SeverityRule
	DedupeWindow  time.Duration // 0: nothing is folded
	GroupWait     time.Duration
	GroupMax      int
	RateCount     int // 0: no limit
	RatePeriod    time.Duration
	QuietFrom     time.Duration // since midnight; as QuietTo where there are no quiet hours
	QuietTo       time.Duration
	QuietSeverity string
	Timeout       time.Duration
	RetryDelay    time.Duration
	RetryMaxDelay time.Duration
	MaxRetries    int           // 0: no end
	MaxAge        time.Duration // 0: no end
	Title, Body   string        // templates; "": the default ones
	BufferSize    int
	Overflow      eventlistener.Overflow
	SpoolDir      string // with SpoolEvents; "": childlogdir
	SpoolMaxBytes int64
	SpoolSync     bool
}

// SeverityRule gives the events of a type, or of those below it, a severity.
type SeverityRule struct {
	Type     eventlistener.Type
	Severity string
}

// LogSink is what the host itself heeds of a [logsink:x] section.
type LogSink struct {
	Programs       *eventlistener.Programs // nil: all
	Stdout, Stderr bool
	BufferBytes    int64
	Overflow       string // drop_oldest, block or spool
	MaxInFlight    int
	RetryMaxDelay  time.Duration
	SpoolDir       string // with spool; "": childlogdir
	SpoolMaxBytes  int64
	SpoolSync      bool
}

// Equal reports whether a notifier needs no change to become o.
func (n *Notifier) Equal(o *Notifier) bool {
	a, b := *n, *o
	a.Events, b.Events, a.Programs, b.Programs, a.Severities, b.Severities = nil, nil, nil, nil, nil, nil
	return slices.Equal(n.Events, o.Events) && slices.Equal(n.Programs.Patterns(), o.Programs.Patterns()) &&
		slices.Equal(n.Severities, o.Severities) && fmt.Sprint(a) == fmt.Sprint(b)
}

// Equal reports whether a sink needs no change to become o.
func (k *LogSink) Equal(o *LogSink) bool {
	a, b := *k, *o
	a.Programs, b.Programs = nil, nil
	return a == b && slices.Equal(k.Programs.Patterns(), o.Programs.Patterns())
}

const (
	// maxInterval bounds times in notifiers: a year.
	maxInterval = 365 * 24 * time.Hour
	// minSinkBuffer is the least buffer_bytes.
	minSinkBuffer = 1 << 20
	maxSinkFlight = 64
	maxGroup      = 1000
)

func severityNames() []string { return []string{"info", "warning", "error", "critical"} }

// readNotifier reads the keys of a [notifier:x] section that are not its plugin's.
func (l *loader) readNotifier(section string) *Notifier {
	get := func(key string) setting { return l.get(section, key, l.here) }
	n := &Notifier{}
	l.own(func() {
		n.Events = l.events(get("events"))
		n.Programs = l.patterns(get("programs"))
		n.MinSeverity = l.severity(get("min_severity"), "info")
		n.Severities = convert(l, get("severities"), nil, severityRules)
		n.DedupeWindow = l.interval(get("dedupe_window"), 0)
		n.GroupWait = l.interval(get("group_wait"), 0)
		n.GroupMax = l.bounded(get("group_max"), 100, 1, maxGroup)
		rate := convert(l, get("rate_limit"), rateLimit{}, parseRate)
		n.RateCount, n.RatePeriod = rate.count, rate.period
		quiet := convert(l, get("quiet_hours"), [2]time.Duration{}, parseQuietHours)
		n.QuietFrom, n.QuietTo = quiet[0], quiet[1]
		n.QuietSeverity = l.severity(get("quiet_severity"), "critical")
		n.Timeout = l.positive(get("notify_timeout"), 30*time.Second)
		n.RetryDelay = l.positive(get("retry_delay"), time.Second)
		n.RetryMaxDelay = l.positive(get("retry_max_delay"), 5*time.Minute)
		n.MaxRetries = l.bounded(get("max_retries"), 0, 0, math.MaxInt32)
		n.MaxAge = l.interval(get("max_age"), 0)
		n.Title = l.template(get("title_template"))
		n.Body = l.template(get("body_template"))
		n.BufferSize = l.bounded(get("buffer_size"), 1000, 1, 1000000)
		n.Overflow = convert(l, get("overflow"), eventlistener.DiscardOldest, named(eventlistener.ParseOverflow))
		n.SpoolDir, n.SpoolMaxBytes, n.SpoolSync = l.spool(n.Overflow == eventlistener.SpoolEvents, get)
	})
	return n
}

// readLogSink reads the keys of a [logsink:x] section that are not its plugin's.
func (l *loader) readLogSink(section string) *LogSink {
	get := func(key string) setting { return l.get(section, key, l.here) }
	k := &LogSink{}
	l.own(func() {
		k.Programs = l.patterns(get("programs"))
		channel := convert(l, get("channel"), "both", oneOf("stdout", "stderr", "both"))
		k.Stdout, k.Stderr = channel != "stderr", channel != "stdout"
		size := get("buffer_bytes")
		k.BufferBytes = convert(l, size, 8<<20, byteSize)
		if k.BufferBytes < minSinkBuffer {
			l.reject(section, size.key, "", fmt.Sprintf("cannot use %s; accepted: 1MB or more", l.shown(size)))
		}
		k.Overflow = convert(l, get("overflow"), "drop_oldest", oneOf("drop_oldest", "block", "spool"))
		k.MaxInFlight = l.bounded(get("max_in_flight"), 4, 1, maxSinkFlight)
		k.RetryMaxDelay = l.positive(get("retry_max_delay"), time.Minute)
		k.SpoolDir, k.SpoolMaxBytes, k.SpoolSync = l.spool(k.Overflow == "spool", get)
	})
	return k
}

func (l *loader) patterns(v setting) *eventlistener.Programs {
	return convert(l, v, nil, func(s string) (*eventlistener.Programs, error) {
		return eventlistener.ParsePrograms(stringList(s))
	})
}

func (l *loader) severity(v setting, def string) string {
	return convert(l, v, def, oneOf(severityNames()...))
}

// oneOf makes a conversion that takes some words in any case.
func oneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if w := lower(strip(s)); slices.Contains(words, w) {
			return w, nil
		}
		return "", fmt.Errorf("cannot use %q", s)
	}
}

// severityRules reads TYPE=severity, TYPE=severity.
func severityRules(s string) (rules []SeverityRule, err error) {
	for _, part := range stringList(s) {
		name, severity, ok := strings.Cut(part, "=")
		kind, known := eventlistener.ParseType(strings.ToUpper(strip(name)))
		severity, bad := oneOf(severityNames()...)(severity)
		if !ok || !known || bad != nil {
			return nil, fmt.Errorf("cannot use %q", part)
		}
		rules = append(rules, SeverityRule{kind, severity})
	}
	return rules, nil
}

// parseInterval reads a number of seconds, or one with a unit.
func parseInterval(s string) (time.Duration, error) {
	v := lower(strip(s))
	d, err := time.ParseDuration(v)
	if seconds, bad := strconv.ParseFloat(v, 64); bad == nil && !math.IsNaN(seconds) {
		d, err = time.Duration(min(max(seconds, -1), maxInterval.Seconds()+1)*float64(time.Second)), nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot use %q", s)
	}
	return d, nil
}

// interval is a time from 0 to a year.
func (l *loader) interval(v setting, def time.Duration) time.Duration {
	return convert(l, v, def, func(s string) (time.Duration, error) {
		d, err := parseInterval(s)
		if err == nil && (d < 0 || d > maxInterval) {
			err = fmt.Errorf("cannot use %q", s)
		}
		return d, err
	})
}

// positive is an interval that is more than 0.
func (l *loader) positive(v setting, def time.Duration) time.Duration {
	d := l.interval(v, def)
	if d <= 0 {
		l.reject(v.section, v.key, "", fmt.Sprintf("cannot use %s; accepted: more than 0 seconds", l.shown(v)))
	}
	return d
}

type rateLimit struct {
	count  int
	period time.Duration
}

// parseRate reads N/time.
func parseRate(s string) (rateLimit, error) {
	n, period, ok := strings.Cut(s, "/")
	count, err := strconv.Atoi(strip(n))
	d, bad := parseInterval(period)
	if !ok || err != nil || bad != nil || count < 1 || count > math.MaxInt32 || d <= 0 || d > maxInterval {
		return rateLimit{}, fmt.Errorf("cannot use %q", s)
	}
	return rateLimit{count, d}, nil
}

// parseQuietHours reads HH:MM-HH:MM as times since midnight.
func parseQuietHours(s string) (hours [2]time.Duration, err error) {
	bad := fmt.Errorf("cannot use %q", s)
	parts := strings.Split(s, "-")
	if len(parts) != 2 {
		return hours, bad
	}
	for i, part := range parts {
		h, m, ok := strings.Cut(strip(part), ":")
		hour, err := strconv.ParseUint(h, 10, 8)
		minute, err2 := strconv.ParseUint(m, 10, 8)
		if !ok || err != nil || err2 != nil || minute > 59 || hour > 24 || hour == 24 && minute > 0 {
			return [2]time.Duration{}, bad
		}
		hours[i] = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	}
	if hours[0] == hours[1] {
		return [2]time.Duration{}, bad
	}
	return hours, nil
}

// template has a template looked at by whoever knows them.
func (l *loader) template(v setting) string {
	if v.state != present || v.text == "" {
		return ""
	}
	if l.o.Template != nil {
		if err := l.o.Template(v.text); err != nil {
			l.reject(v.section, v.key, "", err.Error())
		}
	}
	return v.text
}
