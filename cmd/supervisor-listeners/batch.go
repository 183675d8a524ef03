package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/listener"
)

// What crashmailbatch, fatalmailbatch and crashsms share: they gather lines and
// mail them together every so many minutes, which they count by ticks.

const batchHelp = `
  -t, --toEmail ADDRESSES   recipients, separated by commas; required
  -f, --fromEmail ADDRESS   the sender; required
  -s, --subject TEXT        the subject
  -i, --interval MINUTES    interval between mails (1.0)
  -e, --tickEvent TICK      the event that measures the interval (TICK_60)
  -H, --smtpHost HOST[:PORT] the SMTP server (localhost)
  -u, --userName NAME       for the server, with -p, --password PASSWORD
                            or --passwordFile FILE
  --tls                     require STARTTLS; --tlsNoVerify accepts any certificate
  --sendmail_program CMD    mail through this command instead of SMTP
`

const (
	// maxBatch bounds the lines kept while mails cannot be sent; then the oldest go.
	maxBatch = 10000
	// shownOfMail is how much of a mail's text is logged, in bytes.
	shownOfMail = 76
)

// batch is one of these listeners. line makes the line for an event, "" for none.
type batch struct {
	s        surroundings
	name     string
	help     string
	subject  string
	line     func(surroundings, listener.Event) (string, error)
	mail     mailer
	tick     string
	interval float64 // minutes
	perTick  float64 // minutes

	passed float64 // minutes since the last mail
	lines  []string
	lost   int
}

func (b *batch) run(s surroundings, args []string) int {
	b.s, b.tick, b.interval = s, "TICK_60", 1
	b.mail = mailer{s: s, smtpHost: "localhost"}
	var to string
	rest, err := parseOptions(args, true, []option{
		{short: 'i', long: "interval", takes: func(v string) (err error) {
			if b.interval, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
				return fmt.Errorf("cannot use %q: not a number of minutes", v)
			}
			return nil
		}},
		textOption('t', "toEmail", &to),
		textOption('f', "fromEmail", &b.mail.from),
		textOption('s', "subject", &b.subject),
		textOption('H', "smtpHost", &b.mail.smtpHost),
		textOption('e', "tickEvent", &b.tick),
		textOption('u', "userName", &b.mail.userName),
		textOption('p', "password", &b.mail.password),
		textOption(0, "passwordFile", &b.mail.passwordFile),
		textOption(0, "sendmail_program", &b.mail.sendmail),
		flagOption(0, "tls", &b.mail.tls),
		flagOption(0, "tlsNoVerify", &b.mail.tlsNoVerify),
	})
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%q is not an option", rest[0])
	}
	if b.mail.sendmail != "" {
		b.mail.smtpHost = ""
	}
	if err != nil {
		return s.usage(b.help+batchHelp, err, exitBatchUsage)
	}
	if b.mail.to = addresses(to); len(b.mail.to) == 0 || b.mail.from == "" {
		return s.usage(b.help+batchHelp, errors.New("--toEmail or --fromEmail is missing"), exitBatchMissing)
	}
	if err := b.mail.finish(); err != nil {
		return s.usage(b.help+batchHelp, err, exitBatchUsage)
	}
	if b.perTick, err = minutesOf(b.tick); err != nil {
		return s.usage(b.help+batchHelp, err, exitBatchMissing)
	}
	if !s.underSupervisor() {
		s.logf("Must run as a supervisor event listener")
		return exitFailed
	}
	status := s.listen(context.Background(), b.handle)
	b.flush(context.Background()) // else what was gathered would be lost
	return status
}

// minutesOf is the period of a tick event in minutes.
func minutesOf(tick string) (float64, error) {
	t, ok := eventlistener.ParseType(tick)
	seconds, err := strconv.Atoi(strings.TrimPrefix(tick, "TICK_"))
	if !ok || !t.Is(eventlistener.TickEvent) || err != nil {
		return 0, fmt.Errorf("invalid TICK event name: %s", tick)
	}
	return float64(seconds) / 60, nil
}

// handle never rejects: what cannot be mailed is kept for the next time.
func (b *batch) handle(ctx context.Context, e listener.Event) error {
	if e.Name() == b.tick {
		b.passed += b.perTick
		if b.passed >= b.interval {
			b.passed = 0
			b.flush(ctx)
		}
		return nil
	}
	line, err := b.line(b.s, e)
	if err != nil {
		b.s.logf("%v", err) // it would not become readable by coming again
		return nil
	}
	if line == "" {
		return nil
	}
	b.s.logf("%s", line)
	if len(b.lines) == maxBatch {
		b.lines = append(b.lines[:0], b.lines[1:]...)
		b.lost++
	}
	b.lines = append(b.lines, line)
	return nil
}

// flush mails what there is.
func (b *batch) flush(ctx context.Context) {
	if len(b.lines) == 0 {
		return
	}
	text := strings.Join(b.lines, "\n")
	if b.lost > 0 {
		text = fmt.Sprintf("(%d earlier lines were lost while mail could not be sent)\n%s", b.lost, text)
	}
	shown := text
	if len(shown) > shownOfMail {
		shown = strings.ToValidUTF8(shown[:shownOfMail], "") + "..."
	}
	if err := b.mail.send(ctx, b.subject, text); err != nil {
		b.s.logf("Error sending email: %v", err)
		return
	}
	b.s.logf("Sending notification email:\nTo: %s\nFrom: %s\nSubject: %s\nBody:\n%s",
		strings.Join(b.mail.to, ", "), b.mail.from, b.subject, shown)
	b.lines, b.lost = nil, 0
}

// at stands before a line.
func at(s surroundings) string { return asctime(s.now().Truncate(time.Millisecond)) }
