package nats

import (
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/nats-io/nats.go/jetstream"
)

// connection holds the keys that notifiers and log sinks share.
type connection struct {
	Servers    []string      `hark:"servers,required" pattern:"((nats|tls)://)?[^/?#@\\s]+/?" form:"addresses like nats://host:4222 or tls://host:4222, without user and password, which have keys of their own" doc:"the cluster's servers: nats://host:4222, tls://host2:4222"`
	Username   string        `hark:"username" without:"token,nkey,creds" doc:"user, with password"`
	Password   string        `hark:"password,secret" needs:"username" without:"token,nkey,creds" doc:"password of username"`
	Token      string        `hark:"token,secret" without:"nkey,creds" doc:"token, instead of a user"`
	NKey       string        `hark:"nkey,secret" pattern:"(SU[A-Z2-7]{56})?" form:"the seed of a user, which begins with SU" without:"creds" doc:"seed of a user's nkey, which begins with SU; nkey_file names its file"`
	Creds      string        `hark:"creds,secret" pattern:"((?s).*-----.*JWT-----.*-----.*SEED-----.*)?" form:"a credentials file, with a JWT and a seed between lines of dashes" doc:"text of a file of credentials; creds_file names the file"`
	Prefix     string        `hark:"prefix" pattern:"[0-9A-Za-z_-]+(\\.[0-9A-Za-z_-]+)*" max:"1024" form:"words of letters, digits, - and _, separated by dots" doc:"prefix of subjects"`
	Identifier string        `hark:"identifier" doc:"this machine's name in subjects and headers; default: identifier of [supervisord], or the host's name where nobody has set it"`
	Stream     string        `hark:"stream" pattern:"[!-)+\\-,0-=?-\\[\\]-~]+" max:"255" form:"a name without spaces, dots, *, >, / and \\" doc:"stream that must accept the messages"`
	Create     bool          `hark:"create_stream" doc:"create the stream if it does not exist; an existing one is not changed"`
	MaxAge     time.Duration `hark:"stream_max_age,zero" min:"100ms" doc:"for a stream that is created: how long messages are kept; 0: no limit"`
	MaxBytes   int64         `hark:"stream_max_bytes,size" doc:"for a stream that is created: its largest size, then the oldest are removed; 0: no limit"`
	Replicas   int           `hark:"stream_replicas" min:"1" max:"5" doc:"for a stream that is created: copies in the cluster, 1 to 5"`
	Duplicates time.Duration `hark:"stream_duplicates" min:"100ms" doc:"for a stream that is created: how long it recognises duplicates and drops them"`
	Window     int           `hark:"window" min:"1" max:"10000" doc:"most messages sent and not acknowledged"`
	Timeout    time.Duration `hark:"timeout" min:"1ms" doc:"how long to wait for a server, and for an acknowledgement"`
	remote.TLS
}

// sinkConfig holds the keys of [logsink:x] with plugin = nats.
type sinkConfig struct {
	connection
	Form    string        `hark:"form" choices:"line,chunk" doc:"a message is a line, or a piece of output as it was read"`
	MaxLine int           `hark:"max_line,size" min:"64" max:"512KB" doc:"longest line; longer ones are split"`
	Idle    time.Duration `hark:"flush_after" min:"10ms" doc:"how long to wait for the rest of an unfinished line before it is sent"`
}

const (
	supervisorsName   = "supervisor"    // identifier of [supervisord] where it is not set: that of every machine
	defaultDuplicates = 2 * time.Minute // the server's own
	defaultWindow     = 1000
	maxWindow         = 10000 // of window: what a server keeps of messages that wait (max_buffered_msgs)
)

func defaults() connection {
	return connection{
		Prefix: stream.DefaultPrefix, Stream: stream.DefaultStream, Replicas: 1, Duplicates: defaultDuplicates,
		Window: defaultWindow, Timeout: 5 * time.Second,
	}
}

func sinkDefaults() sinkConfig {
	return sinkConfig{connection: defaults(), Form: "line", MaxLine: 64 << 10, Idle: time.Second}
}

// Validate checks what concerns several keys at once.
func (c *connection) Validate() error {
	servers, err := stream.CheckServers(c.Servers)
	if err != nil {
		return &sdk.ConfigError{Key: "servers", Text: err.Error()}
	}
	c.Servers = servers
	if c.NKey != "" {
		if err := stream.CheckNKey(c.NKey); err != nil {
			return &sdk.ConfigError{Key: "nkey", Text: err.Error()}
		}
	}
	if c.Creds != "" {
		if err := stream.CheckCreds(c.Creds); err != nil {
			return &sdk.ConfigError{Key: "creds", Text: err.Error()}
		}
	}
	if c.MaxAge > 0 && c.Duplicates > c.MaxAge && c.Duplicates != defaultDuplicates {
		return &sdk.ConfigError{Key: "stream_duplicates", Text: "must not be more than stream_max_age"}
	}
	return nil
}

// made is the stream that create_stream makes.
func (c *connection) made() jetstream.StreamConfig {
	s := jetstream.StreamConfig{
		Name: c.Stream, Description: "events and logs of Hark", Subjects: []string{c.Prefix + ".>"},
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
		MaxAge: c.MaxAge, MaxBytes: -1, Replicas: c.Replicas, Duplicates: c.Duplicates, AllowDirect: true,
	}
	if c.MaxBytes > 0 {
		s.MaxBytes = c.MaxBytes
	}
	if c.MaxAge > 0 {
		s.Duplicates = min(s.Duplicates, c.MaxAge)
	}
	return s
}

// source is where messages come from, and servers where they go.
func (c *connection) source(d sdk.Daemon) stream.Source {
	s := stream.Source{Prefix: c.Prefix, Stream: c.Stream, Identifier: c.Identifier, Hostname: d.Hostname}
	if s.Identifier == "" {
		s.Identifier = d.Identifier
	}
	if c.Identifier == "" && s.Identifier == supervisorsName && d.Hostname != "" {
		s.Identifier = d.Hostname
	}
	return s
}

func (c *connection) servers(name string) (stream.Servers, error) {
	s := stream.Servers{
		Addresses: c.Servers, Username: c.Username, Password: c.Password, Token: c.Token, NKey: c.NKey, Creds: c.Creds,
		Name: name, Timeout: c.Timeout,
	}
	if c.TLS == (remote.TLS{}) {
		return s, nil // by tls:// or where the server demands it, with the system's authorities
	}
	var err error
	s.TLS, err = c.TLS.Config("") // the library fills in the name of the server that it connects to
	return s, err
}
