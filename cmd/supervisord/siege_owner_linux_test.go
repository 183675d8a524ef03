package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// fortress is a daemon whose sockets, TCP, TLS and unix, its owner shares with those who only read.
type fortress struct {
	*instance
	plain, secure string
}

func newFortress(t testing.TB, f flavour) *fortress {
	const logSize = 64 << 20
	b := &fortress{plain: freeAddress(t), secure: freeAddress(t)}
	const passwords = "username=owner\npassword=o\nread_only_username=reader\nread_only_password=r\n"
	b.instance = prepare(t, f, strings.ReplaceAll(strings.ReplaceAll(baseConf, "file=DIR/s.sock\n", "file=DIR/s.sock\nchmod=0777\n"+passwords), "loglevel=debug", "loglevel=info")+
		inetSection(b.plain)+strings.ReplaceAll(inetSection(b.secure), "[inet_http_server]", "[inet_http_server:tls]")+`
certfile=DIR/cert
keyfile=DIR/key
`+attackedConf+`[program:owner]
command=/bin/cat
numprocs=4
process_name=%(program_name)s_%(process_num)d
autostart=false
startsecs=0
[program:chatty]
command=/bin/sh -c "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; sleep 0.01; done"
stdout_events_enabled=true
stdout_logfile=DIR/chatty.log
`)
	selfSigned(t, b.dir)
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bigLog(t, b.dir, logSize)
	b.launch()
	for _, w := range b.ways() { // and so a user's right password has come from here
		testkit.Until(t, "supervisord serves", func() bool {
			_, err := w.call("supervisor.getState")
			return err == nil
		})
	}
	return b
}

// way is how the owner comes.
type way struct {
	name   string
	url    string
	client *http.Client
	dialed *atomic.Int32
	took   []time.Duration
	lost   []error
}

func (w *way) call(method string, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	return rpcCallAs(ctx, w.client, w.url, "owner", "o", method, args...)
}

// newWay is one by an address; kept: always with the same connection.
func newWay(name, url, network, address string, kept bool) *way {
	dialed := new(atomic.Int32)
	return &way{name: name, url: url, dialed: dialed, client: &http.Client{Timeout: testkit.Patience, Transport: &http.Transport{
		DisableKeepAlives: !kept, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			dialed.Add(1)
			var d net.Dialer
			return d.DialContext(ctx, network, address)
		},
	}}}
}

// ways are with a new connection each time, but for the last.
func (b *fortress) ways() []*way {
	return []*way{
		newWay("unix", "http://localhost/RPC2", "unix", b.sock, false),
		newWay("tcp", "http://localhost/RPC2", "tcp", b.plain, false),
		newWay("tls", "https://localhost/RPC2", "tcp", b.secure, false),
		newWay("kept", "http://localhost/RPC2", "tcp", b.plain, true),
	}
}

// come has the owner come by all ways at once, over and over until done, which gets the number of calls that a way has made.
func (b *fortress) come(ways []*way, done func(calls int) bool) {
	var all sync.WaitGroup
	for i, w := range ways {
		all.Go(func() {
			name := "owner:owner_" + strconv.Itoa(i)
			for n := 0; !done(n); n++ {
				method, args := "supervisor.getState", []any{}
				switch n % 5 {
				case 1:
					method = "supervisor.getAllProcessInfo"
				case 2:
					method, args = "supervisor.startProcess", []any{name}
				case 3:
					method, args = "supervisor.stopProcess", []any{name}
				case 4:
					method, args = "supervisor.tailProcessStdoutLog", []any{"big", 0, 100_000}
				}
				begun := time.Now()
				if _, err := w.call(method, args...); err != nil {
					w.lost = append(w.lost, fmt.Errorf("%s after %v: %w", method, time.Since(begun), err))
				} else {
					w.took = append(w.took, time.Since(begun))
				}
				time.Sleep(50 * time.Millisecond)
			}
			w.client.CloseIdleConnections()
		})
	}
	all.Wait()
}

// percent is how long the fastest so many percent of the calls took at most.
func (w *way) percent(p int) time.Duration {
	slices.Sort(w.took)
	if len(w.took) == 0 {
		return 0
	}
	return w.took[min(len(w.took)*p/100, len(w.took)-1)]
}

