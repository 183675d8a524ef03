package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// speaking is a server that says something to whoever connects, and then nothing.
func speaking(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(words))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// Whatever is the matter with the servers, a notification is tried again, the error says why and shows no secret.
func TestServersThatAreNotWell(t *testing.T) {
	good := natstest.Start(t, func(o *server.Options) { o.Username, o.Password = "hark", secret })
	authority, other := remotetest.NewAuthority(t), remotetest.NewAuthority(t)
	secure := natstest.Start(t, func(o *server.Options) {
		o.TLS, o.TLSConfig, o.TLSTimeout = true, authority.Server("nats.example", false), 10
	})
	for name, c := range map[string]struct {
		change func(*connection)
		says   string
	}{
		"nobody listens":    {func(c *connection) { c.Servers = []string{"nats://127.0.0.1:1"} }, "cannot connect to 127.0.0.1:1: connect: connection refused"},
		"silent":            {func(c *connection) { c.Servers, c.Timeout = []string{sdktest.Hanging(t)}, 100*time.Millisecond }, "no answer in time"},
		"no such name":      {func(c *connection) { c.Servers = []string{"nats.invalid"} }, "cannot connect to nats.invalid:4222: lookup nats.invalid"},
		"it hangs up":       {func(c *connection) { c.Servers = []string{speaking(t, "")} }, "cannot connect to 127.0.0.1"},
		"a server of HTTP":  {func(c *connection) { c.Servers = []string{speaking(t, "HTTP/1.1 400 Bad Request\r\n\r\n")} }, "this is not a NATS server"},
		"garbage":           {func(c *connection) { c.Servers = []string{speaking(t, "\x00\xff\r\n")} }, "this is not a NATS server"},
		"garbage like INFO": {func(c *connection) { c.Servers = []string{speaking(t, "INFO {]\r\n")} }, "cannot connect to 127.0.0.1"},
		"a wrong password":  {func(c *connection) { c.Password = "wrong" + secret }, "the server refuses these credentials"},
		"no password":       {func(c *connection) { c.Username, c.Password = "", "" }, "the server refuses these credentials"},
		"a token":           {func(c *connection) { c.Username, c.Password, c.Token = "", "", secret }, "the server refuses these credentials"},
		"no TLS there":      {func(c *connection) { c.CA = authority.File }, "secure connection not available"},
		"an unknown authority": {func(c *connection) { c.Servers, c.CA = []string{"tls://" + secure.Address()}, other.File },
			"certificate signed by unknown authority"},
		"the system's authorities": {func(c *connection) { c.Servers = []string{"tls://" + secure.Address()} }, "certificate signed by unknown authority"},
		"for somebody else": {func(c *connection) {
			c.Servers, c.CA, c.ServerName = []string{secure.URL()}, authority.File, "other.example"
		}, "not other.example"},
	} {
		t.Run(name, func(t *testing.T) {
			n := made(t, good, func(c0 *connection) {
				c0.Username, c0.Password = "hark", secret
				c.change(c0)
			})
			err := n.Notify(testkit.Soon(t), sdktest.Sample(1))
			if err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("final %v: %v", sdk.IsFinal(err), err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("it shows the secret: %v", err)
			}
			if !errors.Is(n.Health(), err) {
				t.Errorf("its health is %v", n.Health())
			}
		})
	}
	// meanwhile another instance works
	if err := made(t, good, func(c *connection) { c.Username, c.Password = "hark", secret }).Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	_, cert, key := authority.Issue("client")
	s := natstest.Start(t, func(o *server.Options) {
		o.TLS, o.TLSConfig, o.TLSVerify, o.TLSTimeout = true, authority.Server("nats.example", true), true, 10
	})
	for name, change := range map[string]func(*connection){
		"by tls://":       func(c *connection) { c.Servers = []string{"tls://" + s.Address()} },
		"as it demands":   func(*connection) {},
		"by another name": func(c *connection) { c.ServerName = "nats.example" },
	} {
		n := made(t, s, func(c *connection) {
			c.CA, c.Cert, c.Key = authority.File, cert, key
			change(c)
		})
		// natstest's own clients have no certificate: what it acknowledges is there
		if err := n.Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pool := &tls.Config{RootCAs: authority.Pool, MinVersion: tls.VersionTLS12}
	if conn, err := nats.Connect(s.URL(), nats.Secure(pool)); err == nil {
		conn.Close()
		t.Error("the server takes who has no certificate, so nothing is tested")
	}
}

func TestWhoWeAre(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := user.Seed()
	public, _ := user.PublicKey()
	token := natstest.Start(t, func(o *server.Options) { o.Authorization = secret })
	if err := made(t, token, func(c *connection) { c.Token = secret }).Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
		t.Errorf("token: %v", err)
	}
	keyed := natstest.Start(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} })
	if err := made(t, keyed, func(c *connection) { c.NKey = string(seed) + "\n" }).Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
		t.Errorf("nkey: %v", err)
	}
	stranger, _ := nkeys.CreateUser()
	wrong, _ := stranger.Seed()
	if err := made(t, keyed, func(c *connection) { c.NKey = string(wrong) }).Notify(testkit.Soon(t), sdktest.Sample(1)); err == nil || !strings.Contains(err.Error(), "refuses these credentials") {
		t.Errorf("a stranger's nkey: %v", err)
	}
	withCreds, creds := operated(t)
	if err := made(t, withCreds, func(c *connection) { c.Creds = creds }).Notify(testkit.Soon(t), sdktest.Sample(1)); err != nil {
		t.Errorf("creds: %v", err)
	}
	if err := made(t, withCreds, nil).Notify(testkit.Soon(t), sdktest.Sample(1)); err == nil {
		t.Error("without creds it is taken")
	}
}

