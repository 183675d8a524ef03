//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// ailing is a program whose end is told, and what a notifier says of it.
const ailing = `
[program:ailing]
command=/bin/sh -c 'exit 3'
startsecs=0
autorestart=false
[notifier:out]
events=PROCESS_STATE_EXITED
retry_delay=1
retry_max_delay=1
overflow=spool
spool_dir=DIR
title_template=žluťoučký {{.Worst.Text}}
body_template=.
	From here on: 日本語 🐎
	..two dots {{range .Events}}{{.Text}}{{end}} a line that is so long that nobody wants to have it in one piece, since mail has lines of at most 998 bytes, and this one goes on and on and on
	.
`

// email is a section that mails to somebody by a server or a sendmail.
func email(to, by string) string {
	return `plugin=email
security=none
from=hark@example.com
to=` + to + "\n" + by
}

// told are the parts that a mail about ailing must have.
func told() []string {
	return []string{"\nFrom here on: 日本語 🐎\n", "\n..two dots ailing exited unexpectedly with status 3", "goes on and on and on\n.\n"}
}

// letter is a mail's subject and text.
func letter(t *testing.T, raw []byte) (subject, text string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	return subject, plainPart(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
}

func plainPart(t *testing.T, kind, encoding string, body io.Reader) string {
	t.Helper()
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(media, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				t.Fatalf("there is no plain text: %v", err)
			}
			if kind := p.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
				return plainPart(t, kind, p.Header.Get("Content-Transfer-Encoding"), p)
			}
		}
	}
	if strings.EqualFold(encoding, "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// mailbox waits for n mails about ailing and checks them.
func mailbox(t *testing.T, n int, mails func() [][]byte) {
	t.Helper()
	daemontest.Until(t, fmt.Sprint(n, " mails"), func() bool { return len(mails()) >= n })
	all := mails()
	if len(all) != n {
		t.Errorf("%d mails have come, want %d", len(all), n)
	}
	for _, raw := range all {
		subject, text := letter(t, raw)
		if !strings.HasPrefix(subject, "žluťoučký ailing exited unexpectedly with status 3") {
			t.Errorf("the subject is %q", subject)
		}
		for _, part := range told() {
			if !strings.Contains("\n"+text, part) {
				t.Errorf("%q is not in %q", part, text)
			}
		}
	}
}

// startPostfix starts a Postfix of its own directories, which keeps mail for example.com in a directory.
func startPostfix(t *testing.T) (p *program, address, config string, mails func() [][]byte) {
	t.Helper()
	postfix := find(t, "postfix")
	if os.Getuid() != 0 {
		t.Skip("Postfix can only be started by root")
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Skip("there is no user postfix: make integration makes one")
	}
	dir := testkit.Dir(t)
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // several users work in it
		t.Fatal(err)
	}
	for _, sub := range []string{"etc", "queue", "data", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil { //nolint:gosec // as above
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"data", "mail"} {
		if out, err := exec.Command("chown", "postfix:", filepath.Join(dir, sub)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	port := freePort(t)
	config = filepath.Join(dir, "etc")
	write(t, filepath.Join(config, "main.cf"), `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.com
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.com
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:%[2]s
virtual_gid_maps = static:%[3]s
virtual_minimum_uid = 1
default_transport = error:nothing leaves this machine
smtpd_relay_restrictions = reject_unauth_destination
alias_maps =
`, dir, owner.Uid, owner.Gid)
	write(t, filepath.Join(config, "master.cf"), `127.0.0.1:%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
showq unix n - n - - showq
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`, port)
	for _, file := range []string{"main.cf", "master.cf"} {
		if err := os.Chmod(filepath.Join(config, file), 0o644); err != nil { //nolint:gosec // as above
			t.Fatal(err)
		}
	}
	p = &program{argv: []string{postfix, "-c", config, "start-fg"}}
	address = "127.0.0.1:" + port
	p.ready = func() bool { return listens(address) }
	p.start(t)
	return p, address, config, func() (all [][]byte) {
		entries, _ := os.ReadDir(filepath.Join(dir, "mail", "box", "new"))
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, "mail", "box", "new", e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
		return all
	}
}

func TestPostfix(t *testing.T) {
	t.Parallel()
	p, address, config, mails := startPostfix(t)
	d := startNotifier(t, email("ops@example.com", "server="+address))
	mailbox(t, 1, mails)
	p.stop(t)
	d.again() // while nobody takes it
	daemontest.Until(t, "the notifier to notice", func() bool { return d.notifier("last_error") != "" })
	p.start(t)
	mailbox(t, 2, mails)

	// a recipient that it refuses is told, and no mail is sent forever
	d = startNotifier(t, email("ops@elsewhere.example", "server="+address))
	daemontest.Until(t, "a dead letter", func() bool { return fmt.Sprint(d.notifier("dead_letters")) == "1" })
	if got := fmt.Sprint(d.notifier("last_error")); !strings.Contains(got, "Relay access denied") {
		t.Errorf("the last error is %q", got)
	}

	// and by its sendmail
	sendmail := write(t, filepath.Join(testkit.Dir(t), "sendmail"), "#!/bin/sh\nexec %s -C %s \"$@\"\n", find(t, "sendmail"), config)
	if err := os.Chmod(sendmail, 0o755); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	startNotifier(t, email("ops@example.com", "sendmail="+sendmail))
	mailbox(t, 3, mails)
}

func TestMailpit(t *testing.T) {
	t.Parallel()
	smtp, web := freePort(t), freePort(t)
	p := &program{argv: []string{
		find(t, "mailpit"), "--smtp", "127.0.0.1:" + smtp, "--listen", "127.0.0.1:" + web, "--database", filepath.Join(t.TempDir(), "db"),
		"--smtp-auth-accept-any", "--smtp-auth-allow-insecure", "--disable-version-check",
	}}
	p.ready = func() bool { return listens("127.0.0.1:"+smtp) && listens("127.0.0.1:"+web) }
	p.start(t)
	fetch := func(path string) []byte {
		resp, err := http.Get("http://127.0.0.1:" + web + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // it is only read
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %v", resp.StatusCode, err)
		}
		return b
	}
	mails := func() (all [][]byte) {
		var list struct {
			Messages []struct{ ID string }
		}
		if err := json.Unmarshal(fetch("/api/v1/messages"), &list); err != nil {
			t.Fatal(err)
		}
		for _, m := range list.Messages {
			all = append(all, fetch("/api/v1/message/"+m.ID+"/raw"))
		}
		return all
	}
	d := startNotifier(t, email("ops@example.com, boss@example.com", "server=127.0.0.1:"+smtp))
	mailbox(t, 1, mails)
	p.stop(t)
	d.again()
	daemontest.Until(t, "the notifier to notice", func() bool { return d.notifier("last_error") != "" })
	p.start(t)
	mailbox(t, 2, mails)
}