// siegeOf has the owner come while a crowd does what kinds name, over TCP, TLS and the unix socket.
func (b *fortress) siegeOf(t testing.TB, kinds []string, clients int, done func(calls int) bool) []*way {
	t.Helper()
	s := siege{Kinds: kinds, Clients: clients, Plain: b.plain, Secure: b.secure}
	if os.Geteuid() == 0 { // else the crowd is the daemon's own user, who is its owner there
		s.Unix = b.sock
	}
	ways := b.ways()
	if _, err := ways[3].call("supervisor.getState"); err != nil { // which has its connection before
		t.Fatal(err)
	}
	end := besiegeWith(t, s)
	defer end()
	b.come(ways, done)
	return ways
}

// More hostile clients than there are places, who come again as soon as they are sent away, cost the owner none of his calls, and not the connection that he has:
// neither with a new connection each time nor with one that is kept, over unix, TCP and TLS.
func TestTheOwnerIsServedWhoeverComes(t *testing.T) {
	const clients, calls = 1100, 10
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Max < 4096 {
		t.Skipf("%d clients and 1,024 places need a limit of 4,096 open files, here it is %d", clients, files.Max)
	}
	f := ordinary(t)
	var proving, reading []string // without a password, and with one
	for _, k := range hostileKinds() {
		if k.proves {
			reading = append(reading, k.name)
		} else {
			proving = append(proving, k.name)
		}
	}
	for name, kinds := range map[string][]string{
		"who show nothing": proving, "who may read": reading, "all": append(proving[:len(proving):len(proving)], reading...),
		"headers": {"a header of 57 KB that does not end"}, "bodies": {"a body that does not end"}, "pipelines": {"pipelined states that are not read", "states"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFortress(t, f)
			for _, w := range b.siegeOf(t, kinds, clients, func(n int) bool { return n >= calls }) {
				if len(w.took) != calls {
					t.Errorf("%s: %d calls were answered, and not: %v", w.name, len(w.took), w.lost)
				}
				if n := int(w.dialed.Load()); w.name == "kept" && n != 1 {
					t.Errorf("the owner's connection went: there were %d", n)
				}
			}
		})
	}
}

// What each kind of hostile client costs the owner: HARK_SIEGE=clients:seconds measures it, HARK_SIEGE_KIND only the kinds with that in their names. The table
// is that of bench/RESULTS.md.
func TestSiege(t *testing.T) {
	var clients, seconds int
	if _, err := fmt.Sscanf(os.Getenv("HARK_SIEGE"), "%d:%d", &clients, &seconds); err != nil {
		t.Skip("HARK_SIEGE=clients:seconds measures")
	}
	f := ordinary(t)
	var rows []string
	for _, kind := range append(kindNames(), "all of them", "no one") {
		if !strings.Contains(kind, os.Getenv("HARK_SIEGE_KIND")) {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			b := newFortress(t, f)
			kinds, crowd := []string{kind}, clients
			switch kind {
			case "all of them":
				kinds = kindNames()
			case "no one":
				kinds, crowd = kindNames(), 0
			}
			var begun atomic.Int64
			ways := b.siegeOf(t, kinds, crowd, func(int) bool {
				begun.CompareAndSwap(0, time.Now().UnixNano())
				return time.Now().UnixNano()-begun.Load() > int64(seconds)*int64(time.Second)
			})
			row := fmt.Sprintf("| %s | %d |", kind, crowd)
			for _, w := range ways {
				row += fmt.Sprintf(" %.2f, %.2f, %.2f; %d of %d |", w.percent(50).Seconds(), w.percent(95).Seconds(), w.percent(100).Seconds(), len(w.lost), len(w.took)+len(w.lost))
				for _, err := range w.lost[:min(len(w.lost), 5)] {
					t.Logf("%s: %v", w.name, err)
				}
			}
			rows = append(rows, row+fmt.Sprintf(" %d MiB |", memoryOf(t, b.cmd.Process.Pid, "VmHWM")>>20))
			t.Log(rows[len(rows)-1])
		})
	}
	t.Log("\n" + strings.Join(rows, "\n"))
}
