package rpc

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// chunks gives its data in pieces cut at the given places.
type chunks struct{ pieces []string }

func (c *chunks) Read(b []byte) (int, error) {
	for len(c.pieces) > 0 && c.pieces[0] == "" {
		c.pieces = c.pieces[1:]
	}
	if len(c.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.pieces[0])
	c.pieces[0] = c.pieces[0][n:]
	return n, nil
}

// mended reads as conn.Read does.
type mended struct {
	r io.Reader
	m hostMender
}

func (c *mended) Read(b []byte) (int, error) {
	n, err := c.r.Read(b[:c.m.room(len(b))])
	return c.m.mend(b, n), err
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
				skipLines(br)
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

// skipLines passes over empty lines before a request, as net/http does.
func skipLines(br *bufio.Reader) {
	for {
		if b, err := br.Peek(1); err != nil || b[0] != '\r' && b[0] != '\n' {
			return
		}
		_, _ = br.Discard(1)
	}
}

// Requests that follow one another on a connection keep their bodies, wherever the segments end.
func TestBodiesOfPipelinedRequestsAreNotMended(t *testing.T) {
	type request struct{ header, body, host string }
	const trap = "\nHost: /a/b\n\r\n\r\nhost: {}POST / HTTP/1.1\r\n\r\n"
	requests := []request{
		{"POST / HTTP/1.1\r\nHost: /a\r\nContent-Length: %d\r\n\r\n", trap, ".a"},
		{"GET / HTTP/1.1\r\n\r\n", "", "localhost"},
		{"POST / HTTP/1.1\r\ncontent-length: 0%d \r\nHost: b/\r\n\r\n", trap, "b."},
		{"\r\nPOST / HTTP/1.1\nContent-Length: %d\nHost: c\n\n", "x", "c"},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %[1]d\r\nContent-Length: %[1]d\r\n\r\n", trap, "x"},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\t%d\r\n\r\n", strings.Repeat(trap, 300), "x"},
		{"GET / HTTP/1.1\r\nHost: /end\r\n\r\n", "", ".end"},
	}
	var whole strings.Builder
	var ends []int
	for _, r := range requests {
		if strings.Contains(r.header, "%") {
			r.header = fmt.Sprintf(r.header, len(r.body))
		}
		whole.WriteString(r.header)
		ends = append(ends, whole.Len())
		whole.WriteString(r.body)
	}
	all := whole.String()
	for cut := range len(all) {
		if slices.Contains(ends, cut+1) {
			continue // between the last two bytes of a header nothing can be inserted any more
		}
		br := bufio.NewReader(&mended{r: &chunks{pieces: []string{all[:cut], all[cut:]}}})
		for i, want := range requests {
			skipLines(br)
			req, err := http.ReadRequest(br)
			if err != nil {
				t.Fatalf("cut at %d, request %d: %v", cut, i, err)
			}
			got, err := io.ReadAll(req.Body)
			if req.Host != want.host || string(got) != want.body || err != nil {
				t.Fatalf("cut at %d, request %d: host %q, body %q, %v", cut, i, req.Host, got, err)
			}
		}
	}
}

// What follows a body whose end is not known here stays as it is.
func TestNothingIsMendedBehindAChunkedBody(t *testing.T) {
	const rest = "a\r\nHost: /x\r\n\r\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: /y\r\n\r\n"
	for _, header := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
	} {
		got, err := io.ReadAll(&mended{r: strings.NewReader(header + rest)})
		if string(got) != header+rest || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// Only bytes of a Host value change, and never the length but by Host headers inserted.
func FuzzHostMender(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: /a\r\n\r\nbody", 5)
	f.Add("\n\nGET /\nhost", 3)
	f.Add("a\nContent-Length: 5\n\n12345b\n\nc\r\n\r\n", 25)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		cut = min(max(cut, 0), len(s))
		got, err := io.ReadAll(&mended{r: &chunks{pieces: []string{s[:cut], s[cut:]}}})
		if err != nil {
			t.Fatal(err)
		}
		out := string(got)
		for i := range len(s) {
			if out != "" && out[0] != s[i] && out[0] != '.' || strings.HasPrefix(out, insertedHost) && !strings.HasPrefix(s[i:], insertedHost) {
				out = strings.TrimPrefix(out, insertedHost)
			}
			if out == "" || out[0] != s[i] && out[0] != '.' {
				t.Fatalf("byte %d: %q became %.1q", i, s[i], out)
			}
			out = out[1:]
		}
		if out != "" {
			t.Fatalf("%q was added", out)
		}
	})
}

// net/http finds the same requests with the same bodies in what was mended, however they were cut.
func FuzzPipelinedRequests(f *testing.F) {
	f.Add("a\nHost: /\n\n", "", uint16(60), uint16(90))
	f.Fuzz(func(t *testing.T, first, second string, cut, cut2 uint16) {
		all := ""
		for _, body := range []string{first, second} {
			all += fmt.Sprintf("POST / HTTP/1.1\r\nHost: /\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		one := int(cut) % (len(all) + 1)
		two := one + int(cut2)%(len(all)-one+1)
		br := bufio.NewReader(&mended{r: &chunks{pieces: []string{all[:one], all[one:two], all[two:]}}})
		for _, body := range []string{first, second} {
			req, err := http.ReadRequest(br)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(req.Body); req.Host != "." || string(got) != body || err != nil {
				t.Fatalf("host %q, body %q, %v", req.Host, got, err)
			}
		}
	})
}
