package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
)

const natsBridgeHelp = `nats-bridge -d NAME [OPTION]... [--] COMMAND [ARGUMENT]...

Runs an unmodified listener, in any language, on the events of many machines, which the
plugin nats has sent to a stream of NATS JetStream. It is not a listener itself but a
program ([program:x]). Subscribe it to events with --filter.

  -d, --durable NAME            the consumer's name in the stream, which remembers the
                                position of the listener; several bridges with one name
                                share the events; listeners see it as the pool
  -s, --server URL              servers, separated by commas; may be repeated
                                (nats://127.0.0.1:4222); or NATS_URL
      --stream NAME             the stream (HARK)
      --prefix PREFIX           prefix of its subjects (hark)
  -f, --filter KIND=LIST        only some events; may be repeated. KIND is
                                  events: types, and those below them (PROCESS_STATE,TICK_60)
                                  identifiers: machines, as patterns (web*,db1)
                                  programs: processes, as patterns (web:*,billing), and
                                  events about none
      --from new|all            where a consumer that is new begins (new)
      --in-flight COUNT         events taken from the stream at a time (1); with more it is
                                faster, and one that comes again comes behind others
      --ack-wait TIME           after so long the stream gives the events of a bridge that
                                is gone to another (30s); a slow listener is waited for
      --timeout TIME            a listener that has not answered by then is started again
                                (0: never)
      --retry-delay TIME        wait before an event that was not taken comes again, doubled
                                each time up to 30s (1s)
      --max-deliveries COUNT    then it is given up (0: never)
      --dead-letter SUBJECT     where what is given up goes; otherwise it is only logged
      --stop-wait TIME          how long the listener may take to answer, and then to end,
                                at SIGTERM (10s)

      --user NAME               or NATS_USER
      --password-file FILE      or NATS_PASSWORD, the password itself
      --token-file FILE         or NATS_TOKEN, the token itself
      --creds FILE              file of credentials, or NATS_CREDS
      --nkey FILE               file of a user's seed, or NATS_NKEY
      --tls-ca FILE             certificate authorities of the servers
      --tls-cert FILE, --tls-key FILE
                                certificate and key of this client
      --tls-server-name NAME    name in the servers' certificates

After RESULT 2\nOK an event is done. After any other result, or the end of the listener, it
comes again. In an event's header, server: is the machine's identifier, serial: the event's
number there, and poolserial: the number of the message in the stream. XML-RPC calls of the
listener go to this machine's supervisord.
`

const (
	defaultServer     = "nats://127.0.0.1:4222"
	defaultAckWait    = 30 * time.Second
	defaultStopWait   = 10 * time.Second
	maxBridgeInFlight = 1000
	// natsTimeout is for connecting to a server, and for a call of JetStream's API.
	natsTimeout = 5 * time.Second
	// maxFilterSubjects is how many subjects a consumer gets before machines are filtered here instead.
	maxFilterSubjects = 500
)

// bridgeOptions are nats-bridge's.
type bridgeOptions struct {
	servers       stream.Servers
	stream        string
	prefix        string
	durable       string
	filter        bridgeFilter
	from          string
	inFlight      int
	ackWait       time.Duration
	timeout       time.Duration
	retryDelay    time.Duration
	maxDeliveries int
	deadLetter    string
	stopWait      time.Duration
	command       []string
}

// runNATSBridge reads the options and runs the bridge until SIGTERM.
func runNATSBridge(s surroundings, args []string) int {
	o, err := parseBridge(s, args)
	if err != nil {
		return s.usage(natsBridgeHelp, err, exitUnknown)
	}
	if _, err := exec.LookPath(o.command[0]); err != nil {
		s.logf("cannot run the listener: %v", err)
		return exitFailed
	}
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) // so that they are ignored in the listener, as supervisord has it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	newBridge(s, o).run(ctx)
	return 0
}

