package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Servers describes how to reach a NATS cluster, and the credentials.
type Servers struct {
	Addresses          []string // of CheckServers
	Username, Password string
	Token              string
	NKey               string // the seed, of `nk -gen user`
	Creds              string // the text of a file of credentials: a JWT and a seed
	TLS                *tls.Config
	Name               string        // of the connection, as `nats server report connections` shows it
	Timeout            time.Duration // of connecting to one server
}

// CheckServers checks addresses of servers and completes them: nats://host:4222, tls://host:4222, or host:4222. The error
// quotes nothing of the value, which may contain a password.
func CheckServers(addresses []string) ([]string, error) {
	wrong := errors.New("must be like nats://host:4222 or tls://host:4222, separated by commas")
	var all []string
	for _, a := range addresses {
		a = strings.TrimSpace(a)
		if a == "" {
			continue
		}
		if !strings.Contains(a, "://") {
			a = "nats://" + a
		}
		u, err := url.Parse(a)
		switch {
		case err != nil || u.Hostname() == "" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
			return nil, wrong
		case u.Scheme != "nats" && u.Scheme != "tls":
			return nil, wrong
		case u.User != nil:
			return nil, errors.New("must hold no user or password: these have keys of their own")
		}
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), "4222")
		}
		all = append(all, u.Scheme+"://"+u.Host)
	}
	if len(all) == 0 {
		return nil, wrong
	}
	return all, nil
}

// Hosts are the servers as an error names them.
func (s *Servers) Hosts() string {
	var all []string
	for _, a := range s.Addresses {
		_, host, _ := strings.Cut(a, "://")
		all = append(all, host)
	}
	return strings.Join(all, ", ")
}

// CheckNKey reports whether a text is a user's seed. The error has nothing of it.
func CheckNKey(seed string) error {
	pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(seed)))
	if err != nil {
		return errors.New("is not the seed of a user, which begins with SU")
	}
	pair.Wipe()
	return nil
}

// CheckCreds reports whether a text is a file of credentials. The error has nothing of it.
func CheckCreds(text string) error {
	_, err := nkeys.ParseDecoratedJWT([]byte(text))
	if err == nil {
		var pair nkeys.KeyPair
		if pair, err = nkeys.ParseDecoratedNKey([]byte(text)); err == nil {
			pair.Wipe()
			return nil
		}
	}
	return errors.New("is not a credentials file, with a JWT and a seed between lines of dashes")
}

// options are the library's options for credentials and trust.
func (s *Servers) options() ([]nats.Option, error) {
	options := []nats.Option{nats.Name(s.Name), nats.Timeout(s.Timeout), nats.FlusherTimeout(s.Timeout), nats.SkipHostLookup()}
	if s.TLS != nil {
		options = append(options, nats.Secure(s.TLS))
	}
	switch {
	case s.Creds != "":
		jwt, err := nkeys.ParseDecoratedJWT([]byte(s.Creds))
		if err != nil {
			return nil, CheckCreds(s.Creds)
		}
		pair, err := nkeys.ParseDecoratedNKey([]byte(s.Creds))
		if err != nil {
			return nil, CheckCreds(s.Creds)
		}
		options = append(options, nats.UserJWT(func() (string, error) { return jwt, nil }, pair.Sign))
	case s.NKey != "":
		pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(s.NKey)))
		if err != nil {
			return nil, CheckNKey(s.NKey)
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, CheckNKey(s.NKey)
		}
		options = append(options, nats.Nkey(public, pair.Sign))
	case s.Token != "":
		options = append(options, nats.Token(s.Token))
	case s.Username != "":
		options = append(options, nats.UserInfo(s.Username, s.Password))
	}
	return options, nil
}

// Connect connects to one of the servers. It ends with ctx, which says nothing of the connection that is made.
func (s *Servers) Connect(ctx context.Context, more ...nats.Option) (*nats.Conn, error) {
	options, err := s.options()
	if err != nil {
		return nil, err
	}
	d := &dialer{ctx: ctx, timeout: s.Timeout}
	defer d.done()
	conn, err := nats.Connect(strings.Join(s.Addresses, ","), append(append(options, nats.SetCustomDialer(d)), more...)...)
	if err == nil {
		return conn, nil
	}
	if cause := d.cause(); cause != nil && errors.Is(err, nats.ErrNoServers) {
		err = cause
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return nil, fmt.Errorf("cannot connect to %s: %w", s.Hosts(), explain(err))
}

// explain adds what to do to the server's text.
func explain(err error) error {
	var n net.Error
	var op *net.OpError
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("%w: the server refuses these credentials", err)
	case errors.Is(err, nats.ErrNoInfoReceived):
		return fmt.Errorf("%w: this is not a NATS server, or one that requires TLS first", err)
	case errors.As(err, &op) && op.Op == "dial" && op.Err != nil:
		return op.Err
	case errors.Is(err, nats.ErrTimeout), errors.As(err, &n) && n.Timeout():
		return fmt.Errorf("no answer in time: %w", err)
	}
	return err
}

// dialer dials as long as Connect needs it, and records why it failed: the library reports a refused connection as "no servers".
type dialer struct {
	ctx     context.Context // of one call of Connect, and as long as it
	timeout time.Duration

	mu    sync.Mutex
	over  bool // the connection is made, or given up
	stops []func() bool
	err   error
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	ctx := d.wanted()
	conn, err := (&net.Dialer{Timeout: d.timeout}).DialContext(ctx, network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	if err == nil && !d.over {
		d.stops = append(d.stops, context.AfterFunc(ctx, func() { _ = conn.Close() }))
	}
	return conn, err
}

// wanted is how long a connection is.
func (d *dialer) wanted() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return context.Background() // the library connects again
	}
	return d.ctx
}

func (d *dialer) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	for _, stop := range d.stops {
		stop()
	}
}

func (d *dialer) cause() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}
