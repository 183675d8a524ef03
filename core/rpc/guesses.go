package rpc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

const (
	// freeGuesses is how many wrong passwords an address has before it is slowed down.
	freeGuesses = 10
	// guessersKept is how many addresses are remembered, with wrong passwords, and with right ones for each right. Where there are more, those
	// that have been quiet longest are forgotten.
	guessersKept = 1024
	// guessTime is how long an address must be quiet to be as good as new.
	guessTime = 10 * time.Minute
	// guessQueue is how many requests of one address wait for their turn, and guessQueues how many of all together.
	guessQueue, guessQueues = 10, 64
	// sayEvery is how often the log names an address, and counts those it has not named.
	sayEvery = time.Minute
	// sayMost is how many addresses the log names in that time.
	sayMost = 60
)

// guesses watches wrong passwords by address. Each address is logged once a minute, and after freeGuesses wrong ones its
// passwords are checked at a rate of one a second only.
//
// An address from which a user's right password has come before (Logins) does not delay that user. There only the answers to wrong ones are delayed.
type guesses struct {
	say   func(text string)
	pause time.Duration // between two guesses of an address that is slowed down
	right *Logins

	mu      sync.Mutex
	wrong   map[string]*guesser
	waiting int
	begun   time.Time // of the minute that lines counts for
	lines   int
	others  int // wrong passwords of addresses that the log has not named
	timer   *time.Timer
	ended   bool
}

// guesser is an address with wrong passwords.
type guesser struct {
	server  string // the section that the last one was for
	count   int    // wrong passwords since it was quiet
	last    time.Time
	told    time.Time // when the log named it
	untold  int       // wrong passwords since
	waiting int
	next    time.Time // when the next one has its turn
}

func newGuesses(pause time.Duration, right *Logins, say func(string)) *guesses {
	return &guesses{say: say, pause: pause, wrong: map[string]*guesser{}, right: right}
}

// mayTry waits until a password may be looked at, which is at once unless there were many wrong ones from its address; waits is called
// before it waits. It reports false when too many wait already, or ctx is done.
func (g *guesses) mayTry(ctx context.Context, l login, waits func()) bool {
	may, o, at := g.queueTry(l, time.Now())
	if o != nil {
		waits()
	}
	return may && g.wait(ctx, o, at)
}

// queueTry reports whether a password may be looked at: at once, where o is nil, or when o has its turn at that time.
func (g *guesses) queueTry(l login, now time.Time) (may bool, o *guesser, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o = g.wrong[l.from]
	if o != nil && now.Sub(o.last) > guessTime && o.waiting == 0 {
		g.forget(l.from)
		o = nil
	}
	if o == nil || o.count < freeGuesses || g.right.known(l) {
		return true, nil, now
	}
	if g.waiting >= guessQueues || o.waiting >= guessQueue {
		o.last = now
		o.untold++
		g.tell(now, l.from, o)
		return false, nil, now
	}
	return true, o, g.queue(o, now)
}

// queue records one more that waits, and returns the time of its turn. g.mu is held.
func (g *guesses) queue(o *guesser, now time.Time) (at time.Time) {
	o.waiting++
	g.waiting++
	at = now
	if at.Before(o.next) {
		at = o.next
	}
	o.next = at.Add(g.pause)
	return at
}

func (g *guesses) unqueue(o *guesser) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o.waiting--
	g.waiting--
}

// wait waits for a turn that was queued, or not where o is nil. It reports false when ctx is done.
func (g *guesses) wait(ctx context.Context, o *guesser, at time.Time) bool {
	if o == nil {
		return true
	}
	defer g.unqueue(o)
	turn := time.NewTimer(time.Until(at))
	defer turn.Stop()
	select {
	case <-turn.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// wasWrong records a wrong password for a server, and waits if its answer has to. It returns false if the client is not to be told that it is wrong.
func (g *guesses) wasWrong(ctx context.Context, l login, server string) bool {
	may, o, at := g.queueWrong(l, server, time.Now())
	return may && g.wait(ctx, o, at)
}

// queueWrong is queueTry for the answer to a wrong password.
func (g *guesses) queueWrong(l login, server string, now time.Time) (may bool, o *guesser, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o = g.wrong[l.from]
	if o == nil {
		if len(g.wrong) >= guessersKept {
			g.forgetQuietest()
		}
		o = &guesser{}
		g.wrong[l.from] = o
	}
	o.server, o.last = server, now
	o.count++
	o.untold++
	g.tell(now, l.from, o)
	switch {
	case !g.right.known(l) || o.count <= freeGuesses:
		return true, nil, now
	case g.waiting >= guessQueues || o.waiting >= guessQueue:
		return false, nil, now
	}
	return true, o, g.queue(o, now)
}

func (g *guesses) forgetQuietest() {
	quietest := ""
	for a, o := range g.wrong {
		if o.waiting == 0 && (quietest == "" || o.last.Before(g.wrong[quietest].last)) {
			quietest = a
		}
	}
	g.forget(quietest) // not all wait: guessQueues is less than guessersKept
}

// forget removes an address, but not what is still to be logged. g.mu is held.
func (g *guesses) forget(from string) {
	if n := g.wrong[from].untold; n > 0 {
		g.others += n
		g.wake()
	}
	delete(g.wrong, from)
}

// tell logs an address, now or when its minute is over. g.mu is held.
func (g *guesses) tell(now time.Time, from string, o *guesser) {
	if now.Sub(g.begun) >= sayEvery {
		g.begun, g.lines = now, 0
	}
	if g.lines >= sayMost || !o.told.IsZero() && now.Sub(o.told) < sayEvery {
		g.wake()
		return
	}
	g.lines++
	text := "a wrong user name or password"
	if o.untold > 1 {
		text = fmt.Sprintf("%d wrong user names or passwords within a minute", o.untold)
	}
	text += " from " + from + " for [" + o.server + "]"
	if o.count >= freeGuesses {
		text += "; there were so many that they are now looked at one by one"
	}
	o.told, o.untold = now, 0
	g.say(text)
}

// wake has flush called when the minute is over. g.mu is held.
func (g *guesses) wake() {
	if g.timer == nil && !g.ended {
		g.timer = time.AfterFunc(sayEvery, g.flush)
	}
}

// flush logs what has not been logged.
func (g *guesses) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = nil
	now := time.Now()
	for from, o := range g.wrong {
		if o.untold > 0 {
			g.tell(now, from, o)
		}
	}
	g.tellOthers()
}

// close logs the rest. Those that wait are ended by the context of the request.
func (g *guesses) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	if g.timer != nil {
		g.timer.Stop()
	}
	for _, o := range g.wrong {
		g.others += o.untold
		o.untold = 0
	}
	g.tellOthers()
}

func (g *guesses) tellOthers() {
	if g.others > 0 {
		g.say(fmt.Sprintf("%d more wrong user names or passwords, from addresses not named", g.others))
		g.others = 0
	}
}

// addressOf is the sender of a connection, as far as senders are distinguished: an IPv4 address, the network of an IPv6 address (a sender with one
// has all of /64), or a local user.
func addressOf(c net.Conn) string {
	if u, ok := c.(*net.UnixConn); ok {
		if uid, known := peerUser(u); known {
			return "user " + strconv.Itoa(uid)
		}
		return "a local user"
	}
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	ip := a.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}
