package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// hostileMix is what hostile clients do, each over and over. All have the credentials of those who may only read.
type hostileMix struct {
	plain, secure string // addresses
	attacks       []attack
}

// attack is one thing that a client does with its connection, until that is closed or stop is.
type attack struct {
	name string
	tls  bool
	do   func(c net.Conn, stop <-chan struct{})
}

// quietly waits until a connection is closed, for so long, without reading what comes.
func quietly(c net.Conn, stop <-chan struct{}) {
	select {
	case <-stop:
	case <-time.After(time.Duration(2+mrand.IntN(8)) * time.Second):
	}
	_ = c.Close()
}

func newHostileMix(t testing.TB, plain, secure string) *hostileMix {
	get := func(path string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cmVhZGVyOnI=\r\n\r\n"
	}
	call := func(method string, args ...any) string { return rawCall(t, "reader", "r", method, args...) }
	many := func(method string, args ...any) string {
		var calls []any
		for range 200 {
			calls = append(calls, xmlrpc.Struct{{Name: "methodName", Value: method}, {Name: "params", Value: append([]any{}, args...)}})
		}
		return call("system.multicall", calls)
	}
	names := make([]any, 5000)
	for i := range names {
		names[i] = "idle:idle_" + strconv.Itoa(i%200)
	}
	unread := func(request string) func(net.Conn, <-chan struct{}) {
		return func(c net.Conn, stop <-chan struct{}) {
			_, _ = io.WriteString(c, request)
			quietly(c, stop)
		}
	}
	slowly := func(request string) func(net.Conn, <-chan struct{}) {
		return func(c net.Conn, stop <-chan struct{}) {
			_, _ = io.WriteString(c, request)
			b := make([]byte, 4<<10)
			for {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Millisecond):
				}
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}
	}
	greedily := func(request string) func(net.Conn, <-chan struct{}) {
		return func(c net.Conn, stop <-chan struct{}) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			for {
				if _, err := io.WriteString(c, request); err != nil {
					return
				}
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	}
	body := call("supervisor.getProcessInfo", strings.Repeat("x", 900_000))
	return &hostileMix{plain: plain, secure: secure, attacks: []attack{
		{"a log that is not read", false, unread(call("supervisor.readProcessStdoutLog", "big", 0, 0))},
		{"a log that is not read, by TLS", true, unread(call("supervisor.readProcessStdoutLog", "big", 0, 0))},
		{"a log that is read slowly", false, slowly(call("supervisor.readProcessStdoutLog", "big", 0, 0))},
		{"a log that is read", false, greedily(call("supervisor.tailProcessStdoutLog", "big", 0, 1_000_000))},
		{"lists that are not read", false, unread(strings.Repeat(call("supervisor.getAllProcessInfo"), 100))},
		{"lists that are read", false, greedily(call("supervisor.getAllProcessInfo"))},
		{"lists of many calls", false, unread(many("supervisor.getAllProcessInfo"))},
		{"logs of many calls", false, unread(many("supervisor.readProcessStdoutLog", "big", 0, 200_000))},
		{"faults of many calls", false, greedily(many("supervisor.getProcessInfo", strings.Repeat("<", 1000)))},
		{"states", false, greedily(call("supervisor.getState"))},
		{"a log that is followed and not read", false, unread(get("/logtail/chatty"))},
		{"events that are not read", false, unread(get("/events"))},
		{"events of the past", true, unread(get("/events?last_event_id=1"))},
		{"the page", false, unread(strings.Repeat(get("/"), 50))},
		{"a snapshot", false, greedily(get("/ui/api/snapshot"))},
		{"a download", false, unread(get("/ui/api/log?name=big&download=1"))},
		{"a long tail", false, unread(get("/tail.html?processname=big&limit=4000000"))},
		{"metrics", false, greedily(get("/metrics"))},
		{"waits for many", false, unread(call("hark.waitProcesses", names, []any{"FATAL"}, 3600))},
		{"a large body that does not end", false, unread(body[:800_000])},
		{"a large body", false, greedily(body)},
		{"a large header", false, unread("GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 60_000))},
		{"nothing", false, unread("")},
		{"a handshake", true, unread("")},
		{"wrong passwords", false, greedily(rawCall(t, "reader", "wrong", "supervisor.getState"))},
	}}
}

// attackWith has so many clients attack until the function returned is called. It returns when each has begun once.
func (m *hostileMix) attackWith(clients int) (end func()) {
	stop := make(chan struct{})
	var all, begun sync.WaitGroup
	for i := range clients {
		begun.Add(1)
		all.Go(func() {
			once := sync.OnceFunc(begun.Done)
			defer once()
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				m.once(m.attacks[n%len(m.attacks)], stop, once)
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
	begun.Wait()
	return func() {
		close(stop)
		all.Wait()
	}
}

func (m *hostileMix) once(a attack, stop <-chan struct{}, connected func()) {
	address := m.plain
	if a.tls {
		address = m.secure
	}
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	connected()
	if a.tls {
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		if secure.Handshake() != nil {
			return
		}
		c = secure
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() { // whatever it is about
		select {
		case <-stop:
			_ = c.SetDeadline(time.Now())
		case <-ended:
		}
	}()
	a.do(c, stop)
}

// selfSigned writes a certificate and its key.
func selfSigned(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "cert"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(dir, "key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// memoryOf is a line of /proc/PID/status in bytes, such as VmHWM.
func memoryOf(t testing.TB, pid int, line string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(text, ":"); name == line {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("there is no %s", line)
	return 0
}

// openSockets is how many sockets the daemon has open.
func (in *instance) openSockets() (n int) {
	in.t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", in.cmd.Process.Pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		in.t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(dir + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// ordinary is Hark's supervisord without the race detector, whose memory is several times as much.
func ordinary(t testing.TB) flavour {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "supervisord")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("cannot build supervisord: %v\n%s", err, out)
	}
	return flavour{"hark", []string{binary}, nil}
}

// Hostile clients with every attack that there is keep the daemon's memory within 128 MiB, and the owner's calls are answered all the while. HARK_SOAK=1: 2,000
// clients for a minute.
func TestHostileClientsTakeBoundedMemory(t *testing.T) {
	const most = 128 << 20
	clients, lasts, logSize := 300, 8*time.Second, 16<<20
	if os.Getenv("HARK_SOAK") == "1" {
		clients, lasts, logSize = 2000, time.Minute, 64<<20
	}
	plain, secure := freeAddress(t), freeAddress(t)
	in := prepare(t, ordinary(t), baseConf+inetSection(plain)+strings.ReplaceAll(inetSection(secure), "[inet_http_server]", "[inet_http_server:tls]")+`
certfile=DIR/cert
keyfile=DIR/key
`+attackedConf+`[program:owner]
command=/bin/cat
autostart=false
startsecs=0
[program:chatty]
command=/bin/sh -c "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789; done"
stdout_events_enabled=true
stdout_logfile=DIR/chatty.log
stdout_logfile_maxbytes=4MB
stdout_logfile_backups=1
`)
	in.writeConf(strings.ReplaceAll(in.file("supervisord.conf"), "loglevel=debug", "loglevel=info"))
	selfSigned(t, in.dir)
	bigLog(t, in.dir, logSize)
	in.launch()
	in.waitServing()
	pid := in.cmd.Process.Pid
	quiet, before := memoryOf(t, pid, "VmRSS"), in.openSockets()
	end := newHostileMix(t, plain, secure).attackWith(clients)
	stopAttack := sync.OnceFunc(end)
	defer stopAttack()
	var took []time.Duration
	next := time.NewTicker(100 * time.Millisecond)
	defer next.Stop()
	for begun := time.Now(); time.Since(begun) < lasts; <-next.C {
		for _, c := range []struct {
			method string
			args   []any
		}{{"supervisor.getState", nil}, {"supervisor.getAllProcessInfo", nil}, {"supervisor.startProcess", []any{"owner"}}, {"supervisor.stopProcess", []any{"owner"}},
			{"supervisor.tailProcessStdoutLog", []any{"big", 0, 100_000}}} {
			call := time.Now()
			if _, err := in.call(c.method, c.args...); err != nil {
				t.Fatalf("the owner's %s: %v", c.method, err)
			}
			took = append(took, time.Since(call))
		}
	}
	peak := memoryOf(t, pid, "VmHWM")
	stopAttack()
	slices.Sort(took)
	t.Logf("%d clients: %d MiB at most, %d before; %d calls of the owner: p50 %v, p99 %v, longest %v", clients, peak>>20, quiet>>20,
		len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	if peak > most {
		t.Errorf("it took %d MiB", peak>>20)
	}
	testkit.Until(t, "its clients have left nothing behind", func() bool { return in.openSockets() <= before })
}
