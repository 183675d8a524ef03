package email

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"

	"github.com/hark-supervisor/hark/sdk"
	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// maxAnswers is how much a server may say in one session, in bytes: its certificates, its extensions and a line for each recipient.
const maxAnswers = 256 << 10

// maxWords is how much of it an error quotes, in bytes.
const maxWords = 500

// smtpAgent hands mail to an SMTP server, by a connection for each.
type smtpAgent struct {
	c   config
	tls *tls.Config
}

// send implements agent.
func (a *smtpAgent) send(ctx context.Context, from string, to []string, mail []byte) (map[string]error, error) {
	link := &link{a: a}
	defer link.close()
	// The library respects ctx only while it connects.
	stop := context.AfterFunc(ctx, link.close)
	defer stop()

	refused, err := a.talk(ctx, link, from, to, mail)
	switch {
	case err == nil:
		return refused, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s did not answer in time: %w", a.c.Server, ctx.Err())
	case isFinal(err):
		return nil, sdk.Final(fmt.Errorf("%s: %w", a.c.Server, a.quote(err)))
	}
	return nil, fmt.Errorf("%s: %w", a.c.Server, a.quote(err))
}

// quote shortens the server's text, and removes the forms in which AUTH has sent the password: some servers repeat it.
func (a *smtpAgent) quote(err error) error {
	text := err.Error()
	if user, password := a.c.Username, a.c.Password; password != "" {
		for _, s := range []string{"\x00" + user + "\x00" + password, "user=" + user + "\x01auth=Bearer " + password + "\x01\x01", password} {
			text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(s)), "[secret]")
		}
	}
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + " …"
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// link is the connection, which the library leaves open after some errors.
type link struct {
	a      *smtpAgent
	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn = &bounded{Conn: conn, left: maxAnswers}
	if l.a.c.Security == "tls" {
		secure := tls.Client(conn, l.a.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secure
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return nil, context.Canceled
	}
	l.conn = conn
	return conn, nil
}

// bounded is a connection that ends when the server has said too much: the library reads lines, and answers of many lines, whole.
type bounded struct {
	net.Conn
	left int // only the library's one session reads
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

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// talk is one session. Recipients are refused one by one; what else goes wrong is wrong for all.
func (a *smtpAgent) talk(ctx context.Context, l *link, from string, to []string, mail []byte) (map[string]error, error) {
	client, err := gomail.NewClient(a.c.host, a.options(l)...)
	if err != nil {
		return nil, err
	}
	s, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, clarify(err)
	}
	if err := s.Mail("<" + from + ">"); err != nil {
		return nil, fmt.Errorf("the sender is refused: %w", err)
	}
	refused := map[string]error{}
	for _, address := range to {
		err := s.Rcpt("<" + address + ">")
		var answer *textproto.Error
		if err != nil && !errors.As(err, &answer) {
			return nil, err // the connection is gone
		}
		if err != nil {
			answer.Msg = a.quote(errors.New(answer.Msg)).Error()
			refused[address] = err
		}
	}
	if len(refused) == len(to) {
		_ = s.Quit()
		return refused, nil
	}
	if err := data(s, mail); err != nil {
		return nil, fmt.Errorf("the mail is refused: %w", err)
	}
	_ = s.Quit() // it is delivered, however the server says good-bye
	return refused, nil
}

func data(s *smtp.Client, mail []byte) error {
	w, err := s.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(mail); err != nil {
		return err
	}
	return w.Close()
}

func (a *smtpAgent) options(l *link) []gomail.Option {
	o := []gomail.Option{
		gomail.WithPort(a.c.port), gomail.WithTimeout(a.c.Timeout), gomail.WithHELO(a.c.Helo),
		gomail.WithDialContextFunc(l.dial), gomail.WithTLSConfig(a.tls), gomail.WithoutSMTPUTF8(),
	}
	switch a.c.Security {
	case "starttls":
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "opportunistic":
		o = append(o, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case "tls":
		o = append(o, gomail.WithSSL())
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if a.c.Username == "" {
		return o
	}
	o = append(o, gomail.WithUsername(a.c.Username), gomail.WithPassword(a.c.Password))
	return append(o, a.mechanism())
}

// mechanism returns how to send the password. On an unprotected connection it is sent in the clear only if security = none allows that and the server offers nothing better.
func (a *smtpAgent) mechanism() gomail.Option {
	open := a.c.Security == "none"
	switch a.c.Auth {
	case "plain":
		if open {
			return gomail.WithSMTPAuth(gomail.SMTPAuthPlainNoEnc)
		}
		return gomail.WithSMTPAuth(gomail.SMTPAuthPlain)
	case "login":
		if open {
			return gomail.WithSMTPAuth(gomail.SMTPAuthLoginNoEnc)
		}
		return gomail.WithSMTPAuth(gomail.SMTPAuthLogin)
	case "cram-md5":
		return gomail.WithSMTPAuth(gomail.SMTPAuthCramMD5)
	case "scram-sha-1":
		return gomail.WithSMTPAuth(gomail.SMTPAuthSCRAMSHA1)
	case "scram-sha-256":
		return gomail.WithSMTPAuth(gomail.SMTPAuthSCRAMSHA256)
	case "xoauth2":
		return gomail.WithSMTPAuth(gomail.SMTPAuthXOAUTH2)
	}
	// Auto-discovery also tries channel binding and NTLM, which fail with some servers that offer them.
	mechanisms := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5}
	if open {
		mechanisms = append(mechanisms, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc)
	} else {
		mechanisms = append(mechanisms, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin)
	}
	return gomail.WithOpportunisticSMTPAuth(mechanisms...)
}

// clarify says what to do about what people meet when they set it up.
func clarify(err error) error {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return fmt.Errorf("its certificate is not trusted: %w (tls_ca names the authority)", certificate.Err)
	case errors.As(err, &record):
		return fmt.Errorf("it does not speak TLS from the start: security = starttls, or another port: %w", err)
	}
	return err
}
