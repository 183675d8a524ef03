// Package client calls a supervisord, Hark's or Python's, over XML-RPC. It is
// meant for listeners, plugins and tools in Go: a process that supervisord
// started finds it with FromEnvironment, any other names it with New.
//
//	c, err := client.FromEnvironment()
//	...
//	err = c.StartProcess(ctx, "web:web_00", true)
//	if client.IsFault(err, client.AlreadyStarted) { ... }
//
// A Client keeps connections open between calls and may be used by any number of
// goroutines. Every call takes a context. A refusal by supervisord is returned as
// a *Fault with Supervisor's code, a refusal by the HTTP server (a wrong password)
// as a *StatusError.
//
// Documents are written and read by kolo/xmlrpc. Where that library would change
// a value without an error, this package refuses or corrects the value; Call
// documents what may be passed.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// The variables of a process that supervisord started (supervisor/childutils.py,
// getRPCTransport). supervisord sets the first; the others are for the
// configuration's environment= to set, where the server wants a password.
const (
	ServerURLVariable = "SUPERVISOR_SERVER_URL"
	UsernameVariable  = "SUPERVISOR_USERNAME"
	PasswordVariable  = "SUPERVISOR_PASSWORD"
)

// ErrNoServer is returned by FromEnvironment if SUPERVISOR_SERVER_URL is not set: the process was not started by a
// supervisord that has a server.
var ErrNoServer = errors.New("cannot find supervisord: " + ServerURLVariable + " is not set")

const (
	// idleTime is how long a connection is kept for the next call. It is below
	// the time after which servers hang up, since a call on a connection that the
	// server is just closing fails.
	idleTime = 5 * time.Second
	// dialTime limits connecting, which needs only the server's kernel.
	dialTime = 30 * time.Second
	// rpcPath is where Supervisor serves XML-RPC.
	rpcPath = "/RPC2"
)

// Client is a connection to one supervisord.
type Client struct {
	endpoint  string
	username  string
	password  string
	timeout   time.Duration
	http      *http.Client
	transport *http.Transport
}

// Option changes what New makes.
type Option func(*Client)

// WithAuth sets the user name and password of [unix_http_server] or [inet_http_server]. An empty user name means no
// authentication. It takes precedence over a user name and password in the URL.
func WithAuth(username, password string) Option {
	return func(c *Client) { c.username, c.password = username, password }
}

// WithTimeout limits every call whose context has no deadline. The default, 0, means no limit, since startProcess may
// take minutes.
func WithTimeout(d time.Duration) Option {
	return func(c *Client) { c.timeout = d }
}

// WithTLS sets the TLS configuration for https servers. By default the system's certificate authorities are trusted,
// and no client certificate is sent.
func WithTLS(conf *tls.Config) Option {
	return func(c *Client) { c.transport.TLSClientConfig = conf }
}

// FromEnvironment returns a client for the supervisord that started this process, with the user name and password from
// the environment if they are set. It returns ErrNoServer if SUPERVISOR_SERVER_URL is not set. It does not connect yet.
func FromEnvironment(options ...Option) (*Client, error) {
	server := os.Getenv(ServerURLVariable)
	if server == "" {
		return nil, ErrNoServer
	}
	auth := WithAuth(os.Getenv(UsernameVariable), os.Getenv(PasswordVariable))
	if os.Getenv(UsernameVariable) == "" {
		auth = func(*Client) {}
	}
	return New(server, append([]Option{auth}, options...)...)
}

// New returns a client for the server at a URL of one of Supervisor's forms: unix:///path/of/socket, http://host:port
// or https://host:port. The latter two may contain a user name and a password. A path replaces /RPC2. New does not
// connect yet. The client ignores proxies in the environment and does not follow redirects.
func New(serverURL string, options ...Option) (*Client, error) {
	dialer := net.Dialer{Timeout: dialTime}
	c := &Client{transport: &http.Transport{
		DialContext:         dialer.DialContext,
		IdleConnTimeout:     idleTime,
		MaxIdleConnsPerHost: 16,
		DisableCompression:  true,
	}}
	if path, ok := strings.CutPrefix(serverURL, "unix://"); ok {
		if path == "" {
			return nil, fmt.Errorf("cannot use server URL %q: no path of a socket", serverURL)
		}
		// Like Supervisor, it uses the path as written, without decoding %xx.
		c.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
		c.endpoint = "http://localhost" + rpcPath
	} else if err := c.setURL(serverURL); err != nil {
		return nil, err
	}
	for _, option := range options {
		option(c)
	}
	c.http = &http.Client{
		Transport:     c.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// setURL takes an http or https URL. Its errors don't show the URL, which may
// hold a password.
func (c *Client) setURL(serverURL string) error {
	u, err := url.Parse(serverURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("cannot use server URL: not of the form unix:///path, http://host:port or https://host:port")
	}
	if u.User != nil {
		c.username = u.User.Username()
		c.password, _ = u.User.Password()
		u.User = nil
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = rpcPath
	}
	c.endpoint = u.String()
	return nil
}

// Close closes idle connections. The client can still be used.
func (c *Client) Close() { c.transport.CloseIdleConnections() }