func parseBridge(s surroundings, args []string) (bridgeOptions, error) {
	o := bridgeOptions{
		stream: stream.DefaultStream, prefix: stream.DefaultPrefix, from: "new", inFlight: 1, ackWait: defaultAckWait,
		retryDelay: firstPause, stopWait: defaultStopWait,
	}
	var servers, filters []string
	var passwordFile, tokenFile, ca, cert, key, serverName string
	user, creds, nkey := s.getenv("NATS_USER"), s.getenv("NATS_CREDS"), s.getenv("NATS_NKEY")
	rest, err := parseOptions(args, false, []option{
		textOption('d', "durable", &o.durable), listOption('s', "server", &servers), textOption(0, "stream", &o.stream), textOption(0, "prefix", &o.prefix),
		listOption('f', "filter", &filters), textOption(0, "from", &o.from), numberOption(0, "in-flight", &o.inFlight),
		timeOption("ack-wait", &o.ackWait), timeOption("timeout", &o.timeout), timeOption("retry-delay", &o.retryDelay), timeOption("stop-wait", &o.stopWait),
		numberOption(0, "max-deliveries", &o.maxDeliveries), textOption(0, "dead-letter", &o.deadLetter),
		textOption(0, "user", &user), textOption(0, "password-file", &passwordFile), textOption(0, "token-file", &tokenFile),
		textOption(0, "creds", &creds), textOption(0, "nkey", &nkey),
		textOption(0, "tls-ca", &ca), textOption(0, "tls-cert", &cert), textOption(0, "tls-key", &key), textOption(0, "tls-server-name", &serverName),
	})
	if err != nil {
		return o, err
	}
	o.command = rest
	if len(servers) == 0 {
		servers = []string{s.getenv("NATS_URL")}
	}
	if servers[0] == "" {
		servers = []string{defaultServer}
	}
	if o.filter, err = parseFilter(filters); err != nil {
		return o, err
	}
	if err := o.check(); err != nil {
		return o, err
	}
	o.servers = stream.Servers{Username: user, Password: s.getenv("NATS_PASSWORD"), Token: s.getenv("NATS_TOKEN"), Name: "hark nats-bridge " + o.durable, Timeout: natsTimeout}
	if o.servers.Addresses, err = stream.CheckServers(strings.Split(strings.Join(servers, ","), ",")); err != nil {
		return o, fmt.Errorf("option --server: addresses %w", err)
	}
	for _, f := range []struct {
		option, file string
		to           *string
		check        func(string) error
	}{
		{"password-file", passwordFile, &o.servers.Password, nil}, {"token-file", tokenFile, &o.servers.Token, nil},
		{"creds", creds, &o.servers.Creds, stream.CheckCreds}, {"nkey", nkey, &o.servers.NKey, stream.CheckNKey},
	} {
		if f.file == "" {
			continue
		}
		text, err := os.ReadFile(f.file)
		if err != nil {
			return o, fmt.Errorf("option --%s: %w", f.option, err)
		}
		if *f.to = strings.TrimRight(string(text), "\r\n"); f.check != nil {
			if err := f.check(*f.to); err != nil {
				return o, fmt.Errorf("option --%s: %s %w", f.option, f.file, err)
			}
		}
	}
	o.servers.TLS, err = bridgeTLS(ca, cert, key, serverName)
	return o, err
}

func (o *bridgeOptions) check() error {
	switch {
	case len(o.command) == 0:
		return errors.New("the listener's command is wanted")
	case o.durable == "":
		return errors.New("option --durable is wanted")
	case stream.CheckStream(o.durable) != nil:
		return fmt.Errorf("option --durable: it %w", stream.CheckStream(o.durable))
	case stream.CheckStream(o.stream) != nil:
		return fmt.Errorf("option --stream: it %w", stream.CheckStream(o.stream))
	case stream.CheckPrefix(o.prefix) != nil:
		return fmt.Errorf("option --prefix: it %w", stream.CheckPrefix(o.prefix))
	case o.from != "new" && o.from != "all":
		return fmt.Errorf("option --from: cannot use %q: new or all", o.from)
	case o.inFlight < 1 || o.inFlight > maxBridgeInFlight:
		return fmt.Errorf("option --in-flight: it must be from 1 to %d", maxBridgeInFlight)
	case o.ackWait < time.Second:
		return errors.New("option --ack-wait: it must be at least 1s")
	case o.maxDeliveries < 0:
		return errors.New("option --max-deliveries: it must not be less than 0")
	case o.deadLetter != "" && (stream.CheckPrefix(o.deadLetter) != nil || strings.HasPrefix(o.deadLetter+".", o.prefix+".events.")):
		return fmt.Errorf("option --dead-letter: it must be a subject of words separated by dots, and not below %s.events", o.prefix)
	case o.deadLetter != "" && o.maxDeliveries == 0:
		return errors.New("option --dead-letter: nothing is given up without --max-deliveries")
	}
	return nil
}

