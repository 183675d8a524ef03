package rpc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// said collects what the log is told.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, text)
}

func (s *said) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// total is how many wrong passwords the log mentions.
func (s *said) total() (n int) {
	for _, line := range s.all() {
		first, _, _ := strings.Cut(line, " ")
		if first == "a" {
			n++
			continue
		}
		count, err := strconv.Atoi(first)
		if err != nil {
			panic(line)
		}
		n += count
	}
	return n
}

func TestWrongPasswordsAreToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &said{}
		g := newGuesses(time.Second, NewLogins(), log.add)
		defer g.close()
		l := login{"10.0.0.1", "owner"}
		for range 5 {
			if !g.wasWrong(t.Context(), l, "inet_http_server") {
				t.Error("a wrong password was not to be answered")
			}
		}
		g.wasWrong(t.Context(), login{"10.0.0.2", "owner"}, "inet_http_server")
		want := []string{
			"a wrong user name or password from 10.0.0.1 for [inet_http_server]",
			"a wrong user name or password from 10.0.0.2 for [inet_http_server]",
		}
		if got := strings.Join(log.all(), "\n"); got != strings.Join(want, "\n") {
			t.Errorf("at first:\n%s", got)
		}
		time.Sleep(sayEvery + time.Second)
		synctest.Wait()
		want = append(want, "4 wrong user names or passwords within a minute from 10.0.0.1 for [inet_http_server]")
		if got := strings.Join(log.all(), "\n"); got != strings.Join(want, "\n") {
			t.Errorf("after a minute:\n%s", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(log.all()) != len(want) {
			t.Errorf("after an hour: %q", log.all())
		}
	})
}

func TestGuessesTakeTurnsAfterTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &said{}
		g := newGuesses(time.Second, NewLogins(), log.add)
		defer g.close()
		l := login{"10.0.0.1", "owner"}
		begun := time.Now()
		try := func() {
			if g.mayTry(t.Context(), l, func() {}) {
				g.wasWrong(t.Context(), l, "s")
			}
		}
		for range freeGuesses {
			try()
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("the first ten took %v", took)
		}
		for range 11 {
			try()
		}
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("eleven more took %v", took)
		}
		// Many at once gain nothing: what finds ten waiting is not looked at.
		time.Sleep(time.Second)
		begun = time.Now()
		looked := make(chan bool, 1000)
		for range cap(looked) {
			go func() { looked <- g.mayTry(t.Context(), l, func() {}) }()
		}
		// Meanwhile elsewhere, and with the right password where it has come from before, nobody waits.
		synctest.Wait()
		g.right.note(login{"10.0.0.1", "known"}, Control)
		if !g.mayTry(t.Context(), login{"10.0.0.2", "owner"}, func() {}) || !g.mayTry(t.Context(), login{"10.0.0.1", "known"}, func() {}) || time.Since(begun) != 0 {
			t.Errorf("others waited for %v", time.Since(begun))
		}
		n := 0
		for range cap(looked) {
			if <-looked {
				n++
			}
		}
		// One had its turn at once, and made room for another.
		if took := time.Since(begun); n != guessQueue && n != guessQueue+1 || took != time.Duration(n-1)*time.Second {
			t.Errorf("of many at once %d were looked at in %v", n, took)
		}
		time.Sleep(guessTime + time.Second)
		begun = time.Now()
		for range freeGuesses {
			try()
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("after a quiet time ten took %v", took)
		}
	})
}

// Where the right password came from, only the answers to wrong ones wait.
func TestWrongPasswordsBesideRightOnesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuesses(time.Second, NewLogins(), func(string) {})
		defer g.close()
		l := login{"10.0.0.1", "owner"}
		g.right.note(l, Control)
		begun := time.Now()
		for range freeGuesses + 6 {
			if !g.mayTry(t.Context(), l, func() {}) || !g.wasWrong(t.Context(), l, "s") {
				t.Error("it was not looked at")
			}
		}
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if g.wasWrong(ctx, l, "s") || time.Since(begun) != 5*time.Second {
			t.Error("it waited for a client that is gone")
		}
	})
}

// However many addresses there are: the table and the log stay small, and each wrong password is counted once.
func TestGuessesOfManyAddressesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &said{}
		g := newGuesses(time.Second, NewLogins(), log.add)
		const addresses = 3 * guessersKept
		for i := range addresses {
			l := login{fmt.Sprint("10.0.", i/256, ".", i%256), "owner"}
			if !g.mayTry(t.Context(), l, func() {}) || !g.wasWrong(t.Context(), l, "s") {
				t.Fatal("it was not looked at")
			}
			g.right.note(l, Control)
		}
		if len(g.wrong) > guessersKept || g.right.size() > guessersKept || len(log.all()) > sayMost {
			t.Errorf("%d and %d addresses, %d lines", len(g.wrong), g.right.size(), len(log.all()))
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		g.close()
		if n := log.total(); n != addresses || len(log.all()) > 30*(sayMost+1) {
			t.Errorf("%d were mentioned in %d lines", n, len(log.all()))
		}
	})
}

