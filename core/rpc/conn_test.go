package rpc

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// chunks gives its data in pieces cut at the given places.
type chunks struct{ pieces []string }

func (c *chunks) Read(b []byte) (int, error) {
	if len(c.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.pieces[0])
	if c.pieces[0] = c.pieces[0][n:]; c.pieces[0] == "" {
		c.pieces = c.pieces[1:]
	}
	return n, nil
}

// mended reads as conn.Read does.
type mended struct {
	r io.Reader
	m hostMender
}

func (c *mended) Read(b []byte) (int, error) {
	n, err := c.r.Read(b[:len(b)-len(insertedHost)])
	if !c.m.done {
		n = c.m.mend(b, n, true)
	}
	return n, err
}

func TestHostsAreMendedHoweverTheyArrive(t *testing.T) {
	const body = "\nHost: /a/b\n\r\n\r\nhost: {}"
	for _, tt := range []struct{ name, header, host string }{
		{"a good host", "POST / HTTP/1.1\r\nHost: localhost:9001\r\nX-Host: /a\r\nContent-Length: 24\r\n\r\n", "localhost:9001"},
		{"a path", "POST /Host:/x HTTP/1.1\r\nContent-Length: 24\r\nhOST:/var/run/s.sock\r\nHostx: y\r\n\r\n", ".var.run.s.sock"},
		{"leading empty lines", "\r\n\r\nPOST / HTTP/1.1\r\nHost: a/b\r\nContent-Length: 24\r\n\r\n", "a.b"},
		{"bare line feeds", "POST / HTTP/1.1\nHost: a/b\nContent-Length: 24\n\n", "a.b"},
		{"UTF-8", "POST / HTTP/1.1\r\nHost: ž\r\nContent-Length: 24\r\n\r\n", ".."},
		{"none", "POST / HTTP/1.1\r\nContent-Length: 24\r\n\r\n", "localhost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			whole := tt.header + body
			for cut := range len(whole) {
				if tt.host == "localhost" && (cut == len(tt.header)-1) {
					continue // between the last two bytes nothing can be inserted any more
				}
				r := &mended{r: &chunks{pieces: []string{whole[:cut], whole[cut:]}}}
				if cut == 0 {
					r = &mended{r: strings.NewReader(whole)}
				}
				br := bufio.NewReader(r)
				for { // as net/http does
					if b, err := br.Peek(1); err != nil || b[0] != '\r' && b[0] != '\n' {
						break
					}
					_, _ = br.Discard(1)
				}
				req, err := http.ReadRequest(br)
				if err != nil {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				got, err := io.ReadAll(req.Body)
				if req.Host != tt.host || string(got) != body || err != nil {
					t.Fatalf("cut at %d: host %q, body %q, %v", cut, req.Host, got, err)
				}
			}
		})
	}
}

// Only bytes of a Host value change, and never the length but by one insertion.
func FuzzHostMender(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: /a\r\n\r\nbody", 5)
	f.Add("\n\nGET /\nhost", 3)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		cut = min(max(cut, 0), len(s))
		var m hostMender
		var out []byte
		for _, piece := range []string{s[:cut], s[cut:]} {
			if m.done {
				out = append(out, piece...)
				continue
			}
			b := make([]byte, len(piece)+len(insertedHost))
			n := m.mend(b, copy(b, piece), true)
			out = append(out, b[:n]...)
		}
		if grown := len(out) - len(s); grown != 0 {
			if grown != len(insertedHost) {
				t.Fatalf("grew by %d", grown)
			}
			before, after, _ := strings.Cut(string(out), insertedHost)
			out = []byte(before + after)
		}
		for i := range s {
			if out[i] != s[i] && out[i] != '.' {
				t.Fatalf("byte %d: %q became %q", i, s[i], out[i])
			}
		}
	})
}
