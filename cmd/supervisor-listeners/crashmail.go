package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/listener"
)

const crashmailHelp = `crashmail [-p PROCESS]... [-a] [-o TEXT] [-s SENDMAIL] -m ADDRESS

Mails when a process exits unexpectedly. Subscribe it to PROCESS_STATE_EXITED.

  -p, --program PROCESS         only this one (name, or group:name); may be repeated
  -a, --any                     any process, regardless of -p; the default without -p
  -o, --optionalheader TEXT     prefix of the subject
  -s, --sendmail_program CMD    command that reads the mail from stdin ("/usr/sbin/sendmail -t -i")
  -m, --email ADDRESS           recipient; without it no mail is sent
` + smtpHelp

type crashmail struct {
	s        surroundings
	programs []string
	prefix   string
	mail     mailer
}

func runCrashmail(s surroundings, args []string) int {
	c := crashmail{s: s, mail: mailer{s: s, sendmail: defaultSendmail}}
	var anyProcess bool
	var email string
	_, err := parseOptions(args, false, append(c.mail.smtpOptions(),
		listOption('p', "program", &c.programs),
		flagOption('a', "any", &anyProcess),
		textOption('o', "optionalheader", &c.prefix),
		textOption('s', "sendmail_program", &c.mail.sendmail),
		textOption('m', "email", &email)))
	if err == nil {
		err = c.mail.finish()
	}
	if err != nil {
		return s.usage(crashmailHelp, err, exitUsage)
	}
	if !s.underSupervisor() {
		s.logf("crashmail must be run as a supervisor event listener")
		return 0
	}
	if anyProcess {
		c.programs = nil
	}
	c.mail.to = addresses(email)
	again := newRetry(s, maxTries)
	return s.listen(context.Background(), func(ctx context.Context, e listener.Event) error {
		return again.judge(e, c.handle(ctx, e))
	})
}

func (c *crashmail) handle(ctx context.Context, e listener.Event) error {
	p, ok, err := unexpectedExit(e)
	if err != nil || !ok || !names(c.programs, p.Process) {
		return err
	}
	subject := fmt.Sprintf(" %s crashed at %s", p.Name, asctime(c.s.now()))
	if c.prefix != "" {
		subject = c.prefix + ":" + subject
	}
	c.s.logf("unexpected exit, mailing")
	return c.mail.send(ctx, subject, fmt.Sprintf("Process %s in group %s exited unexpectedly (pid %d) from state %s",
		p.Name, p.Group, p.Pid, p.From))
}

// unexpectedExit reads an exit event; false for an expected exit and for other
// events.
func unexpectedExit(e listener.Event) (listener.ProcessState, bool, error) {
	if !e.Is(eventlistener.ProcessStateExited) {
		return listener.ProcessState{}, false, nil
	}
	p, err := e.ProcessState()
	return p, err == nil && !p.Expected, err
}

// names reports whether a list names a process, as name or group:name. An empty list
// names all.
func names(list []string, p listener.Process) bool {
	return len(list) == 0 || named(list, p.Group, p.Name)
}

// asctime writes a time as supervisor/childutils.py, get_asctime, does.
func asctime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05,000") }
