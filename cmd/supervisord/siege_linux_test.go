package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// siegeVerb makes the test binary a crowd of hostile clients: a process of its own, and another user's, so that the owner's calls are measured apart.
const siegeVerb = "besiege-supervisord"

// crowdVerb is such a crowd, where the command line asks for one.
func crowdVerb(args []string) bool {
	if len(args) < 3 || args[1] != siegeVerb {
		return false
	}
	if err := beCrowd(args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// siege is what a crowd of hostile clients does.
type siege struct {
	Kinds       []string // of hostileKinds, in turn
	Clients     int
	Plain       string // addresses; "": nobody goes there
	Secure      string
	Unix        string
	Descriptors int // that the crowd needs
}

// hostileKind is one way to take more than one's share.
type hostileKind struct {
	name   string
	tls    bool
	proves bool          // that it may read
	send   func() string // the bytes, made once
	then   func(c net.Conn, what []byte, stop <-chan struct{})
}

// besiegeWith has a crowd attack until the function returned is called. It returns when each client has begun once.
func besiegeWith(t testing.TB, s siege) (end func()) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	crowd := exec.Command("/proc/self/exe", siegeVerb, string(text)) // whoever may not reach its path may run it all the same
	crowd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "GOMAXPROCS=2")
	if os.Geteuid() == 0 {
		crowd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	crowd.Stderr = os.Stderr
	in, err := crowd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := crowd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := crowd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, crowd.Process.Pid, 10) // clients elsewhere would take no processor of this machine's
	if _, err := io.ReadFull(out, make([]byte, len("begun\n"))); err != nil {
		t.Errorf("the crowd did not begin: %v", err)
	}
	return func() {
		_ = in.Close()
		if err := crowd.Wait(); err != nil {
			t.Errorf("the crowd: %v", err)
		}
	}
}

// beCrowd is the crowd's process. It ends when its standard input does.
func beCrowd(text string) error {
	var s siege
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	kinds := hostileKinds()
	sends := map[string][]byte{}
	stop := make(chan struct{})
	var all, begun sync.WaitGroup
	for i := range s.Clients {
		k := slices.IndexFunc(kinds, func(k hostileKind) bool { return k.name == s.Kinds[i%len(s.Kinds)] })
		if k < 0 {
			return fmt.Errorf("no such kind: %q", s.Kinds[i%len(s.Kinds)])
		}
		kind := kinds[k]
		if _, made := sends[kind.name]; !made {
			sends[kind.name] = []byte(kind.send()) // shared by all
		}
		what := sends[kind.name]
		network, address := "tcp", s.Plain
		switch {
		case kind.tls:
			address = s.Secure
		case s.Unix != "" && (i/len(s.Kinds)%2 == 1 || s.Plain == ""):
			network, address = "unix", s.Unix
		}
		begun.Add(1)
		all.Go(func() { kind.attack(network, address, what, stop, begun.Done) })
	}
	begun.Wait()
	fmt.Println("begun")
	_, _ = io.Copy(io.Discard, os.Stdin)
	close(stop)
	all.Wait()
	return nil
}

// attack does it over and over, begun called when it was done first.
func (k *hostileKind) attack(network, address string, what []byte, stop <-chan struct{}, begun func()) {
	begun = sync.OnceFunc(begun)
	defer begun()
	for {
		k.once(network, address, what, stop, begun)
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(50+mrand.IntN(100)) * time.Millisecond):
		}
	}
}

func (k *hostileKind) once(network, address string, what []byte, stop <-chan struct{}, connected func()) {
	c, err := net.DialTimeout(network, address, 10*time.Second)
	if err != nil {
		connected()
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Duration(10+mrand.IntN(20)) * time.Second))
	ended := make(chan struct{})
	defer close(ended)
	go func(plain net.Conn) { // whatever it is about; c may become that of TLS meanwhile
		select {
		case <-stop:
			_ = plain.SetDeadline(time.Now())
		case <-ended:
		}
	}(c)
	connected()
	if k.tls {
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		if secure.Handshake() != nil {
			return
		}
		c = secure
	}
	k.then(c, what, stop)
}

// sendAndStay sends, and stays until it is sent away.
func sendAndStay(c net.Conn, what []byte, _ <-chan struct{}) {
	if _, err := c.Write(what); err == nil {
		stayAway(c)
	}
}

