package config

import (
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// Socket is what an [fcgi-program:x] section adds.
type Socket struct {
	SocketAddress `key:"socket" type:"address of a socket" is:"required,byhand" doc:"The socket that all processes of the program accept connections on, as their descriptor 0." example:"unix:///run/app/%(program_name)s.sock"`
	Backlog       int    `key:"socket_backlog" is:"uncompared" min:"1" max:"65535" says:"Invalid socket_backlog value {value}" unit:"connections" sample:"128" doc:"How many connections may wait to be accepted. Without it, the system's limit."`
	Owner         *Owner `key:"socket_owner" is:"uncompared" says:"Invalid socket_owner value {value}" doc:"The owner of a Unix socket. Without it, the user of the program." example:"www-data:www-data"`
	Mode          uint32 `key:"socket_mode" is:"uncompared" says:"Invalid socket_mode value {value}" default:"0700" doc:"The mode of a Unix socket."`
}

// SocketAddress is where a FastCGI program listens.
type SocketAddress struct {
	URL     string // as written: unix:///path or tcp://host:port
	Network string // "unix" or "tcp"
	Path    string
	Host    string
	Port    int
}

// socketTable are the keys of [fcgi-program:x] besides those of a program.
func socketTable() *table {
	return tableOf[Socket](func() []string { return []string{"socket_backlog", "socket_owner", "socket_mode"} })
}

func (l *loader) readFastCGI(section, name string) *Group {
	r := l.reads(section)
	g := fresh[Group](groupTable())
	g.Name, g.Kind = l.name(section, name), FastCGIGroup
	l.priority(section, &g)
	var program Process
	r.fill([]*key{processTable().key("user")}, &program)
	s := fresh[Socket](socketTable())
	r.fill(socketTable().reading, &s)

	url := l.get(section, "socket", map[string]any{"program_name": g.Name}, l.here)
	switch {
	case url.state == broken:
	case url.text == "":
		l.reject(section, "socket", fmt.Sprintf(`[%s] section requires a "socket" line`, section), "there is none; accepted: "+socketTable().key("socket").Type.Accepts)
	default:
		unixOnly := l.raw(section, "socket_owner").state != absent || l.raw(section, "socket_mode").state != absent
		if err := l.socket(&s, url.text, program.User, unixOnly); err != nil {
			l.refuse(url, fmt.Sprintf("%s in [%s] socket", err, section))
		}
	}
	g.Socket = &s
	g.Processes = l.processes(section, g.Name)
	return &g
}

// socket reads the URL (options.py, parse_fcgi_socket). Two of the messages are
// tuples there, by a slip, and so here.
func (l *loader) socket(s *Socket, url string, user *User, unixOnly bool) error {
	s.URL = url
	if path, ok := strings.CutPrefix(url, "unix://"); ok {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("('Unix socket path %%s is not an absolute path', %s)", pytext.Quote(path))
		}
		s.Network, s.Path = "unix", l.paths.normalize(path)
		if s.Owner == nil && user != nil && user.UID != os.Getuid() {
			s.Owner = &Owner{user.UID, user.GID}
		}
		return nil
	}
	if unixOnly {
		return fmt.Errorf("socket_owner and socket_mode params should only be used with a Unix domain socket")
	}
	host, port, ok := splitTCP(url)
	if !ok {
		return fmt.Errorf("('Bad socket format %%s', %s)", pytext.Quote(url))
	}
	n, err := portNumber(port)
	if err != nil {
		return err
	}
	s.Network, s.Host, s.Port = "tcp", lower(host), n
	return nil
}

// splitTCP matches tcp://([^\s:]+):(\d+)$, whose $ allows one newline.
func splitTCP(url string) (host, port string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(url, "\n"), "tcp://")
	if !ok {
		return "", "", false
	}
	host, port, ok = strings.Cut(rest, ":")
	if !ok || host == "" || port == "" || strings.ContainsFunc(host, isSpace) ||
		strings.ContainsFunc(port, func(r rune) bool { return !unicode.Is(unicode.Nd, r) }) {
		return "", "", false
	}
	return host, port, true
}
