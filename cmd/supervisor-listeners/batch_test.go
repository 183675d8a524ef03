package main

import (
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/listener"
)

const fatal = "processname:dog groupname:dogs from_state:BACKOFF"

// text is what follows a mail's headers.
func text(mail string) string {
	_, body, _ := strings.Cut(strings.TrimSpace(mail[strings.Index(mail, "MAIL FROM"):]), "\n\n")
	_, body, _ = strings.Cut(body, "\n\n")
	return strings.TrimSpace(strings.ReplaceAll(body, "=\n", ""))
}

func TestBatches(t *testing.T) {
	at := "2026-03-04 12:30:05,678"
	died := at + " -- Process cats:cat (pid 2766) died unexpectedly"
	for name, c := range map[string]struct {
		args   []string
		events []recorded
		want   []string // the mails' texts
		header string
	}{
		"crashes of a minute": {[]string{"crashmailbatch"},
			[]recorded{{"PROCESS_STATE_EXITED", crash}, {"PROCESS_STATE_EXITED", expected}, {"PROCESS_STATE_FATAL", fatal}, {"PROCESS_STATE_EXITED", crash}, {"TICK_5", "when:5"}, {"TICK_60", "when:60"}, {"TICK_60", "when:120"}},
			[]string{died + "\n" + died}, "\nSubject: Crash alert from supervisord\n"},
		"two minutes": {[]string{"crashmailbatch", "--interval=2"},
			[]recorded{{"TICK_60", "when:60"}, {"PROCESS_STATE_EXITED", crash}, {"TICK_60", "when:120"}, {"PROCESS_STATE_EXITED", crash}, {"TICK_60", "when:180"}, {"TICK_60", "when:240"}},
			[]string{died, died}, ""},
		"half a minute by TICK_5": {[]string{"crashsms", "-e", "TICK_5", "-i", "0.15"},
			[]recorded{{"TICK_5", "when:5"}, {"PROCESS_STATE_EXITED", crash}, {"TICK_60", "when:60"}, {"TICK_5", "when:10"}},
			[]string{"[cats:cat](2766) exited unexpectedly " + at}, ""},
		"what cannot start": {[]string{"fatalmailbatch", "-s", "Oh dear"},
			[]recorded{{"PROCESS_STATE_FATAL", fatal}, {"PROCESS_STATE_EXITED", crash}, {"TICK_60", "when:60"}},
			[]string{at + " -- Process dogs:dog failed to start too many times"}, "\nSubject: Oh dear\n"},
		"what is left at the end": {[]string{"crashmailbatch"}, []recorded{{"PROCESS_STATE_EXITED", crash}}, []string{died}, ""},
		"nothing":                 {[]string{"crashmailbatch"}, []recorded{{"TICK_60", "when:60"}}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := startSMTP(t, &smtpServer{})
			b := newBench(c.events...).run(append(c.args, "--toEmail=you@bar.com,her@bar.com", "-f", "me@bar.com", "-H", server.address)...)
			mails := server.got()
			if b.status != 0 || strings.Contains(b.results(), "FAIL") || len(mails) != len(c.want) {
				t.Fatalf("status %d, said %q, mailed %q, logged %s", b.status, b.results(), mails, b.stderr.String())
			}
			for i, mail := range mails {
				if got := text(mail); got != c.want[i] {
					t.Errorf("mail %d is\n%s\nwant\n%s", i, got, c.want[i])
				}
				if !strings.Contains(mail, "RCPT TO:<you@bar.com>\nRCPT TO:<her@bar.com>\n") || !strings.Contains(mail, c.header) {
					t.Errorf("mail\n%s", mail)
				}
				if c.args[0] == "crashsms" && strings.Contains(mail, "Subject:") {
					t.Error("a short mail has a subject")
				}
			}
		})
	}
}

func TestABatchThatCannotBeMailedIsKept(t *testing.T) {
	server := startSMTP(t, &smtpServer{refuse: true})
	events := []recorded{{"PROCESS_STATE_EXITED", crash}, {"TICK_60", "when:60"}, {"TICK_60", "when:120"}}
	b := newBench(events...).run("crashmailbatch", "-t", "a@b", "-f", "c@d", "-H", server.address)
	if n := strings.Count(b.stderr.String(), "Error sending email: cannot mail by "); n != 3 || b.results() != "OK OK OK" {
		t.Errorf("%d tries; said %q, logged %s", n, b.results(), b.stderr.String())
	}
	server.refuse = false
	many := batch{s: b.surroundings, tick: "TICK_60", line: func(surroundings, listener.Event) (string, error) { return "x", nil }}
	for range maxBatch + 5 {
		if err := many.handle(t.Context(), listener.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(many.lines) != maxBatch || many.lost != 5 {
		t.Errorf("%d lines, %d lost", len(many.lines), many.lost)
	}
}

func TestABatchBySendmail(t *testing.T) {
	command, file := sendmail(t)
	newBench(recorded{"PROCESS_STATE_FATAL", fatal}).run("fatalmailbatch", "-t", "a@b", "-f", "c@d", "--sendmail_program", command)
	if got := read(t, file); !strings.HasPrefix(got, "From: c@d\nTo: a@b\nSubject: Fatal start alert from supervisord\n\n2026-") {
		t.Errorf("mailed %q", got)
	}
}

func TestBatchOptions(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
	}{
		{"", 1}, {"-t a@b", 1}, {"-f a@b", 1}, {"-t a@b -f c@d -e PROCESS_STATE", 1}, {"-t a@b -f c@d -i x", 2}, {"-t a@b -f c@d more", 2}, {"-t", 2},
		{"-t a@b -f c@d --passwordFile /nonexistent", 2},
	} {
		if b := newBench().run(append([]string{"crashmailbatch"}, strings.Fields(c.args)...)...); b.status != c.status || b.stderr.String() == "" {
			t.Errorf("%q: status %d, %s", c.args, b.status, b.stderr.String())
		}
	}
}
