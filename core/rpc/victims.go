package rpc

import (
	"cmp"
	"slices"
	"time"
)

const (
	// helloTime is how long a connection has to say something wherever there is none that has said less. It is short: where there are few places,
	// those who come wait for it.
	helloTime = 5 * time.Millisecond
	// freshTime is how long a connection may say nothing before it goes ahead of those that have been answered once.
	freshTime = 100 * time.Millisecond
	// silentTime is the same if few are silent and many are being answered: new clients have some of the places until they are authenticated.
	silentTime = 2 * time.Second
	// heardTime is how long it may take the daemon to read what a connection has said.
	heardTime = 500 * time.Millisecond
	// busyTime is the minimum age of a connection that may only read and is closed while it is answered.
	busyTime = 200 * time.Millisecond
	// shakenTime is how long a client has at least to say something after the daemon has answered a flight of its TLS handshake.
	shakenTime = 250 * time.Millisecond
	// maxFlights is how many flights of a handshake there may be: a retry, the keys and the end.
	maxFlights = 3
	// maxHeard is how many connections without TLS that seem to have said nothing are asked of the kernel for each new one, where there are more than
	// fewHeard. A handshake costs more than to ask for all of them.
	maxHeard, fewHeard = 8, 64
	// maxVictims is how many connections are chosen at a time: each choice looks at all.
	maxVictims = 64
)

// victims are connections that were chosen to be closed when a place is needed, the first first. The order is that of their credentials:
// a wrong password or none, then a password that permits only reading, and the owner's last.
type victims struct {
	chosen []candidate
	rank   int           // of the last one that went
	at     time.Duration // when they were chosen
}

// candidate is a connection that can be done without.
type candidate struct {
	conn  *conn
	rank  int
	phase phase
	since int64
}

// The ranks of candidates, the first to go first.
const (
	rankNothing    = iota // it has shown nothing, or a wrong password
	rankIdle              // it has been answered
	rankYoung             // it has shown nothing, and had little time for it
	rankSlow              // its request is slow to come, it reads slowly, or it waits for memory
	rankBusy              // it is answered, and may only read
	rankSilent            // it has shown nothing, and is one of few
	rankOwner             // the owner's that are idle, if there are no others
	rankOwnersSlow        // and that is slow
	notAtAll
)

// worst is the connection that is easiest to do without of those up to a rank, nil when all are being answered; local: for a connection of the owner's on
// this machine. p.mu is held.
func (p *places) worst(most int, local bool) *conn {
	now := p.now()
	if len(p.victims.chosen) > 0 && now-p.victims.at < lookAgain {
		if c, _ := p.nextVictim(now, min(p.victims.rank, most)); c != nil { // others of a lower rank may have come meanwhile
			return c
		}
	}
	p.chooseVictims(now)
	c, heard := p.nextVictim(now, most)
	if c == nil { // so have all of them, it seems
		c = heard
	}
	if c == nil {
		c = p.longestStay(local)
	}
	return c
}

// longestStay is the connection with the longest wait that is not known to be the owner's: it goes for the owner, and for anybody where such waits have more
// than half of the places, since there are fewer than when they began.
func (p *places) longestStay(local bool) (longest *conn) {
	stays := 0
	for c := range p.conns {
		if !c.in(staying) || c.local || trust(c.trust.Load()) == controls {
			continue
		}
		if stays++; longest == nil || c.since.Load() < longest.since.Load() {
			longest = c
		}
	}
	if local || stays > len(p.conns)/2 {
		return longest
	}
	return nil
}

// nextVictim takes the first of the victims up to a rank that is one still. heard is the first that has said something that the daemon has
// not come to read yet, and had its time.
func (p *places) nextVictim(now time.Duration, most int) (c, heard *conn) {
	asked := 0
	for i, v := range p.victims.chosen {
		if v.rank > most {
			break
		}
		c = v.conn
		if _, there := p.conns[c]; !there || phase(c.phase.Load()) != v.phase || c.since.Load() != v.since {
			continue
		}
		if v.phase == fresh && c.knock.busy() || (v.phase == fresh || v.phase == idle) && c.unheard.Load() {
			continue
		}
		if v.phase == fresh && (asked < maxHeard || !c.plain || len(p.conns) <= fewHeard) && unread(c.Conn) {
			if asked++; c.plain && heard == nil && now-time.Duration(v.since) >= heardTime {
				heard = c
			}
			continue
		}
		p.victims.chosen, p.victims.rank = p.victims.chosen[i+1:], v.rank
		return c, heard
	}
	p.victims.chosen = nil
	return nil, heard
}

