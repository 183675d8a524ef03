package rpc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// memoryLimits are the bounds of memory.
type memoryLimits struct {
	all    int64         // bytes that all claims have together, ...
	others int64         // ... and of these, those of clients other than the owner
	alone  [2]int64      // bytes that a claim may have that is the only one of its share
	wait   time.Duration // for bytes that others have
}

func defaultMemory() memoryLimits {
	return memoryLimits{all: 16 << 20, others: 12 << 20, alone: [2]int64{24 << 20, 256 << 20}, wait: 5 * time.Second}
}

const (
	// freeClaim is how many bytes of each request are not counted: short calls wait for nothing.
	freeClaim = 4 << 10
	// keptClaim is how many bytes a request that lasts keeps when others wait for memory.
	keptClaim = 64 << 10
	// lookForSlow is how often a request that waits for memory looks for clients that occupy it by not reading.
	lookForSlow = 100 * time.Millisecond
)

// errMemory answers a call that would take memory that others have.
var errMemory = fault(Failed, "other answers take all the memory that there is for them; try again later")

// NoMemory reports whether an error of a Dispatcher, or of Claim, says that others take all the memory that there is for answers.
func NoMemory(err error) bool { return errors.Is(err, errMemory) }

// memory is the budget of all requests of a server: their bodies, what they are answered, logs and events that are followed. Who claims more
// than there is waits for those before, and is refused when that takes too long. Clients that do not take their answer, while others wait for
// what it holds, are cut off.
type memory struct {
	limits memoryLimits
	now    func() time.Duration // that of places

	mu     sync.Mutex
	looked time.Duration // when slow clients were last looked for
	used   [2]int64
	claims map[*portion]struct{} // those that have bytes
	queue  [2][]*wish
}

// share is the share of the memory to which a claim is counted.
type share int

const (
	others share = iota
	owner        // has what others may not take
)

// portion is what one request has of the memory. But for the counting it is its request's alone.
type portion struct {
	memory *memory
	client *conn // nil: there is none that could be slow
	share  share
	asked  int64 // bytes, freeClaim included
	has    int64 // bytes that are counted; under memory.mu
}

// wish is a claim that waits for more.
type wish struct {
	claim   *portion
	more    int64
	before  int // how many waited already
	granted chan struct{}
}

func newMemory(lim memoryLimits, now func() time.Duration) *memory {
	return &memory{limits: lim, now: now, claims: map[*portion]struct{}{}}
}

// set makes a claim one of so many bytes. Where that is more than there is, it waits; but not one that has some already, so that no two
// wait for what the other has. The error is errMemory, or ctx's.
func (c *portion) set(ctx context.Context, bytes int64) error {
	if bytes <= freeClaim && c.asked <= freeClaim {
		c.asked = bytes
		return nil
	}
	w, err := c.ask(bytes)
	if w != nil {
		if err = c.memory.await(ctx, w); err == nil {
			c.asked = bytes
		}
	}
	return err
}

// ask takes the memory if it is available. Otherwise it returns the wish that was queued.
func (c *portion) ask(bytes int64) (*wish, error) {
	m := c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	more := counts(bytes) - c.has
	switch {
	case more <= 0, (c.has > 0 || len(m.queue[c.share]) == 0) && m.fits(c, more):
		c.asked = bytes
		m.give(c, more)
		return nil, nil //nolint:nilnil // it has what it needs
	case c.has > 0:
		return nil, errMemory
	}
	w := &wish{claim: c, more: more, before: len(m.queue[c.share]), granted: make(chan struct{})}
	m.queue[c.share] = append(m.queue[c.share], w)
	return w, nil
}

// add is set for so many bytes more.
func (c *portion) add(ctx context.Context, bytes int64) error { return c.set(ctx, c.asked+bytes) }

// try is add where that is possible at once, and reports whether it is.
func (c *portion) try(bytes int64) bool {
	m := c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	more := counts(c.asked+bytes) - c.has
	if more > 0 && !m.fits(c, more) {
		return false
	}
	c.asked += bytes
	m.give(c, more)
	return true
}

// become is set, refused if the bytes are not available at once. It reports whether they were.
func (c *portion) become(bytes int64) bool {
	if bytes <= freeClaim && c.asked <= freeClaim {
		c.asked = bytes
		return true
	}
	return c.try(bytes - c.asked)
}