func timeOption(long string, to *time.Duration) option {
	return option{long: long, takes: func(v string) (err error) { *to, err = parseSeconds(v); return err }}
}

// bridgeTLS is nil if no option is about TLS: the address then decides, or the server.
func bridgeTLS(ca, cert, key, serverName string) (*tls.Config, error) {
	if ca == "" && cert == "" && key == "" && serverName == "" {
		return nil, nil
	}
	c := &tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("option --tls-ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("option --tls-ca: %s has no certificate in PEM form", ca)
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("options --tls-cert and --tls-key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// bridgeFilter chooses events. Where it can, the server applies it.
type bridgeFilter struct {
	types       []eventlistener.Type // nil: all, those too that a later Hark may have
	identifiers []string             // patterns; nil: all
	programs    *eventlistener.Programs
}

func parseFilter(filters []string) (f bridgeFilter, err error) {
	var programs []string
	for _, text := range filters {
		kind, list, _ := strings.Cut(text, "=")
		var items []string
		for item := range strings.SplitSeq(list, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		if len(items) == 0 {
			return f, fmt.Errorf("option --filter: cannot use %q: KIND=LIST", text)
		}
		switch strings.TrimSpace(kind) {
		case "events":
			for _, name := range items {
				t, known := eventlistener.ParseType(name)
				if !known {
					return f, fmt.Errorf("option --filter: there is no event type %q", name)
				}
				for _, below := range eventlistener.Types() {
					if below.Is(t) && !slices.Contains(f.types, below) {
						f.types = append(f.types, below)
					}
				}
			}
		case "identifiers":
			for _, pattern := range items {
				if _, err := path.Match(pattern, ""); err != nil {
					return f, fmt.Errorf("option --filter: %q is not a pattern", pattern)
				}
			}
			f.identifiers = append(f.identifiers, items...)
		case "programs":
			programs = append(programs, items...)
		default:
			return f, fmt.Errorf("option --filter: there is no kind %q: events, identifiers or programs", kind)
		}
	}
	if programs != nil {
		if f.programs, err = eventlistener.ParsePrograms(programs); err != nil {
			return f, fmt.Errorf("option --filter: %w", err)
		}
	}
	return f, nil
}

// subjects are those that the server is to send. They do not overlap.
func (f *bridgeFilter) subjects(prefix string) []string {
	machines := []string{"*"}
	exact := !slices.ContainsFunc(f.identifiers, func(p string) bool { return strings.ContainsAny(p, `*?[\`) })
	if exact && f.identifiers != nil && len(f.identifiers)*max(len(f.types), 1) <= maxFilterSubjects {
		machines = nil
		for _, name := range f.identifiers {
			if token := stream.Token(name); !slices.Contains(machines, token) {
				machines = append(machines, token)
			}
		}
	}
	var all []string
	for _, machine := range machines {
		if f.types == nil {
			all = append(all, prefix+".events."+machine+".*.*.*")
		}
		for _, t := range f.types {
			all = append(all, prefix+".events."+machine+".*.*."+t.String())
		}
	}
	return all
}

// pass reports whether an event that the server has sent is chosen.
func (f *bridgeFilter) pass(r *stream.Received) bool {
	if f.identifiers != nil && !slices.ContainsFunc(f.identifiers, func(pattern string) bool {
		ok, _ := path.Match(pattern, r.Identifier)
		return ok
	}) {
		return false
	}
	if t, known := eventlistener.ParseType(r.Type); f.types != nil && (!known || !slices.Contains(f.types, t)) {
		return false
	}
	return r.Process == "" || f.programs.Match(r.Group, r.Process)
}
