package fastcgi

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
)

// fcgiConf has one FastCGI group, of one process, for each socket.
func fcgiConf(t *testing.T, autostart bool, sockets ...config.Socket) *config.Config {
	t.Helper()
	conf := &config.Config{}
	conf.Supervisord.ChildLogDir = t.TempDir()
	for i := range sockets {
		name := fmt.Sprintf("web%d", i)
		conf.Groups = append(conf.Groups, &config.Group{Name: name, Kind: config.FastCGIGroup, Socket: &sockets[i],
			Processes: []*config.Process{{Name: name, AutoStart: autostart}}})
	}
	return conf
}

func unixSocket(path string) config.Socket {
	return config.Socket{SocketAddress: config.SocketAddress{URL: "unix://" + path, Network: "unix", Path: path}, Mode: 0o700}
}

func tcpSocket(port int) config.Socket {
	return config.Socket{SocketAddress: config.SocketAddress{URL: fmt.Sprintf("tcp://127.0.0.1:%d", port), Network: "tcp", Host: "127.0.0.1", Port: port}}
}

// takenPort is one that somebody listens at.
func takenPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// recorded are FastCGI sockets with what they log.
func recorded() (*Sockets, *[]string) {
	var lines []string
	return New(func(_ config.Level, line string) { lines = append(lines, line) }), &lines
}

func TestAPreparedFastCGISocketHasNoNameUntilItsLifeBegins(t *testing.T) {
	s, _ := recorded()
	path := filepath.Join(t.TempDir(), "f.sock")
	before := openDescriptors(t)
	c := unixSocket(path)
	l, err := s.Prepare(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the name is there: %v", err)
	}
	if err := s.Complete(l, &c); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	s.Release(l)
	// Discarded without a name it leaves nothing.
	other := unixSocket(filepath.Join(filepath.Dir(path), "g.sock"))
	if l, err = s.Prepare(&other); err != nil {
		t.Fatal(err)
	}
	s.Release(l)
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 || left[0].Name() != "f.sock" {
		t.Errorf("left: %v", left)
	}
	if after := openDescriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestAFastCGISocketThatStaysIsKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.sock")
	for name, tc := range map[string]struct {
		socket config.Socket
		change func(*config.Socket)
		kept   bool
	}{
		"the same unix socket":           {unixSocket(path), func(*config.Socket) {}, true},
		"of another mode":                {unixSocket(path), func(c *config.Socket) { c.Mode = 0o770 }, false},
		"of another owner":               {unixSocket(path), func(c *config.Socket) { c.Owner = &config.Owner{UID: os.Getuid(), GID: os.Getgid()} }, false},
		"the file of which was removed":  {unixSocket(path), func(*config.Socket) { _ = os.Remove(path) }, false},
		"the same port":                  {tcpSocket(0), func(*config.Socket) {}, true},
		"the same port, another backlog": {tcpSocket(0), func(c *config.Socket) { c.Backlog = 3 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, lines := recorded()
			before := openDescriptors(t)
			present, err := s.Create(&tc.socket)
			if err != nil {
				t.Fatal(err)
			}
			next := tc.socket
			tc.change(&next)
			prepared, err := s.Prepare(&next)
			if err != nil {
				t.Fatal(err)
			}
			if kept := prepared == present; kept != tc.kept {
				t.Errorf("kept: %v", kept)
			}
			s.Release(present) // the last process of the life before
			if err := s.Complete(prepared, &next); err != nil {
				t.Fatal(err)
			}
			if next.Network == "unix" {
				conn, err := net.Dial("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
			}
			s.Release(prepared)
			closings := 0
			for _, line := range *lines {
				if strings.HasPrefix(line, "Closing socket") {
					closings++
				}
			}
			if want := map[bool]int{true: 1, false: 2}[tc.kept]; closings != want {
				t.Errorf("%d were closed, want %d: %q", closings, want, *lines)
			}
			if after := openDescriptors(t); after > before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}

func TestWhichFastCGISocketsARestartPrepares(t *testing.T) {
	port := takenPort(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("those that cannot be are told, all of them", func(t *testing.T) {
		s, _ := recorded()
		conf := fcgiConf(t, true, tcpSocket(port), unixSocket(file), unixSocket(filepath.Join(dir, "good.sock")), unixSocket(filepath.Join(dir, "none", "f.sock")))
		before := openDescriptors(t)
		_, problems := s.PrepareGroups(conf.Groups)
		var said []string
		for _, p := range problems {
			said = append(said, p.Section+" "+p.Key)
		}
		if !slices.Equal(said, []string{"fcgi-program:web0 socket", "fcgi-program:web1 socket", "fcgi-program:web3 socket"}) {
			t.Errorf("told: %q", problems)
		}
		if after := openDescriptors(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
	t.Run("one that nobody starts is left alone", func(t *testing.T) {
		s, _ := recorded()
		if p, problems := s.PrepareGroups(fcgiConf(t, false, tcpSocket(port)).Groups); problems != nil || len(p) != 0 {
			t.Errorf("%v", problems)
		}
	})
	t.Run("one that the present life has had no luck with is no reason", func(t *testing.T) {
		s, _ := recorded()
		c := tcpSocket(port)
		s.Add(&c, 1)
		if p, problems := s.PrepareGroups(fcgiConf(t, true, c).Groups); problems != nil || len(p) != 0 {
			t.Errorf("%v", problems)
		}
		s.Begin()
		if _, problems := s.PrepareGroups(fcgiConf(t, true, c).Groups); len(problems) != 1 {
			t.Errorf("of another life: %v", problems)
		}
	})
	t.Run("of two groups with one address the first has it", func(t *testing.T) {
		s, _ := recorded()
		path := filepath.Join(dir, "two.sock")
		conf := fcgiConf(t, true, unixSocket(path), unixSocket(path))
		p, problems := s.PrepareGroups(conf.Groups)
		if problems != nil || p[conf.Groups[0]] == nil || p[conf.Groups[1]] != nil {
			t.Errorf("%v, %v", problems, p)
		}
		s.Release(p[conf.Groups[0]])
	})
	t.Run("one of ours that is in the way will be closed", func(t *testing.T) {
		s, _ := recorded()
		present := tcpSocket(0)
		for present.Port == 0 {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			present = tcpSocket(l.Addr().(*net.TCPAddr).Port)
			_ = l.Close()
		}
		l, err := s.Create(&present)
		if err != nil {
			t.Fatal(err)
		}
		next := present
		next.Host = "*"
		if p, problems := s.PrepareGroups(fcgiConf(t, true, next).Groups); problems != nil || len(p) != 0 {
			t.Errorf("%v", problems)
		}
		s.Release(l)
	})
}