// counts is what of so many bytes is counted.
func counts(bytes int64) int64 { return max(bytes-freeClaim, 0) }

// release ends the claim; it can be used again.
func (c *portion) release() {
	if c.asked > freeClaim {
		_ = c.set(context.Background(), 0) // less is always available
	}
	c.asked = 0
}

// fits reports whether a claim can have so many bytes more. m.mu is held.
func (m *memory) fits(c *portion, more int64) bool {
	if m.used[c.share] == c.has && c.has+more <= m.limits.alone[c.share] {
		return true
	}
	return m.used[others]+m.used[owner]+more <= m.limits.all && (c.share == owner || m.used[others]+more <= m.limits.others)
}

// give gives a claim more bytes, or takes back some, which go to those that wait. m.mu is held.
func (m *memory) give(c *portion, more int64) {
	c.has += more
	m.used[c.share] += more
	if c.has > 0 {
		m.claims[c] = struct{}{}
	} else {
		delete(m.claims, c)
	}
	if more < 0 {
		m.serve()
	}
}

// serve grants what can be granted, to the owner first and to each share in order. m.mu is held.
func (m *memory) serve() {
	for _, s := range []share{owner, others} {
		for len(m.queue[s]) > 0 && m.fits(m.queue[s][0].claim, m.queue[s][0].more) {
			w := m.queue[s][0]
			m.queue[s] = m.queue[s][1:]
			m.give(w.claim, w.more)
			close(w.granted)
		}
	}
}

// await waits until a wish is granted.
func (m *memory) await(ctx context.Context, w *wish) error {
	var gone <-chan struct{}
	if c := w.claim.client; c != nil {
		gone = c.gone
		if c.turn.rest() {
			defer c.turn.work()
		}
		if w.claim.share == others {
			defer c.enter(phase(c.phase.Load()))
			c.enter(queued)
		}
	}
	limit := time.NewTimer(m.limits.wait)
	defer limit.Stop()
	// One looks for all: of many each looks less often.
	look := time.NewTicker(min(lookForSlow*time.Duration(1+w.before/8), max(m.limits.wait/4, lookForSlow)))
	defer look.Stop()
	err := error(errMemory)
	for {
		m.cutSlow(w.claim)
		select {
		case <-w.granted:
			return nil
		case <-look.C:
			continue
		case <-limit.C:
		case <-gone: // the client has gone
		case <-ctx.Done():
			err = ctx.Err()
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		i := slices.Index(m.queue[w.claim.share], w)
		if i < 0 {
			return nil // it was granted just now
		}
		m.queue[w.claim.share] = slices.Delete(m.queue[w.claim.share], i, i+1)
		m.serve() // those behind it may need less
		return err
	}
}

// cutSlow closes the connections that occupy memory that a claim waits for: those that have not read, or sent, for slowTime, and of other users that wait
// with a large request. Only the owner may cause that for the owner's.
func (m *memory) cutSlow(waiting *portion) {
	for _, c := range m.slow(waiting) {
		_ = c.Close()
	}
}

func (m *memory) slow(waiting *portion) (clients []*conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if now-m.looked < lookForSlow { // another waiting request has just looked
		return nil
	}
	m.looked = now
	for c := range m.claims {
		if c.client != nil && c != waiting && (waiting.share == owner || c.share == others) && c.keeps(now) {
			clients = append(clients, c.client)
		}
	}
	return clients
}

// keeps reports whether a claim has been kept by its client for slowTime. m.mu is held.
func (c *portion) keeps(now time.Duration) bool {
	if at := c.client.writing.Load(); at != 0 {
		return now-time.Duration(at) >= slowTime
	}
	if now-time.Duration(c.client.since.Load()) < slowTime {
		return false
	}
	return c.client.in(sending) || c.client.in(staying) && c.share == others && c.has > keptClaim
}

// claimOf is the claim of the request that a context belongs to; nil: there is none.
func claimOf(ctx context.Context) *portion {
	if c, ok := ctx.Value(connKey{}).(*conn); ok && c != nil {
		return &c.claim
	}
	return nil
}

// Claim claims so many bytes more for a request that Options.Fallback answers, until it is answered, and waits for them if it has to. ctx is the request's. The
// error is for its sender to see.
func Claim(ctx context.Context, bytes int) error {
	if c := claimOf(ctx); c != nil {
		return c.add(ctx, int64(bytes))
	}
	return nil
}
