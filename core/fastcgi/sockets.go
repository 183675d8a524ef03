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

// New returns Sockets without open sockets. log writes a line of the activity log; it must not block.
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

// addressOf returns the address of a socket, as a key.
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

// Complete finishes an open socket for a section: a unix socket gets its name. It may block on a disk. On an error the use of the
// socket is removed.
func (s *Sockets) Complete(l *Listening, c *config.Socket) (err error) {
	defer func() {
		if err != nil {
			s.Release(l)
		}
	}()
	switch {
	case l.file == nil:
		// listen(2) again, because a socket that was kept gets a new socket_backlog by that.
		if err := syscall.Listen(l.fd, backlog(c)); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	case !s.hasName(l):
		if err := nameUnix(l.file, c.Path); err != nil {
			return err
		}
	case !l.file.Present(c.Path): // it has been removed since
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

// Prepare adds a use of the socket of a section for the next life, while the present one goes on: of the socket that is open at that
// address already, or of a new one; a new unix socket cannot be reached by clients yet. The result is nil, without an error, if the
// socket cannot be opened now and the first start of a process is to try: because the present life has an active group with that
// address, or because another open socket uses the port and will be closed. It may block on a disk or a name server.
func (s *Sockets) Prepare(c *config.Socket) (*Listening, error) {
	if l := s.share(c); l != nil {
		if l.file == nil || !s.hasName(l) || l.file.Present(c.Path) {
			return l, nil
		}
		s.Release(l) // its file has been removed, so a new one is made
	}
	l, err := s.bind(c)
	if err != nil && (s.isKnown(c) || errors.Is(err, syscall.EADDRINUSE) && s.inTheWay(c)) {
		return nil, nil
	}
	return l, err
}

// share adds a use of the open socket that fits a section; nil: there is none.
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

// sameFile reports whether two sections have the same owner, mode and backlog of a unix socket.
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

// Release removes a use; the last closes the socket. The file of a unix socket that has its name is not removed, as in Supervisor.
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

// last removes a use and reports whether it was the last: then only the caller has the socket.
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

// Begin drops the addresses of the life before.
func (s *Sockets) Begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.known)
}

// Add adds more, which may be negative, to the number of active groups with an address.
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

// Problem is a socket of a section that cannot be opened, and why.
type Problem struct {
	Section, Key string
	Err          error
}

// PrepareGroups calls Prepare for the groups with a process that has autostart. Of two groups with the same address only the first
// is prepared. If there are problems, all sockets are released again and prepared is nil.
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
