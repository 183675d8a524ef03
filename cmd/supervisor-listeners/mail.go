package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	smtp "github.com/wneessen/go-mail"
)

const (
	defaultSendmail = "/usr/sbin/sendmail -t -i"
	// mailTime bounds the sending of one mail.
	mailTime = 60 * time.Second
	smtpPort = 25
	// maxAnswers is how much a mail server may say, in bytes: the library reads its lines, and answers of many lines, whole.
	maxAnswers = 256 << 10
)

// mailer sends mail: by SMTP where a server is named, else through a command as
// sendmail is one.
type mailer struct {
	s        surroundings
	to       []string
	from     string
	sendmail string

	smtpHost     string // host or host:port
	userName     string
	password     string
	passwordFile string
	tls          bool
	tlsNoVerify  bool
}

// smtpOptions are those of Superlance's batch listeners; the others have them here
// too. The password may also stand in a file, since a command line is seen by all.
func (m *mailer) smtpOptions() []option {
	return []option{
		textOption(0, "smtpHost", &m.smtpHost),
		textOption(0, "fromEmail", &m.from),
		textOption(0, "userName", &m.userName),
		textOption(0, "password", &m.password),
		textOption(0, "passwordFile", &m.passwordFile),
		flagOption(0, "tls", &m.tls),
		flagOption(0, "tlsNoVerify", &m.tlsNoVerify),
	}
}

const smtpHelp = `
Mail is sent by the sendmail command, or by SMTP with these options:
  --smtpHost HOST[:PORT]  the server; port 25
  --fromEmail ADDRESS     the sender
  --userName NAME         with --password PASSWORD or --passwordFile FILE
  --tls                   require STARTTLS; --tlsNoVerify accepts any certificate
`

// finish reads the password file.
func (m *mailer) finish() error {
	if m.passwordFile != "" {
		b, err := os.ReadFile(m.passwordFile)
		if err != nil {
			return fmt.Errorf("cannot read the password: %w", err)
		}
		m.password = strings.TrimRight(string(b), "\r\n")
	}
	if m.smtpHost != "" && m.from == "" {
		return errors.New("--smtpHost requires --fromEmail")
	}
	return nil
}

// addresses splits a list of addresses.
func addresses(list string) []string {
	var all []string
	for a := range strings.SplitSeq(list, ",") {
		if a = strings.TrimSpace(a); a != "" {
			all = append(all, a)
		}
	}
	return all
}

// oneLine keeps what goes into a header from starting another.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// send sends one mail; without anybody to send to it does nothing.
func (m *mailer) send(ctx context.Context, subject, text string) error {
	if len(m.to) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	subject = oneLine(subject)
	if m.smtpHost != "" {
		if err := m.bySMTP(ctx, subject, text); err != nil {
			return fmt.Errorf("cannot mail by %s: %w", m.smtpHost, err)
		}
		return nil
	}
	if err := m.byCommand(ctx, subject, text); err != nil {
		return fmt.Errorf("cannot mail by %q: %w", m.sendmail, err)
	}
	return nil
}

// byCommand passes the mail to a shell command. Its lines are Superlance's; a text that is
// not ASCII is marked so.
func (m *mailer) byCommand(ctx context.Context, subject, text string) error {
	head := "To: " + oneLine(strings.Join(m.to, ", ")) + "\n"
	if m.from != "" {
		head = "From: " + oneLine(m.from) + "\n" + head
	}
	encoded := mime.QEncoding.Encode("utf-8", subject)
	head += "Subject: " + encoded + "\n"
	if encoded != subject || strings.IndexFunc(text, func(r rune) bool { return r > '~' }) >= 0 {
		head += "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
	}
	mail := head + "\n" + text
	if err := runShell(ctx, m.s, m.sendmail, mail); err != nil {
		return err
	}
	m.s.logf("Mailed:\n\n%s", mail)
	return nil
}

// runShell runs a shell command line with an input; what it prints goes to stderr.
func runShell(ctx context.Context, s surroundings, line, input string, args ...string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", line, "sh"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Stdout, cmd.Stderr = s.stderr, s.stderr
	cmd.WaitDelay = time.Second // for what the command left behind with our pipes
	return cmd.Run()
}

func (m *mailer) bySMTP(ctx context.Context, subject, text string) error {
	msg := smtp.NewMsg(smtp.WithNoDefaultUserAgent())
	if err := msg.From(qualified(m.from)); err != nil {
		return err
	}
	to := make([]string, len(m.to))
	for i := range m.to {
		to[i] = qualified(m.to[i])
	}
	if err := msg.To(to...); err != nil {
		return err
	}
	if subject != "" {
		msg.Subject(subject)
	}
	msg.SetDate()
	msg.SetMessageID()
	msg.SetBodyString(smtp.TypeTextPlain, text)

	host, port := m.smtpHost, smtpPort
	if h, p, err := net.SplitHostPort(m.smtpHost); err == nil {
		if port, err = strconv.Atoi(p); err != nil {
			return fmt.Errorf("cannot use port %q", p)
		}
		host = h
	}
	var conn net.Conn // which the library leaves open after some errors
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	dial := func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		var d net.Dialer
		if conn, err = d.DialContext(ctx, network, address); err != nil {
			return nil, err
		}
		return &bounded{Conn: conn, left: maxAnswers}, nil
	}
	options := []smtp.Option{smtp.WithPort(port), smtp.WithTimeout(mailTime), smtp.WithTLSPolicy(smtp.NoTLS), smtp.WithDialContextFunc(dial)}
	if m.tls {
		options = append(options, smtp.WithTLSPolicy(smtp.TLSMandatory), smtp.WithTLSConfig(&tls.Config{
			ServerName: host, MinVersion: tls.VersionTLS12,
			InsecureSkipVerify: m.tlsNoVerify, //nolint:gosec // asked for by name
		}))
	}
	if m.userName != "" && m.password != "" {
		options = append(options, smtp.WithUsername(m.userName), smtp.WithPassword(m.password))
		if m.tls {
			options = append(options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover))
		} else { // as Superlance, in the clear where the server offers no better
			options = append(options, smtp.WithOpportunisticSMTPAuth(smtp.SMTPAuthSCRAMSHA256, smtp.SMTPAuthSCRAMSHA1,
				smtp.SMTPAuthCramMD5, smtp.SMTPAuthPlainNoEnc, smtp.SMTPAuthLoginNoEnc))
		}
	}
	client, err := smtp.NewClient(host, options...)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, msg)
}

// bounded is a connection that ends when the server has said too much.
type bounded struct {
	net.Conn
	left int // one goroutine reads
}

// Read implements net.Conn.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it sends more than %d KB, which is not SMTP", maxAnswers>>10)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// qualified completes an address without a domain, such as root, with that of this host.
func qualified(address string) string {
	if strings.Contains(address, "@") {
		return address
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	return address + "@" + host
}