// stayAway notices that a connection is closed, and takes little of what comes.
func stayAway(c net.Conn) {
	one := make([]byte, 1)
	for {
		if _, err := c.Read(one); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// trickle sends a byte now and then.
func trickle(c net.Conn, what []byte, stop <-chan struct{}) {
	go func() { _, _ = io.Copy(io.Discard, c) }()
	for i := range len(what) {
		if _, err := c.Write(what[i : i+1]); err != nil {
			return
		}
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sendAndRead sends as fast as answers come.
func sendAndRead(c net.Conn, what []byte, stop <-chan struct{}) {
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := c.Write(what); err != nil {
				return
			}
		}
	}()
	_, _ = io.Copy(io.Discard, c)
}

func hostileKinds() []hostileKind {
	const reader = "Authorization: Basic cmVhZGVyOnI=\r\n"
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + reader + "\r\n" }
	callAs := func(credentials, method string, args ...any) string {
		body, err := xmlrpc.AppendCall(nil, method, args...)
		if err != nil {
			panic(err)
		}
		return "POST /RPC2 HTTP/1.1\r\nHost: x\r\n" + credentials + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + string(body)
	}
	call := func(method string, args ...any) string { return callAs(reader, method, args...) }
	text := func(s string) func() string { return func() string { return s } }
	many := func(n int, s string) func() string { return func() string { return strings.Repeat(s, n) } }
	half := func(s string) func() string { return func() string { return s[:len(s)-10] } }
	multi := func(method string, args ...any) func() string {
		return func() string {
			var calls []any
			for range 200 {
				calls = append(calls, xmlrpc.Struct{{Name: "methodName", Value: method}, {Name: "params", Value: append([]any{}, args...)}})
			}
			return call("system.multicall", calls)
		}
	}
	array := func(n int) []any {
		a := make([]any, n)
		for i := range a {
			a[i] = "idle:idle_" + strconv.Itoa(i%200)
		}
		return a
	}
	large := func(credentials string) func() string {
		return func() string {
			return "POST /RPC2 HTTP/1.1\r\nHost: x\r\n" + credentials + "Content-Length: 7500000\r\n\r\n" + strings.Repeat("x", 7_000_000)
		}
	}
	return []hostileKind{
		{"nothing", false, false, text(""), sendAndStay},
		{"a header of 57 KB that does not end", false, false, text("GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 57_000)), sendAndStay},
		{"a header that trickles", false, false, text("POST /RPC2 HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1000)), trickle},
		{"a body of 7 MB without credentials", false, false, large(""), sendAndStay},
		{"a body of 7 MB that does not end", false, true, large(reader), sendAndStay},
		{"a body that does not end", false, true, half(call("supervisor.getProcessInfo", strings.Repeat("x", 5000))), sendAndStay},
		{"a body that trickles", false, true, text(call("supervisor.getProcessInfo", strings.Repeat("x", 1000))), trickle},
		{"pipelined lists that are not read", false, true, many(100, call("supervisor.getAllProcessInfo")), sendAndStay},
		{"pipelined states that are not read", false, true, many(2000, call("supervisor.getState")), sendAndStay},
		{"a log that is not read", false, true, text(call("supervisor.readProcessStdoutLog", "big", 0, 0)), sendAndStay},
		{"an array for a name", false, true, func() string { return call("supervisor.getProcessInfo", array(50_000)) }, sendAndRead},
		{"waits for many", false, true, func() string { return call("hark.waitProcesses", array(5000), []any{"FATAL"}, 3600) }, sendAndStay},
		{"lists of many calls", false, true, multi("supervisor.getAllProcessInfo"), sendAndStay},
		{"logs of many calls", false, true, multi("supervisor.readProcessStdoutLog", "big", 0, 200_000), sendAndStay},
		{"faults of many calls", false, true, multi("supervisor.getProcessInfo", strings.Repeat("<", 1000)), sendAndRead},
		{"lists", false, true, text(call("supervisor.getAllProcessInfo")), sendAndRead},
		{"states", false, true, text(call("supervisor.getState")), sendAndRead},
		{"wrong passwords", false, false, text(callAs("Authorization: Basic cmVhZGVyOng=\r\n", "supervisor.getState")), sendAndRead},
		{"metrics", false, true, text(get("/metrics")), sendAndRead},
		{"metrics that are not read", false, true, many(50, get("/metrics")), sendAndStay},
		{"the page", false, true, many(50, get("/")), sendAndStay},
		{"events that are not read", false, true, text(get("/events")), sendAndStay},
		{"a log that is followed", false, true, text(get("/logtail/chatty")), sendAndStay},
		{"a handshake", true, false, text(""), sendAndStay},
		{"handshakes", true, false, text(""), func(net.Conn, []byte, <-chan struct{}) {}},
	}
}

func kindNames() (names []string) {
	for _, k := range hostileKinds() {
		names = append(names, k.name)
	}
	return names
}