func TestAddressesOfIPv6AreNetworks(t *testing.T) {
	for remote, want := range map[string]string{
		"10.1.2.3:4": "10.1.2.3", "[::ffff:10.1.2.3]:4": "10.1.2.3", "[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::/64", "[fe80::1%lo]:1": "fe80::/64",
	} {
		a, err := net.ResolveTCPAddr("tcp", remote)
		if err != nil {
			t.Fatal(err)
		}
		if got := addressOf(&remoteConn{addr: a}); got != want {
			t.Errorf("%s: %s", remote, got)
		}
	}
}

type remoteConn struct {
	net.Conn
	addr net.Addr
}

func (c *remoteConn) RemoteAddr() net.Addr { return c.addr }

// dialFrom is dialTCP from another address of this machine.
func dialFrom(t testing.TB, h *harness, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", address(h))
	if err != nil {
		t.Skipf("this machine has no %s: %v", from, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	return c
}

// After ten wrong passwords an address waits; the owner does not, elsewhere or with a connection that has shown the password.
func TestWhoGuessesWaitsAndTheOwnerDoesNot(t *testing.T) {
	lim := patient(100)
	lim.guessPause = 10 * testkit.Patience
	h := guarded(t, lim, nil)
	state := callXML(t, "supervisor.getState")
	right, wrong := post(state, basic("owner", "o")), post(state, basic("owner", "x"))
	before := dialTCP(t, h)
	exchange(t, before, post(state, basic("reader", "r")))
	for range freeGuesses {
		if resp, _ := exchange(t, dialTCP(t, h), wrong); resp.StatusCode != 401 {
			t.Fatalf("got %d", resp.StatusCode)
		}
	}
	if resp, _ := exchange(t, dialTCP(t, h), wrong); resp.StatusCode != 401 { // its turn is at once
		t.Errorf("got %d", resp.StatusCode)
	}
	var waiting []net.Conn
	for range guessQueue {
		c := dialTCP(t, h)
		_, _ = io.WriteString(c, wrong)
		waiting = append(waiting, c)
	}
	testkit.Until(t, "the condition holds", func() bool {
		h.guesses.mu.Lock()
		defer h.guesses.mu.Unlock()
		return h.guesses.waiting == guessQueue
	})
	resp, body := exchange(t, dialTCP(t, h), wrong)
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "Error code 429.") {
		t.Errorf("one more: %d %s", resp.StatusCode, body)
	}
	if resp, _ := exchange(t, dialFrom(t, h, "127.0.0.2"), right); resp.StatusCode != 200 {
		t.Errorf("from elsewhere: %d", resp.StatusCode)
	}
	if resp, _ := exchange(t, before, post(state, basic("reader", "r"))); resp.StatusCode != 200 {
		t.Errorf("by a connection that is known: %d", resp.StatusCode)
	}
	if resp, _ := exchange(t, dialTCP(t, h), post(state, basic("reader", "r"))); resp.StatusCode != 200 {
		t.Errorf("by a user who is known: %d", resp.StatusCode)
	}
	for _, c := range waiting {
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
			t.Errorf("one of those who wait got %d", resp.StatusCode)
		}
	}
	if got := h.log.with("wrong"); len(got) != 1 || got[0] != "WARN a wrong user name or password from 127.0.0.1 for [inet_http_server]" {
		t.Errorf("logged %q", got)
	}
	if err := h.Close(); err != nil { // they are ended by it
		t.Fatal(err)
	}
	testkit.Until(t, "the condition holds", func() bool {
		h.guesses.mu.Lock()
		defer h.guesses.mu.Unlock()
		return h.guesses.waiting == 0
	})
	if got := h.log.with("more wrong"); len(got) != 1 {
		t.Errorf("logged %q", got)
	}
}

// Whoever may only read, from many addresses, does not have the owner's forgotten, nor does the next life of the server.
func TestReadersDoNotPushOutWhoControls(t *testing.T) {
	logins := NewLogins()
	owner := login{"10.0.0.1", "owner"}
	logins.note(owner, Control)
	for i := range 2 * guessersKept {
		logins.note(login{fmt.Sprintf("10.1.%d.%d", i/256, i%256), "reader"}, ReadOnly)
	}
	if !logins.known(owner) || logins.size() > guessersKept {
		t.Errorf("the owner is known: %v; %d are", logins.known(owner), logins.size())
	}
	next := newGuesses(time.Hour, logins, func(string) {})
	for range freeGuesses + 5 {
		next.queueWrong(login{"10.0.0.1", "guesser"}, "s", time.Now())
	}
	if may, waits, _ := next.queueTry(owner, time.Now()); !may || waits != nil {
		t.Error("the owner waits behind guessers at his address")
	}
	if may, waits, _ := next.queueTry(login{"10.0.0.1", "guesser"}, time.Now()); may && waits == nil {
		t.Error("a guesser does not wait")
	}
}
