package config

import (
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/hark-supervisor/hark/core/pyrepr"
)

func (l *loader) readFastCGI(section, name string) *Group {
	get := func(key string) setting { return l.get(section, key, l.here) }
	g := &Group{Name: l.name(section, name), Kind: FastCGIGroup}
	g.Priority = l.integer(get("priority"), 999)

	var user *User
	if v := get("user"); v.state == present {
		user = l.account(v.text, func(said string) { l.refuse(v, said) })
	}

	s := &Socket{Mode: 0o700}
	if v := get("socket_backlog"); v.state == present {
		n, err := integer(v.text)
		switch {
		case err != nil:
			l.refuse(v, err.Error())
		case n < 1 || n > 65535:
			l.reject(section, v.key, fmt.Sprintf("Invalid socket_backlog value %d", n), fmt.Sprintf("cannot use %d; accepted: 1 to 65535", n))
		default:
			s.Backlog = int(n)
		}
	}
	owner := get("socket_owner")
	s.Owner = convert(l, owner, nil, func(v string) (*Owner, error) {
		o, err := l.owner(v)
		if err != nil {
			return nil, fmt.Errorf("Invalid socket_owner value %s", v) //nolint:staticcheck // Supervisor's words
		}
		return o, nil
	})
	mode := get("socket_mode")
	s.Mode = uint32(convert(l, mode, 0o700, func(v string) (int64, error) { //nolint:gosec // masked below
		n, err := octal(v)
		if err != nil {
			return 0, fmt.Errorf("Invalid socket_mode value %s", v) //nolint:staticcheck // Supervisor's words
		}
		return n & 0o7777, nil
	}))

	url := l.get(section, "socket", map[string]any{"program_name": g.Name}, l.here)
	switch {
	case url.state == broken:
	case url.text == "":
		l.reject(section, "socket", fmt.Sprintf(`[%s] section requires a "socket" line`, section), "there is none; accepted: "+SocketURL.Accepts())
	default:
		if err := l.socket(s, url.text, user, owner.state != absent || mode.state != absent); err != nil {
			l.refuse(url, fmt.Sprintf("%s in [%s] socket", err, section))
		}
	}
	g.Socket = s
	g.Processes = l.processes(section, g.Name)
	return g
}

// socket reads the URL (options.py, parse_fcgi_socket). Two of the messages are
// tuples there, by a slip, and so here.
func (l *loader) socket(s *Socket, url string, user *User, unixOnly bool) error {
	s.URL = url
	if path, ok := strings.CutPrefix(url, "unix://"); ok {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("('Unix socket path %%s is not an absolute path', %s)", pyrepr.String(path))
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
		return fmt.Errorf("('Bad socket format %%s', %s)", pyrepr.String(url))
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
