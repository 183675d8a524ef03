package fastcgi

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held"
)

// Sockets are the listening sockets of all [fcgi-program:x] sections. They outlive the Supervisors whose programs use them, so that
// a restart can open those of the next life before it stops anything, and keep those that stay the same.
type Sockets struct {
	log func(config.Level, string)

	mu    sync.Mutex
	open  []*Listening
	known map[string]int // addresses of the active groups, and how many have each
}

// New has none yet. log writes a line of the activity log; it must not block.
func New(log func(config.Level, string)) *Sockets {
	return &Sockets{log: log, known: make(map[string]int)}
}

// Listening is an open socket.
type Listening struct {
	fd    int
	file  *held.Socket  // of a unix socket
	conf  config.Socket // under the lock of Sockets, like what follows
	named bool          // file has its name
	users int           // groups and Prepareds; it is closed with the last
}

// addressOf is where a socket listens, as a key.
func addressOf(c *config.Socket) string {
	if c.Network == "unix" {
		return "unix:" + c.Path
	}
	return fmt.Sprintf("tcp:%s:%d", c.Host, c.Port)
}

// Create opens the socket of a section under its name. It may block on a disk or a name server.
func (s *Sockets) Create(c *config.Socket) (*Listening, error) {
	l, err := s.bind(c)
	if err != nil {
		return nil, err
	}
	if err := s.Complete(l, c); err != nil {
		return nil, err
	}
	return l, nil
}

// bind opens a socket. A unix socket does not have its name yet.
func (s *Sockets) bind(c *config.Socket) (*Listening, error) {
	s.log(config.INFO, activity.CreatingSocket(c.URL))
	fd, file, err := listenFastCGI(c)
	if err != nil {
		return nil, err
	}
	l := &Listening{fd: fd, file: file, conf: *c, users: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, l)
	return l, nil
}

// Complete makes an open socket what a section wants: a unix socket gets its name. It may block on a disk. After an error the use of the
// socket is given back.
func (s *Sockets) Complete(l *Listening, c *config.Socket) (err error) {
	defer func() {
		if err != nil {
			s.Release(l)
		}
	}()
	switch {
	case l.file == nil:
		// Once more for another socket_backlog, which a kept socket takes up so.
		if err := syscall.Listen(l.fd, backlog(c)); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	case !s.hasName(l):
		if err := nameUnix(l.file, c.Path); err != nil {
			return err
		}
	case !l.file.Present(c.Path): // somebody has removed it since
		return errGone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.conf, l.named = *c, true
	return nil
}

var errGone = errors.New("the socket's file is not there any longer")

func (s *Sockets) hasName(l *Listening) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.named
}

// Prepare takes the socket of a section for the next life, while the present one goes on: the one that is open there already, or a new one, which is nobody
// else's to reach yet if it is a unix socket. It is nil where the first start is to try: the present life has that section and no socket either, or one
// of ours is in the way and will be closed. It may block on a disk or a name server.
func (s *Sockets) Prepare(c *config.Socket) (*Listening, error) {
	if l := s.share(c); l != nil {
		if l.file == nil || !s.hasName(l) || l.file.Present(c.Path) {
			return l, nil
		}
		s.Release(l) // and made again: its file has been removed
	}
	l, err := s.bind(c)
	if err != nil && (s.isKnown(c) || errors.Is(err, syscall.EADDRINUSE) && s.inTheWay(c)) {
		return nil, nil
	}
	return l, err
}

// share takes a use of the open socket that a section wants, nil for none.
func (s *Sockets) share(c *config.Socket) *Listening {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		if addressOf(&l.conf) == addressOf(c) && (c.Network != "unix" || sameFile(&l.conf, c)) {
			l.users++
			return l
		}
	}
	return nil
}

// sameFile reports whether two sections want the same of a unix socket.
func sameFile(a, b *config.Socket) bool {
	if (a.Owner == nil) != (b.Owner == nil) || a.Owner != nil && *a.Owner != *b.Owner {
		return false
	}
	return a.Mode == b.Mode && a.Backlog == b.Backlog
}

// inTheWay reports whether another of our sockets has the port of a section.
func (s *Sockets) inTheWay(c *config.Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		if l.conf.Network == "tcp" && c.Network == "tcp" && l.conf.Port == c.Port {
			return true
		}
	}
	return false
}

// Release gives a use back; the last closes the socket. A unix socket's file is left where it is, as Supervisor leaves it, if it has its name.
func (s *Sockets) Release(l *Listening) {
	if !s.last(l) {
		return
	}
	s.log(config.INFO, activity.ClosingSocket(l.conf.URL))
	switch {
	case l.file == nil:
	case l.named:
		_ = l.file.Abandon()
	default:
		_ = l.file.Close()
	}
	_ = syscall.Close(l.fd)
}

// last takes a use away and reports whether it was the last: then the socket is the caller's alone.
func (s *Sockets) last(l *Listening) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.users--; l.users > 0 {
		return false
	}
	for i, o := range s.open {
		if o == l {
			s.open = append(s.open[:i:i], s.open[i+1:]...)
			break
		}
	}
	return true
}

// Begin forgets the addresses of the life before.
func (s *Sockets) Begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.known)
}

// Add notes how many more active groups have an address.
func (s *Sockets) Add(c *config.Socket, more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[addressOf(c)] += more
}

func (s *Sockets) isKnown(c *config.Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[addressOf(c)] > 0
}

// Problem is why the socket of a section cannot be listened at.
type Problem struct {
	Section, Key string
	Err          error
}

// PrepareGroups opens the sockets of those groups that are to be started. Of two groups with one address the first has it.
// With problems nothing is left open.
func (s *Sockets) PrepareGroups(groups []*config.Group) (prepared map[*config.Group]*Listening, problems []Problem) {
	prepared = make(map[*config.Group]*Listening)
	taken := make(map[string]bool)
	for _, g := range groups {
		if g.Kind != config.FastCGIGroup || taken[addressOf(g.Socket)] || !slices.ContainsFunc(g.Processes, func(c *config.Process) bool { return c.AutoStart }) {
			continue
		}
		taken[addressOf(g.Socket)] = true
		l, err := s.Prepare(g.Socket)
		if err != nil {
			problems = append(problems, Problem{"fcgi-program:" + g.Name, "socket", fmt.Errorf("cannot listen at %s: %w", g.Socket.URL, err)})
		} else if l != nil {
			prepared[g] = l
		}
	}
	if len(problems) == 0 {
		return prepared, nil
	}
	for _, l := range prepared {
		s.Release(l)
	}
	return nil, problems
}
