package sdk

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/hark-supervisor/hark/internal/wire"
)

// Serve serves a plugin to the host that started this process, and never returns: a plugin's main consists of it. The
// process ends when the host asks it to, or when the host has ended (standard input reaches its end). Output to
// standard output after Serve has begun goes to the host's log, and so does standard error; use Instance.Log for log
// lines.
//
// With the argument --describe it prints the plugin's description (DescribeReply in protobuf's JSON form), with
// --version its name and version. Without a host it prints what it is and exits with status 2.
func Serve(p Plugin) {
	os.Exit(run(p, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// ServeOneOf serves one of several plugins in one program: the one that the program is called as (args[0]: a link, with
// or without the prefix hark-), or the one named by args[1]. --list prints their names. It never returns.
func ServeOneOf(plugins []Plugin, args []string) {
	os.Exit(runOneOf(plugins, args, os.Stdin, os.Stdout, os.Stderr))
}

func runOneOf(plugins []Plugin, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{""}
	}
	find := func(name string) int { return slices.IndexFunc(plugins, func(p Plugin) bool { return p.Name == name }) }
	self := filepath.Base(args[0])
	if i := find(strings.TrimPrefix(self, "hark-")); i >= 0 {
		return run(plugins[i], args[1:], stdin, stdout, stderr)
	}
	if len(args) > 1 {
		if i := find(args[1]); i >= 0 {
			return run(plugins[i], args[2:], stdin, stdout, stderr)
		}
		if args[1] == "--list" {
			for _, p := range plugins {
				_, _ = fmt.Fprintln(stdout, p.Name)
			}
			return 0
		}
		_, _ = fmt.Fprintf(stderr, "%s: no plugin is called %q\n", self, args[1])
	}
	_, _ = fmt.Fprintf(stderr, "usage: %s NAME [--describe | --version]\n       %s --list\n\nplugins of Hark:\n", self, self)
	for _, p := range plugins {
		_, _ = fmt.Fprintf(stderr, "  %-12s %s\n", p.Name, p.Doc)
	}
	return 2
}

// run is Serve with the process's environment as parameters; the result is the exit status.
func run(p Plugin, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if err := p.check(); err != nil {
		_, _ = fmt.Fprintf(stderr, "the plugin is not well made: %v\n", err)
		return 1
	}
	for _, arg := range args {
		switch arg {
		case "--describe", "-describe":
			doc, err := Describe(p)
			if err == nil {
				_, err = stdout.Write(doc)
			}
			if err != nil {
				_, _ = fmt.Fprintln(stderr, err)
				return 1
			}
			return 0
		case "--version", "-version":
			_, _ = fmt.Fprintf(stdout, "%s %s\n", p.Name, p.Version)
			return 0
		}
	}
	if os.Getenv(wire.Cookie) != wire.CookieValue {
		_, _ = fmt.Fprint(stderr, byHand(p))
		return 2
	}
	serve(p, stdin, stderr)
	return 0
}

// byHand is printed if a plugin is started by hand.
func byHand(p Plugin) string {
	var kinds []string
	for _, k := range p.Kinds {
		kinds = append(kinds, string(k.name))
	}
	return fmt.Sprintf(`This is %s %s, a plugin of Hark (%s): %s
supervisord starts it where its configuration names it. To install it:

    supervisorctl plugin install FILE

FILE --describe prints the keys it takes.
`, p.Name, p.Version, strings.Join(kinds, ", "), p.Doc)
}

// serve serves until the host says that it is over.
//
// The lifeline: the host holds the other end of standard input, so that a plugin never outlives it, however it
// died. There is nothing to flush then: what the host did not see acknowledged it sends again.
func serve(p Plugin, stdin io.Reader, stderr io.Writer) {
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		os.Exit(0)
	}()
	host := wire.IsPID(os.Getppid)
	r := newRegistry(p, stderr, host)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{wire.ProtocolVersion: {wire.PluginName: &grpcPlugin{r: r}}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, wire.ServerOptions(host)...)...)
		},
		Logger: r.log,
	})
}
