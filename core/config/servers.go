package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// readServers reads the servers, inet ones first (options.py, server_configs_from_parser).
func (l *loader) readServers() {
	for _, section := range l.doc.Sections() {
		if strings.HasPrefix(section, "inet_http_server") {
			l.cfg.Servers = append(l.cfg.Servers, l.inetServer(section))
		}
	}
	for _, section := range l.doc.Sections() {
		if strings.HasPrefix(section, "unix_http_server") {
			l.cfg.Servers = append(l.cfg.Servers, l.unixServer(section))
		}
	}
}

// Server is one [unix_http_server] or [inet_http_server] section, or one of the
// suffixed [inet_http_server:x] kind.
type Server struct {
	Section string `key:"-"` // the section's whole name
	Network string `key:"-"` // "unix" or "tcp"

	Path  string `key:"file" type:"socket file" only:"unix_http_server" is:"required,live,byhand" sample:"/tmp/supervisor.sock" doc:"The path of the socket. A file that is there already is replaced, unless a daemon listens at it." example:"/run/supervisor.sock"`
	Mode  uint32 `key:"chmod" only:"unix_http_server" is:"envonly" says:"Invalid chmod value {value}" default:"0700" sample:"0700" doc:"The mode of the socket. Whoever can write to it can control the daemon."`
	Chown *Owner `key:"chown" only:"unix_http_server" is:"envonly" says:"Invalid sockchown value {value}" sample:"nobody:nogroup" doc:"The owner of the socket. Without it, the daemon's own user." example:"root:adm"` // nil leaves the owner

	Port int    `key:"port" type:"port" only:"inet_http_server" is:"required,envonly,byhand" sample:"127.0.0.1:9001" doc:"The address and TCP port of the server. A port alone, or with *, is open on every address." example:"127.0.0.1:9001"`
	Host string `key:"-"` // tcp: "" is every address

	Username         string `key:"username" is:"envonly,byhand" sample:"user" doc:"The user name that clients must give. Without it, everybody who can connect may do everything."`
	Password         Secret `key:"password" is:"secret,envonly,byhand" sample:"123" doc:"The password that clients must give: in clear, or {SHA} and its SHA-1 in hexadecimal digits."`
	PasswordFile     string `key:"password_file" type:"path" is:"hark,byhand" doc:"A file whose first line is the password, instead of password." example:"/etc/supervisor/password"`
	ReadOnlyUsername string `key:"read_only_username" is:"hark,envonly,byhand" example:"viewer" doc:"The name of a second user, who can see everything and change nothing."`
	ReadOnlyPassword Secret `key:"read_only_password" is:"hark,secret,envonly,byhand" sample:"456" doc:"The password of read_only_username, in the forms of password."`

	CertFile string `key:"certfile" type:"path" only:"inet_http_server" is:"hark,byhand" example:"/etc/ssl/hark/chain.pem" doc:"The certificate of the server with its chain, in PEM. With certfile and keyfile the server speaks TLS only."`
	KeyFile  string `key:"keyfile" type:"path" only:"inet_http_server" is:"hark,byhand" example:"/etc/ssl/hark/key.pem" doc:"The private key of certfile, in PEM."`
	ClientCA string `key:"client_ca" type:"path" only:"inet_http_server" is:"hark,byhand" example:"/etc/ssl/hark/clients.pem" doc:"Certificate authorities, in PEM. Clients must show a certificate of one of them."`

	Auth bool `key:"-"` // there is a username (it may be empty) and a password
}

// serverTable are the keys of servers.
func serverTable() *table {
	return tableOf[Server](func() []string { return []string{"chown", "chmod"} })
}

func (l *loader) inetServer(section string) Server {
	s := fresh[Server](serverTable())
	s.Section, s.Network, s.Mode = section, "tcp", 0 // which only a socket's file has
	l.credentials(&s)
	switch port := l.get(section, "port"); port.state {
	case absent:
		l.reject(section, "port", fmt.Sprintf("section [%s] has no port value", section), "there is none; accepted: "+serverTable().key("port").Type.Accepts)
	case present:
		var err error
		if s.Host, s.Port, err = inetAddress(port.text); err != nil {
			l.refuse(port, err.Error())
		}
	}
	l.own(func() { l.tls(&s) })
	l.reads(section).fill(serverTable().only("inet_http_server"), &s)
	return s
}