// chooseVictims looks at all connections.
func (p *places) chooseVictims(now time.Duration) {
	silent, kept, coming, shaking := 0, 0, 0, 0
	for c := range p.conns {
		if c.in(fresh) {
			silent++
			if c.shakes(now) {
				shaking++
			}
		}
		if trust(c.trust.Load()) != controls && !c.in(staying) {
			coming++
		}
		if c.isLocals() {
			kept++
		}
	}
	// Too many of them are no longer the owner at work.
	keep := kept <= p.limits.connections/4
	var all []candidate
	for c := range p.conns {
		if keep && c.isLocals() {
			continue
		}
		v := c.candidate(now, silent, len(p.conns))
		if coming > 0 && v.rank >= rankOwner { // others can be done without soon
			continue
		}
		if shaking > len(p.conns)/2 && v.rank > rankNothing { // so can those that are busy with their handshakes
			continue
		}
		if v.rank < notAtAll {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.since, b.since))
	})
	p.victims = victims{chosen: all[:min(len(all), maxVictims)], at: now}
}

// isLocals reports whether the connection is of the owner's programs on this machine, which no number of others' connections closes.
func (c *conn) isLocals() bool { return c.local && trust(c.trust.Load()) != reads }

// isUnproved reports whether nothing is known about the client.
func (c *conn) isUnproved() bool { return !c.local && trust(c.trust.Load()) == unknown }

// candidate ranks a connection by how easily it is done without, where so many of all are silent.
func (c *conn) candidate(now time.Duration, silent, all int) candidate {
	v := candidate{conn: c, rank: notAtAll, phase: phase(c.phase.Load()), since: c.since.Load()}
	age := now - time.Duration(v.since)
	proved := trust(c.trust.Load())
	switch v.phase {
	case fresh:
		if v.rank = c.silence(age, silent, all); v.rank < notAtAll && c.shakes(now) {
			v.rank = notAtAll
		}
		return v
	case refused:
		v.rank = rankNothing
		return v
	case idle:
		if v.rank = rankIdle; proved == controls { // it comes again
			v.rank = rankOwner
		}
		return v
	case queued:
		v.rank = rankSlow
		return v
	}
	patience := slowTime
	if proved != controls { // for its request to arrive, where others have no place
		patience = freshTime
	}
	writing := c.writing.Load()
	switch slow := v.phase == sending && age >= patience || writing != 0 && now-time.Duration(writing) >= slowTime; {
	case slow && proved == controls:
		v.rank = rankOwnersSlow
	case slow:
		v.rank = rankSlow
	case v.phase == working && proved == reads && now-c.began >= busyTime:
		v.rank = rankBusy
	}
	return v
}

// shakes reports whether it is not for the client of a fresh connection to say something, or only since a moment ago: the daemon is at its word, a
// handshake for example, or that has yet to have its turn. New connections wait meanwhile. Were they to take the places of these, then with enough of them
// no handshake would ever end.
func (c *conn) shakes(now time.Duration) bool {
	return c.unheard.Load() || c.knock.busy() || c.flights.Load() > 0 && now-time.Duration(c.since.Load()) < shakenTime
}

// silence ranks a connection that has said nothing for so long.
func (c *conn) silence(age time.Duration, silent, all int) int {
	switch {
	case c.ours: // its word is on its way
		if age < freshTime {
			return notAtAll
		}
		return rankSlow
	case age < helloTime && !c.places.urgent:
		return notAtAll
	case silent > all/2: // that is what they are there for
		return rankNothing
	case silent > all/4 && age >= freshTime, age >= silentTime:
		return rankNothing
	case silent > all/4:
		return rankYoung
	case age >= freshTime:
		return rankSilent
	}
	return notAtAll
}
