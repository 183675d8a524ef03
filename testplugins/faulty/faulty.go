// Package faulty is a plugin that misbehaves in one named way, for tests of the host: a test binary becomes it by calling Run. It is a
// namespace whose methods are echo, and those of the faults that wait for a call.
package faulty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// Verb is the argument before the fault's name by which a test binary knows that it is to be this plugin.
const Verb = "hark-faulty"

// ForkedSleep is the argument of the sleeps that the method forks starts: by it a test knows them.
const ForkedSleep = "86543"

// config is what an instance is configured with.
type config struct {
	Token string `hark:"token,secret" doc:"something secret"`
	Text  string `hark:"text" doc:"what echo puts in front"`
	Hang  bool   `hark:"hang" doc:"never be configured"`
	Die   bool   `hark:"die" doc:"end while being configured"`
}

// Run is the plugin's main. args are the fault's name, "none" for none, and what it needs.
func Run(args []string) {
	fault := args[0]
	if before := beforeHandshake(fault); before != nil {
		before()
	}
	switch fault {
	case "garbage":
		fmt.Println("this is no handshake")
		forEver()
	case "long-line":
		_, _ = os.Stdout.WriteString(strings.Repeat("x", 64<<10))
		forEver()
	case "wrong-version":
		fmt.Println("1|9|unix|/nowhere|grpc")
		forEver()
	case "wrong-core":
		fmt.Println("7|1|unix|/nowhere|grpc")
		forEver()
	case "never-accepts":
		neverAccepts()
	case "tcp":
		fmt.Println("1|1|tcp|127.0.0.1:1|grpc")
		forEver()
	case "wrong-cookie":
		_ = os.Setenv(wire.Cookie, "wrong")
	}
	sdk.Serve(sdk.Plugin{
		Name: "faulty", Version: "0.1.0", Doc: "Misbehaves in one way.", Permission: sdk.ReadCalls,
		Kinds: []sdk.Kind{sdk.NamespaceOf(config{Text: "echo"}, func(ctx context.Context, c config, i sdk.Instance) (sdk.Namespace, error) {
			return newNamespace(ctx, c, i, args)
		})},
	})
}

// beforeHandshake is what goes wrong at once.
func beforeHandshake(fault string) func() {
	return map[string]func(){
		"crash-in-init": func() { panic("no reason to live") },
		"exits":         func() { os.Exit(3) },
		"hangs":         forEver,
	}[fault]
}

func forEver() {
	for {
		time.Sleep(time.Hour)
	}
}

// neverAccepts listens, reports where, and leaves it at that.
func neverAccepts() {
	path := os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/s"
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = syscall.Listen(fd, 1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("1|1|unix|%s|grpc\n", path)
	forEver()
}

type namespace struct {
	config
	i       sdk.Instance
	args    []string
	refused *atomic.Int64 // of calls that loop has made, by the fault 429
}

func newNamespace(_ context.Context, c config, i sdk.Instance, args []string) (sdk.Namespace, error) {
	switch {
	case c.Hang:
		forEver()
	case c.Die:
		os.Exit(4)
	case c.Text == "refuse":
		return nil, errors.New("cannot use the token " + c.Token)
	}
	i.Log.Info("configured", "token", c.Token)
	if args[0] == "leak" { // a child that holds the pipes, in a session of its own
		if err := exec.Command("/usr/bin/setsid", "--fork", "/bin/sleep", args[1]).Run(); err != nil {
			return nil, err
		}
		kept := exec.Command("/bin/sleep", args[1])
		kept.Stdout, kept.Stderr = os.Stdout, os.Stderr
		if err := kept.Start(); err != nil {
			return nil, err
		}
	}
	return &namespace{c, i, args, new(atomic.Int64)}, nil
}

// Methods implements sdk.Namespace.
func (n *namespace) Methods() []sdk.Method {
	all := []sdk.Method{
		{
			Name: "echo", ReadOnly: true, Params: []sdk.Param{{Type: "string", Name: "text", Help: "to be repeated"}}, Optional: 1,
			Returns: sdk.Param{Type: "string", Name: "text", Help: "the same"}, Help: "Repeat a text.",
		},
		{Name: "call", Params: []sdk.Param{{Type: "string", Name: "method", Help: "to be called back"}}, Returns: sdk.Param{Type: "string"}, Help: "Call back."},
		{Name: "fault", Returns: sdk.Param{Type: "string"}, Help: "Answer a fault."},
	}
	for _, name := range []string{"crash", "hang", "stop", "flood", "print", "huge", "deep", "utf8", "forks", "escape", "secret", "loop", "refused"} {
		m := sdk.Method{Name: name, Returns: sdk.Param{Type: "string"}, Help: "Misbehave."}
		if name == "hang" || name == "stop" {
			m.Timeout = 2 * time.Second
		}
		all = append(all, m)
	}
	return all
}

// Call implements sdk.Namespace.
func (n *namespace) Call(ctx context.Context, method string, params []any) (any, error) {
	switch method {
	case "echo":
		if len(params) > 0 {
			return fmt.Sprintf("%s %v", n.Text, params[0]), nil
		}
		return n.Text, nil
	case "call":
		name, _ := params[0].(string)
		v, err := n.i.Host.Call(ctx, name)
		return fmt.Sprint(v), err
	case "fault":
		return nil, &sdk.Fault{Code: 4711, Text: "as you like"}
	case "loop":
		n.loopForever()
		return "", nil
	case "refused":
		return fmt.Sprint(n.refused.Load()), nil
	case "secret":
		return nil, errors.New("cannot use " + n.Token)
	}
	return misbehave(method)
}

// loops is how many goroutines loop runs on.
const loops = 64

// loopForever calls from several goroutines at once.
func (n *namespace) loopForever() {
	for range loops {
		go n.loop()
	}
}

// loop calls back without end, whatever is answered.
func (n *namespace) loop() {
	for {
		var fault *sdk.Fault
		if _, err := n.i.Host.Call(context.Background(), "supervisor.getState"); errors.As(err, &fault) && fault.Code == 429 {
			n.refused.Add(1)
		}
	}
}

func misbehave(how string) (any, error) {
	switch how {
	case "crash":
		go func() { panic("as told") }()
		forEver()
	case "hang":
		forEver()
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "flood":
		go flood(os.Stderr)
	case "print":
		go flood(os.Stdout)
	case "huge":
		return strings.Repeat("x", 32<<20), nil
	case "deep":
		var v any = "bottom"
		for range 10000 {
			v = []any{v}
		}
		return v, nil
	case "utf8":
		return "\xff\xfe", nil
	case "forks":
		return forks(), nil
	case "escape":
		return escape(), nil
	}
	return true, nil
}

func flood(to io.Writer) {
	line := []byte(strings.Repeat("flood ", 20) + "\n")
	for {
		_, _ = to.Write(line)
	}
}

// forks starts processes until it may not, or has started a thousand, and reports how many.
func forks() int {
	for n := range 1000 {
		if err := exec.Command("/bin/sleep", ForkedSleep).Start(); err != nil {
			return n
		}
	}
	return 1000
}
