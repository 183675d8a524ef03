package main

import (
	"strings"
	"testing"
)

const crashedAt = " crashed at 2026-03-04 12:30:05,678"

func TestCrashmail(t *testing.T) {
	const mail = "To: me@x\nSubject:  cat" + crashedAt + "\n\nProcess cat in group cats exited unexpectedly (pid 2766) from state RUNNING\n----\n"
	for name, c := range map[string]struct {
		args  []string
		event recorded
		want  string
	}{
		"any":             {[]string{"-a", "-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", crash}, mail},
		"without -p":      {[]string{"-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", crash}, mail},
		"its name":        {[]string{"-p", "dog", "-p", "cat", "-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", crash}, mail},
		"its namespec":    {[]string{"--program=cats:cat", "--email=me@x"}, recorded{"PROCESS_STATE_EXITED", crash}, mail},
		"another":         {[]string{"-p", "dog", "-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", crash}, ""},
		"any goes before": {[]string{"-p", "dog", "-a", "-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", crash}, mail},
		"a prefix": {[]string{"-o", "host", "-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", crash},
			strings.Replace(mail, "Subject:  cat", "Subject: host: cat", 1)},
		"several addressees": {[]string{"-m", "me@x, you@y"}, recorded{"PROCESS_STATE_EXITED", crash},
			strings.Replace(mail, "To: me@x", "To: me@x, you@y", 1)},
		"an expected exit": {[]string{"-a", "-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", expected}, ""},
		"another event":    {[]string{"-a", "-m", "me@x"}, recorded{"TICK_5", "when:5"}, ""},
		"nobody to mail":   {[]string{"-a"}, recorded{"PROCESS_STATE_EXITED", crash}, ""},
		"a name beyond ASCII": {[]string{"-m", "me@x"}, recorded{"PROCESS_STATE_EXITED", strings.ReplaceAll(crash, "cat ", "kočka ")},
			"To: me@x\nSubject: =?utf-8?q?_ko=C4=8Dka" + "_crashed_at_2026-03-04_12:30:05,678?=\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" +
				"Process kočka in group cats exited unexpectedly (pid 2766) from state RUNNING\n----\n"},
	} {
		t.Run(name, func(t *testing.T) {
			command, file := sendmail(t)
			b := newBench(c.event).run(append([]string{"crashmail", "-s", command}, c.args...)...)
			if got := read(t, file); b.status != 0 || got != c.want || b.results() != "OK" {
				t.Errorf("status %d, said %q, mailed\n%s\nwant\n%s", b.status, b.results(), got, c.want)
			}
		})
	}
}

func TestCrashmailRejectsWhatItCannotMail(t *testing.T) {
	// As supervisord sends it again, here it is sent four times with serials of its
	// own, so none is given up.
	e := recorded{"PROCESS_STATE_EXITED", crash}
	b := newBench(e, e).run("crashmail", "-s", "cat >/dev/null; exit 3", "-m", "x@y")
	if b.results() != "FAIL FAIL" {
		t.Errorf("said %q, logged %s", b.results(), b.stderr.String())
	}
	b = newBench(e).run("crashmail", "-s", "exit 0", "-m", "x@y") // one that doesn't read its input
	if b.results() != "OK" {
		t.Errorf("said %q, logged %s", b.results(), b.stderr.String())
	}
}

func TestCrashmailBySMTP(t *testing.T) {
	server := startSMTP(t, &smtpServer{})
	b := newBench(recorded{"PROCESS_STATE_EXITED", crash}).run("crashmail", "-m", "me@x", "--smtpHost", server.address, "--fromEmail", "hark@x")
	if mails := server.got(); b.results() != "OK" || len(mails) != 1 || !strings.Contains(mails[0], "Subject:  cat"+crashedAt) {
		t.Errorf("said %q, mailed %q, logged %s", b.results(), mails, b.stderr.String())
	}
}
