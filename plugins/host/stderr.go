package host

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"

	"github.com/hark-supervisor/hark/plugins/guard"
)

const (
	// stderrRate and stderrBurst are how much of a plugin's standard error is looked at, in bytes a second and at once.
	stderrRate  = 1 << 20
	stderrBurst = 256 << 10
	// stderrLine is the longest line that is kept whole, in bytes.
	stderrLine = 16 << 10
	// tailLines and tailBytes are how much of the end is kept, to report why a plugin failed.
	tailLines = 5
	tailBytes = 400
	// tellDropped is the minimum time between log lines about dropped output.
	tellDropped = 10 * time.Second
)

// stderrLog takes what a plugin writes to its standard error: the lines of hclog, which are JSON, go into the log with their level, others as
// they are. take is called by the thread that reads all pipes and only copies; a goroutine does the rest. What exceeds the rate is dropped and
// counted.
type stderrLog struct {
	log    hclog.Logger
	redact func(string) string
	wake   chan struct{}
	done   chan struct{}
	ctx    context.Context // done when end was called
	stop   context.CancelFunc

	mu      sync.Mutex
	budget  *rate.Limiter
	pending []byte
	dropped uint64
	ended   bool

	// The goroutine's own.
	partial  []byte
	cut      bool // the rest of a line that was too long is passed over
	panicked bool
	told     uint64
	toldAt   time.Time

	tailMu sync.Mutex
	tail   []string
}

// newStderrLog starts its goroutine; end ends it.
func newStderrLog(log hclog.Logger, redact func(string) string, of *guard.Part) *stderrLog {
	s := &stderrLog{log: log, redact: redact, wake: make(chan struct{}, 1), done: make(chan struct{}), budget: rate.NewLimiter(stderrRate, stderrBurst)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	const task = "the log of its standard error"
	of.Start(nil, task, func() {
		defer close(s.done)
		of.Keep(s.ctx, task, s.run, func(error) { s.partial, s.cut = nil, false })
	})
	return s
}

// take is Program's Stderr.
func (s *stderrLog) take(b []byte) (hold time.Duration) {
	defer s.ring()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	passes := min(len(b), int(s.budget.TokensAt(now)))
	s.budget.AllowN(now, passes)
	passes = min(passes, stderrBurst-len(s.pending))
	s.pending = append(s.pending, b[:passes]...)
	if passes < len(b) {
		s.dropped += uint64(len(b) - passes) //nolint:gosec // not negative
		hold = drainHold
	}
	return hold
}

func (s *stderrLog) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end waits until what was taken is in the log.
// It may be called again.
func (s *stderrLog) end() {
	s.setEnded()
	s.ring()
	s.stop()
	<-s.done
}

func (s *stderrLog) setEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// taken is what take has left, and no longer has.
func (s *stderrLog) taken() (b []byte, dropped uint64, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, s.pending = s.pending, nil
	return b, s.dropped, s.ended
}

func (s *stderrLog) run() {
	for {
		select {
		case <-s.wake:
		case <-s.ctx.Done():
		}
		b, dropped, ended := s.taken()
		s.lines(b)
		if ended && len(s.partial) > 0 {
			s.line(s.partial)
			s.partial = nil
		}
		s.tellLoss(dropped, ended)
		if ended {
			return
		}
	}
}

func (s *stderrLog) tellLoss(dropped uint64, ended bool) {
	now := time.Now()
	if dropped == s.told || !ended && now.Sub(s.toldAt) < tellDropped {
		return
	}
	s.log.Warn("it writes too much to its standard error; the rest was dropped", "bytes", dropped-s.told)
	s.told, s.toldAt = dropped, now
}

func (s *stderrLog) lines(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		part := b
		if i >= 0 {
			part = b[:i]
		}
		if room := stderrLine - len(s.partial); !s.cut {
			s.partial = append(s.partial, part[:min(len(part), room)]...)
			if len(part) > room || i >= 0 {
				s.line(s.partial)
				s.partial = s.partial[:0]
				s.cut = i < 0
			}
		} else if i >= 0 {
			s.cut = false
		}
		if i < 0 {
			return
		}
		b = b[i+1:]
	}
}

// line writes one line into the log.
func (s *stderrLog) line(b []byte) {
	b = bytes.TrimRight(b, "\r")
	if len(bytes.TrimSpace(b)) == 0 {
		return
	}
	if b[0] == '{' {
		var entry map[string]any
		if err := json.Unmarshal(b, &entry); err == nil && s.entry(entry) {
			return
		}
	}
	text := s.redact(clean(string(b)))
	level := hclog.Info
	if !s.panicked { // the trace means little to users
		s.remember(text)
	}
	if s.panicked = s.panicked || strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: "); s.panicked {
		level = hclog.Error
	}
	s.log.Log(level, text)
}

// entry writes a line of hclog's JSON form; false: it is none.
func (s *stderrLog) entry(e map[string]any) bool {
	message, ok := e["@message"].(string)
	levelName, _ := e["@level"].(string)
	level := hclog.LevelFromString(levelName)
	if !ok || level == hclog.NoLevel {
		return false
	}
	module, _ := e["@module"].(string)
	if module != "" {
		message = module + ": " + message
	}
	names := make([]string, 0, len(e))
	for name := range e {
		if !strings.HasPrefix(name, "@") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var pairs []any
	for _, name := range names {
		value, ok := e[name].(string)
		if !ok {
			b, _ := json.Marshal(e[name])
			value = string(b)
		}
		pairs = append(pairs, clean(name), s.redact(clean(value)))
	}
	text := s.redact(clean(message))
	if level >= hclog.Warn {
		s.remember(text)
	}
	s.log.Log(level, text, pairs...)
	return true
}

// remember keeps the last lines.
func (s *stderrLog) remember(text string) {
	if len(text) > tailBytes {
		text = text[:tailBytes] + "…"
	}
	s.tailMu.Lock()
	defer s.tailMu.Unlock()
	if len(s.tail) == tailLines {
		s.tail = s.tail[1:]
	}
	s.tail = append(s.tail, text)
}

// last is the last lines, in one.
func (s *stderrLog) last() string {
	s.tailMu.Lock()
	defer s.tailMu.Unlock()
	return strings.Join(s.tail, " / ")
}

// clean makes a text one printable line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ', r == 0x7f:
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// printed is what a plugin prints to its standard output, which go-plugin carries over the connection: it goes to the log too.
type printed struct{ to *stderrLog }

// Write waits where the plugin prints too much.
func (p printed) Write(b []byte) (int, error) {
	if hold := p.to.take(b); hold > 0 {
		time.Sleep(hold)
	}
	return len(b), nil
}
