package email

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/hashicorp/go-hclog"
)

// server is an SMTP server that keeps what it gets and refuses what it is told to.
type server struct {
	address string
	away    bool   // at an address to which a password is not told in the clear without being asked to
	secret  string // with which a user "me" has to log in; "" for no AUTH

	mu      sync.Mutex
	mails   []taken
	refuse  map[string]*smtp.SMTPError // by recipient; "DATA" and "MAIL" are refused there
	stalled chan struct{}              // not nil: DATA waits for it
}

type taken struct {
	from   string
	to     []string
	secure bool
	login  bool
	raw    []byte
}

// listen starts a server; implicit means TLS from the start, else conf is for STARTTLS.
func listen(t *testing.T, s *server, conf *tls.Config, implicit bool) *server {
	t.Helper()
	host := "127.0.0.1"
	if s.away {
		host = "127.0.0.2"
	}
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	s.refuse = map[string]*smtp.SMTPError{}
	daemon := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }))
	daemon.Domain, daemon.AllowInsecureAuth = "mx.example", true
	daemon.ErrorLog = hclog.NewNullLogger().StandardLogger(nil)
	if implicit {
		l = tls.NewListener(l, conf)
	} else {
		daemon.TLSConfig = conf
	}
	done := make(chan error, 1)
	go func() { done <- daemon.Serve(l) }()
	t.Cleanup(func() {
		_ = daemon.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

func (s *server) got() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]taken{}, s.mails...)
}

// refuses sets the answer to a recipient; code 0 takes it back.
func (s *server) refuses(what string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code == 0 {
		delete(s.refuse, what)
		return
	}
	s.refuse[what] = &smtp.SMTPError{Code: code, Message: "we say so"}
}

func (s *server) answer(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse[what]; err != nil {
		return err
	}
	return nil
}

type session struct {
	s     *server
	conn  *smtp.Conn
	login bool
	mail  taken
}

func (x *session) AuthMechanisms() []string {
	if x.s.secret == "" {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

func (x *session) Auth(mech string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != "me" || password != x.s.secret {
			// Some servers say what they got.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not " + strings.Join(inBase64(user, password), ", ")}
		}
		x.login = true
		return nil
	}
	if mech == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// inBase64 is how AUTH sends a password.
func inBase64(user, password string) []string {
	var all []string
	for _, s := range []string{password, "\x00" + user + "\x00" + password} {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(s)))
	}
	return all
}

// loginServer is LOGIN (draft-murchison-sasl-login), of which the library has the client only.
type loginServer struct {
	check func(user, password string) error
	user  string
	step  int
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (x *session) Reset()        { x.mail = taken{} }
func (x *session) Logout() error { return nil }

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	if x.s.secret != "" && !x.login {
		return smtp.ErrAuthRequired
	}
	_, secure := x.conn.TLSConnectionState()
	x.mail = taken{from: from, secure: secure, login: x.login}
	return x.s.answer("MAIL")
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := x.s.answer(to); err != nil {
		return err
	}
	x.mail.to = append(x.mail.to, to)
	return nil
}

func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	stalled := x.s.stalled
	x.s.mu.Unlock()
	if stalled != nil {
		<-stalled
		return errors.New("too late")
	}
	if err := x.s.answer("DATA"); err != nil {
		return err
	}
	x.mail.raw = raw
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.mails = append(x.s.mails, x.mail)
	return nil
}

// read is a mail as its reader sees it: headers, and the text of each alternative by its type.
func read(t *testing.T, raw []byte) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	parts := map[string]string{}
	var walk func(kind, encoding string, r io.Reader)
	walk = func(kind, encoding string, r io.Reader) {
		name, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "multipart/") {
			for all := multipart.NewReader(r, params["boundary"]); ; {
				p, err := all.NextRawPart()
				if errors.Is(err, io.EOF) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p)
			}
		}
		if strings.EqualFold(encoding, "quoted-printable") {
			r = quotedprintable.NewReader(r)
		}
		text, err := io.ReadAll(r)
		if err != nil || !strings.EqualFold(params["charset"], "utf-8") {
			t.Fatalf("%s: %v", kind, err)
		}
		parts[name] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	walk(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	return m.Header, parts
}