func (l *loader) unixServer(section string) Server {
	s := fresh[Server](serverTable())
	s.Section, s.Network = section, "unix"
	switch file := l.get(section, "file", l.here); file.state {
	case absent:
		l.reject(section, "file", fmt.Sprintf("section [%s] has no file value", section), "there is none; accepted: "+serverTable().key("file").Type.Accepts)
	case present:
		s.Path = l.paths.normalize(strip(file.text))
	}
	l.credentials(&s)
	l.reads(section).fill(serverTable().only("unix_http_server"), &s)
	return s
}

// credentials reads the user names and passwords (options.py, _parse_username_and_password),
// and our two additions.
func (l *loader) credentials(s *Server) {
	user, password := l.get(s.Section, "username"), l.get(s.Section, "password")
	s.Username, s.Password = l.text(user, ""), NewSecret(l.text(password, ""))
	file := l.raw(s.Section, "password_file")
	if (user.state == absent) != (password.state == absent && file.state == absent) {
		l.reject(s.Section, "", fmt.Sprintf("Section [%s] contains incomplete authentication: If a username or a password is specified, "+
			"both the username and password must be specified", s.Section),
			"there is a username or a password without the other; accepted: both or neither")
	}
	s.Auth = user.state != absent
	l.own(func() {
		if file.state != absent {
			l.passwordFile(s, password.state != absent)
		}
		l.readOnly(s)
	})
}

func (l *loader) passwordFile(s *Server, both bool) {
	if both {
		l.reject(s.Section, "password_file", "", "there is a password as well; accepted: one of them")
		return
	}
	file := l.get(s.Section, "password_file", l.here)
	if file.state != present {
		return
	}
	password, err := l.secretFile(file.text)
	if err != nil {
		l.reject(s.Section, "password_file", "", err.Error())
		return
	}
	s.Password, s.PasswordFile = password, l.paths.normalize(file.text)
}

// secretFile is the first line of a file. The error says nothing of its name, which the section has and not everybody may see, nor of its content.
func (l *loader) secretFile(name string) (Secret, error) {
	return secretLine(l.paths.normalize(name))
}

func secretLine(path string) (Secret, error) {
	data, err := readLimited(path)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot read the file: %s", reason(err))
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return Secret{}, errors.New("cannot use the file: the first line is empty")
	}
	return NewSecret(string(line)), nil
}

func (l *loader) readOnly(s *Server) {
	user, password := l.get(s.Section, "read_only_username"), l.get(s.Section, "read_only_password")
	s.ReadOnlyUsername, s.ReadOnlyPassword = l.text(user, ""), NewSecret(l.text(password, ""))
	switch {
	case (user.state == absent) != (password.state == absent):
		l.reject(s.Section, "read_only_username", "", "read_only_username and read_only_password go together; accepted: both or neither")
	case user.state != absent && !s.Auth:
		l.reject(s.Section, "read_only_username", "", "without username and password everybody may do everything; accepted: together with them")
	case user.state == present && s.ReadOnlyUsername == s.Username:
		l.reject(s.Section, "read_only_username", "", "is the username of the one who may act; accepted: another name")
	}
}

func (l *loader) tls(s *Server) {
	file := func(key string) string {
		v := l.get(s.Section, key, l.here)
		if v.state != present {
			return ""
		}
		path := l.paths.normalize(v.text)
		if _, err := os.Stat(path); err != nil {
			l.reject(s.Section, key, "", fmt.Sprintf("cannot use %q: %s; accepted: a PEM file", path, reason(err)))
		}
		return path
	}
	s.CertFile, s.KeyFile, s.ClientCA = file("certfile"), file("keyfile"), file("client_ca")
	if (s.CertFile == "") != (s.KeyFile == "") {
		l.reject(s.Section, "certfile", "", "certfile and keyfile go together; accepted: both or neither")
	} else if s.ClientCA != "" && s.CertFile == "" {
		l.reject(s.Section, "client_ca", "", "there is no certfile; accepted: together with certfile and keyfile")
	}
}
