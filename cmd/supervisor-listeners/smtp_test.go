package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// smtpServer takes mail by SMTP and keeps it.
type smtpServer struct {
	address string
	conf    *tls.Config // nil: no STARTTLS
	login   string      // base64 of what AUTH PLAIN must say; "" for no AUTH
	refuse  bool        // whether to refuse all recipients

	mu    sync.Mutex
	mails []string // envelope and message
}

func startSMTP(t *testing.T, s *smtpServer) *smtpServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return s
}

func (s *smtpServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.mails...)
}

func (s *smtpServer) talk(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	say := func(lines ...string) { _, _ = fmt.Fprint(conn, strings.Join(lines, "\r\n")+"\r\n") }
	say("220 test ESMTP")
	envelope, secure := "", false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			lines := []string{"250-test", "250-8BITMIME"}
			if s.conf != nil && !secure {
				lines = append(lines, "250-STARTTLS")
			}
			if s.login != "" {
				lines = append(lines, "250-AUTH PLAIN")
			}
			say(append(lines, "250 HELP")...)
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, s.conf)
			in, secure = bufio.NewReader(conn), true
		case "AUTH":
			if line != "AUTH PLAIN "+s.login {
				say("535 no")
				return
			}
			envelope += "AUTH\n"
			say("235 yes")
		case "MAIL", "RCPT":
			if s.refuse && verb == "RCPT" {
				say("550 nobody")
				continue
			}
			envelope += line + "\n"
			say("250 ok")
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimRight(l, "\r\n") + "\n")
			}
			s.mu.Lock()
			s.mails = append(s.mails, fmt.Sprintf("tls=%v\n%s\n%s", secure, envelope, text.String()))
			s.mu.Unlock()
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func selfSigned(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

func TestMailBySMTP(t *testing.T) {
	login := base64.StdEncoding.EncodeToString([]byte("\x00me\x00secret"))
	for name, c := range map[string]struct {
		login string // what the server wants
		mail  mailer
		want  []string
		err   string
	}{
		"plain": {"", mailer{}, []string{"tls=false\nMAIL FROM:<me@bar.com>", "RCPT TO:<you@bar.com>\nRCPT TO:<root@", "Subject: Crash", "\n\nline one\nžluť"}, ""},
		"with a password in the clear": {login, mailer{userName: "me", password: "secret"},
			[]string{"tls=false\nAUTH\nMAIL"}, ""},
		"with a password over TLS": {login, mailer{userName: "me", password: "secret", tls: true, tlsNoVerify: true},
			[]string{"tls=true\nAUTH\nMAIL"}, ""},
		"a wrong password":        {login, mailer{userName: "me", password: "wrong"}, nil, "AUTH failed"},
		"a certificate of others": {"", mailer{tls: true}, nil, "certificate"},
		"TLS that is not there":   {"", mailer{tls: true}, nil, "STARTTLS"},
		"nobody there":            {"", mailer{}, nil, "550"},
	} {
		t.Run(name, func(t *testing.T) {
			server := &smtpServer{login: c.login, refuse: name == "nobody there"}
			if name != "TLS that is not there" {
				server.conf = selfSigned(t)
			}
			startSMTP(t, server)
			b := newBench()
			m := c.mail
			m.s, m.smtpHost, m.from, m.to = b.surroundings, server.address, "me@bar.com", []string{"you@bar.com", "root"}
			err := m.send(context.Background(), "Crash", "line one\nžluť\n.\n")
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret") || len(server.got()) != 0 {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || len(server.got()) != 1 {
				t.Fatalf("%v, %q", err, server.got())
			}
			got := strings.ReplaceAll(server.got()[0], "=C5=BE", "ž")
			got = strings.ReplaceAll(got, "=C5=A5", "ť")
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in\n%s", want, got)
				}
			}
			for _, header := range []string{"\nDate: ", "\nMessage-ID: ", "\nFrom: ", "\nTo: "} {
				if !strings.Contains(got, header) {
					t.Errorf("%q is missing in\n%s", header, got)
				}
			}
		})
	}
}

// A server that never stops talking is cut off, instead of being listened to until the time is up.
func TestAMailServerWithoutEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for err == nil {
				_, err = c.Write([]byte(strings.Repeat("220-and so on\r\n", 300)))
			}
			_ = c.Close()
		}
	}()
	b := newBench()
	m := mailer{s: b.surroundings, to: []string{"x@y"}, from: "z@y", smtpHost: l.Addr().String()}
	if err := m.send(context.Background(), "s", "t"); err == nil || !strings.Contains(err.Error(), "sends more than") {
		t.Errorf("%.300v", err)
	}
	_ = l.Close()
	<-done
}

func TestMailOptions(t *testing.T) {
	if err := (&mailer{smtpHost: "x"}).finish(); err == nil {
		t.Error("SMTP without a sender")
	}
	m := mailer{passwordFile: "/nonexistent"}
	if err := m.finish(); err == nil {
		t.Error("no password file")
	}
	b := newBench()
	m = mailer{s: b.surroundings, to: []string{"x@y"}, from: "z@y", smtpHost: "127.0.0.1:x"}
	if err := m.send(context.Background(), "s", "t"); err == nil {
		t.Error("a port that is none")
	}
}
