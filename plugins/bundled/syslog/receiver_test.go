package syslog

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// parsed is a message of RFC 5424, taken apart by its grammar (section 6) and nothing else.
type parsed struct {
	pri                      int
	time                     time.Time
	host, app, proc, id, sd  string
	params                   map[string]string
	text                     string
	raw                      string
	facility, severity, size int
}

var header = regexp.MustCompile(`^<(0|[1-9][0-9]{0,2})>1 ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})) ` +
	`([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `)

func parse(raw string) (parsed, error) {
	m := header.FindStringSubmatch(raw)
	if m == nil {
		return parsed{}, fmt.Errorf("no header of RFC 5424: %.300q", raw)
	}
	p := parsed{host: m[3], app: m[4], proc: m[5], id: m[6], params: map[string]string{}, raw: raw, size: len(raw)}
	p.pri, _ = strconv.Atoi(m[1])
	p.facility, p.severity = p.pri/8, p.pri%8
	if p.pri > 191 {
		return p, fmt.Errorf("PRI %d", p.pri)
	}
	var err error
	if p.time, err = time.Parse(time.RFC3339Nano, m[2]); err != nil {
		return p, err
	}
	rest := raw[len(m[0]):]
	if strings.HasPrefix(rest, "[") {
		if rest, err = p.data(rest[1:]); err != nil {
			return p, fmt.Errorf("%w in %.400q", err, raw)
		}
	} else if !strings.HasPrefix(rest, "-") {
		return p, fmt.Errorf("no structured data: %.300q", raw)
	} else {
		rest = rest[1:]
	}
	if rest != "" && rest[0] != ' ' {
		return p, fmt.Errorf("%.20q behind the structured data", rest)
	}
	p.text = strings.TrimPrefix(rest, " ")
	if !utf8.ValidString(raw) || strings.ContainsAny(raw, "\x00\n") {
		return p, fmt.Errorf("bytes that must not be: %.300q", raw)
	}
	return p, nil
}

// data reads one element of structured data, behind its bracket.
func (p *parsed) data(s string) (rest string, err error) {
	name := regexp.MustCompile(`^[!#-<>-\\^-~]{1,32}`)
	p.sd = name.FindString(s)
	if p.sd == "" {
		return "", errors.New("no SD-ID")
	}
	s = s[len(p.sd):]
	for strings.HasPrefix(s, " ") {
		key := name.FindString(s[1:])
		s = s[1+len(key):]
		if key == "" || !strings.HasPrefix(s, `="`) {
			return "", errors.New("no parameter")
		}
		s = s[2:]
		var value strings.Builder
		for {
			if s == "" || s[0] == ']' {
				return "", errors.New("a value without its end")
			}
			if s[0] == '"' {
				break
			}
			if s[0] == '\\' && len(s) > 1 && strings.ContainsRune(`"\]`, rune(s[1])) {
				s = s[1:]
			}
			value.WriteByte(s[0])
			s = s[1:]
		}
		p.params[key], s = value.String(), s[1:]
	}
	if !strings.HasPrefix(s, "]") {
		return "", errors.New("no end of the structured data")
	}
	return s[1:], nil
}

// receiver takes messages over some transport, and parts streams as RFC 6587 says.
type receiver struct {
	address string

	mu    sync.Mutex
	got   []string
	wrong []error
	conns []net.Conn
	close func()
}

func (r *receiver) take(raw string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, raw)
}

func (r *receiver) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, err)
}

func (r *receiver) all(t *testing.T) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.wrong {
		t.Error(err)
	}
	return append([]string{}, r.got...)
}

// wait waits for n messages and takes them out.
func (r *receiver) wait(t *testing.T, n int) []string {
	t.Helper()
	testkit.Await(t, func() bool { return len(r.all(t)) >= n || t.Failed() }, func() string { return fmt.Sprintf("%d messages of %d", len(r.all(t)), n) })
	got := r.all(t)
	if len(got) > n {
		t.Fatalf("%d messages have come, want %d: %.2000q", len(got), n, got)
	}
	r.mu.Lock()
	r.got = nil
	r.mu.Unlock()
	return got
}

// parsedOnes is wait, for messages of RFC 5424.
func (r *receiver) parsedOnes(t *testing.T, n int) []parsed {
	t.Helper()
	var all []parsed
	for _, raw := range r.wait(t, n) {
		p, err := parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// drop closes all connections, as a receiver that restarts does.
func (r *receiver) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

// listen starts a receiver: network is udp, unixgram, tcp, unix or tls.
func listen(t *testing.T, network, address, framing string, conf *tls.Config) *receiver {
	t.Helper()
	r := &receiver{}
	if network == "udp" || network == "unixgram" {
		conn, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		r.address = conn.LocalAddr().String()
		r.start(t, func() { _ = conn.Close() }, func() {
			buf := make([]byte, 1<<20)
			for {
				n, _, err := conn.ReadFrom(buf)
				if err != nil {
					return
				}
				r.take(string(buf[:n]))
			}
		})
		return r
	}
	kind := network
	if network == "tls" {
		kind = "tcp"
	}
	l, err := net.Listen(kind, address)
	if err != nil {
		t.Fatal(err)
	}
	r.address = l.Addr().String()
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	var open sync.WaitGroup
	r.start(t, func() { _ = l.Close(); r.drop(); open.Wait() }, func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, conn)
			r.mu.Unlock()
			open.Go(func() {
				defer conn.Close() //nolint:errcheck // a test
				r.read(bufio.NewReaderSize(conn, 2<<20), framing)
			})
		}
	})
	return r
}

func (r *receiver) start(t *testing.T, stop, loop func()) {
	done := make(chan struct{})
	go func() { defer close(done); loop() }()
	r.close = sync.OnceFunc(func() { stop(); <-done })
	t.Cleanup(r.close)
}

func (r *receiver) read(in *bufio.Reader, framing string) {
	for {
		var raw []byte
		var err error
		if framing == "octet" {
			var length string
			if length, err = in.ReadString(' '); err == nil {
				var n int
				if n, err = strconv.Atoi(strings.TrimSuffix(length, " ")); err != nil {
					r.fail(fmt.Errorf("%q is no length", length))
					return
				}
				raw = make([]byte, n)
				_, err = io.ReadFull(in, raw)
			}
		} else {
			mark := byte('\n')
			if framing == "nul" {
				mark = 0
			}
			raw, err = in.ReadBytes(mark)
			raw = bytes.TrimSuffix(raw, []byte{mark})
		}
		if err != nil {
			return // what breaks off is no message
		}
		r.take(string(raw))
	}
}

func socketPath(t *testing.T) string { return filepath.Join(testkit.Dir(t), "log") }