// operated is a server of an operator, and the credentials of a user of an account there.
func operated(t *testing.T) (*natstest.Server, string) {
	t.Helper()
	pair := func(make func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		k, err := make()
		if err != nil {
			t.Fatal(err)
		}
		public, err := k.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return k, public
	}
	encoded := func(text string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	operator, operatorKey := pair(nkeys.CreateOperator)
	account, accountKey := pair(nkeys.CreateAccount)
	_, systemKey := pair(nkeys.CreateAccount)
	user, userKey := pair(nkeys.CreateUser)
	claims := jwt.NewAccountClaims(accountKey)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	resolver := &server.MemAccResolver{}
	for key, text := range map[string]string{
		accountKey: encoded(claims.Encode(operator)), systemKey: encoded(jwt.NewAccountClaims(systemKey).Encode(operator)),
	} {
		if err := resolver.Store(key, text); err != nil {
			t.Fatal(err)
		}
	}
	s := natstest.Start(t, func(o *server.Options) {
		trusted := jwt.NewOperatorClaims(operatorKey)
		trusted.SystemAccount = systemKey
		o.TrustedOperators = []*jwt.OperatorClaims{trusted}
		o.SystemAccount, o.AccountResolver = systemKey, resolver
	})
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(encoded(jwt.NewUserClaims(userKey).Encode(account)), seed)
	if err != nil {
		t.Fatal(err)
	}
	return s, string(creds)
}

func TestWhatTheUserMayNot(t *testing.T) {
	allow := func(subjects ...string) *server.SubjectPermission { return &server.SubjectPermission{Allow: subjects} }
	s := natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "admin", Password: secret},
			{Username: "elsewhere", Password: secret, Permissions: &server.Permissions{Publish: allow("other.>"), Subscribe: allow("_INBOX.>")}},
			{Username: "deaf", Password: secret, Permissions: &server.Permissions{Publish: allow("hark.>"), Subscribe: allow("other.>")}},
			{Username: "hark", Password: secret, Permissions: &server.Permissions{Publish: allow("hark.>"), Subscribe: allow("_INBOX.>")}},
		}
	})
	s.Stream(jetstream.StreamConfig{Name: "HARK", Subjects: []string{"hark.>"}}, nats.UserInfo("admin", secret))
	as := func(user string, create bool) error {
		n := made(t, s, func(c *connection) { c.Username, c.Password, c.Create, c.Timeout = user, secret, create, time.Second })
		ctx, cancel := context.WithTimeout(testkit.Soon(t), 30*time.Second)
		defer cancel()
		return n.Notify(ctx, sdktest.Sample(2))
	}
	for _, c := range []struct {
		user   string
		create bool
		says   string
	}{
		{"elsewhere", false, `the server refuses: Permissions Violation for Publish to "hark.events.host1.web.web_00.PROCESS_STATE_EXITED"`},
		{"deaf", false, "the server refuses: Permissions Violation for Subscription"},
		{"hark", true, `cannot make the stream HARK: the server refuses: Permissions Violation for Publish to "$JS.API.STREAM.INFO.HARK"`},
	} {
		if err := as(c.user, c.create); err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: final %v: %v", c.user, sdk.IsFinal(err), err)
		}
	}
	if err := as("hark", false); err != nil {
		t.Errorf("what is permitted: %v", err)
	}
}

func TestAServerWithoutJetStream(t *testing.T) {
	s := natstest.Start(t, func(o *server.Options) { o.JetStream = false })
	if err := made(t, s, nil).Notify(testkit.Soon(t), sdktest.Sample(1)); err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), "without JetStream") {
		t.Errorf("final %v: %v", sdk.IsFinal(err), err)
	}
}
