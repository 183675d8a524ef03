package syslog

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// destination holds the keys that say where messages go and in which form.
type destination struct {
	Address    string `hark:"address" pattern:"(?i)unix(gram|stream)?:///[^?#]*|(udp|tcp|tls)://[^/?#@]+/?" form:"like unix:///dev/log, udp://host:514, tcp://host:514 or tls://host:6514" doc:"unix:///dev/log, udp://host:514, tcp://host:514 or tls://host:6514; unixgram and unixstream fix the kind of socket"`
	Format     string `hark:"format" choices:"auto,rfc5424,rfc3164" doc:"form of messages; auto: rfc3164 for sockets of this host, else rfc5424"`
	Framing    string `hark:"framing" choices:"auto,octet,newline,nul" doc:"how messages are separated in a stream (RFC 6587); auto: octet, but newline on sockets of this host"`
	Facility   string `hark:"facility" choices:"kern,user,mail,daemon,auth,syslog,lpr,news,uucp,cron,authpriv,ftp,local0,local1,local2,local3,local4,local5,local6,local7" doc:"facility of messages"`
	Hostname   string `hark:"hostname" pattern:"[!-~]*" form:"a name without spaces" doc:"name of this host in messages; default: its own"`
	Structured bool   `hark:"structured_data" doc:"send group, process, pid and so on as structured data (rfc5424)"`
	// sd_id has at most 32 bytes: RFC 5424, 6.3.2.
	SDID       string        `hark:"sd_id" pattern:"[^@=\\]\"\\s]+@[0-9.]*" max:"32" form:"NAME@NUMBER, such as hark@32473" doc:"name of the structured data, NAME@NUMBER with your enterprise number"`
	MaxMessage int           `hark:"max_message,size,zero" min:"480" max:"64KB" doc:"longest message with its header, up to 64KB; a longer line comes in several; default: 8000 bytes, 2 KB by udp"`
	Timeout    time.Duration `hark:"timeout" min:"1ms" doc:"how long to wait for the receiver"`
	remote.TLS
}

// sinkConfig holds the keys of [logsink:x] with plugin = syslog.
type sinkConfig struct {
	destination
	AppName        string        `hark:"app_name" choices:"process,namespec,group,identifier" doc:"what messages are called by: the process, group:process, the group, or supervisord's identifier"`
	StdoutSeverity string        `hark:"stdout_severity" choices:"emerg,alert,crit,err,warning,notice,info,debug" doc:"severity of what programs write to standard output"`
	StderrSeverity string        `hark:"stderr_severity" choices:"emerg,alert,crit,err,warning,notice,info,debug" doc:"severity of what programs write to standard error"`
	StdoutFacility string        `hark:"stdout_facility" choices:"kern,user,mail,daemon,auth,syslog,lpr,news,uucp,cron,authpriv,ftp,local0,local1,local2,local3,local4,local5,local6,local7" doc:"facility of standard output; default: facility"`
	StderrFacility string        `hark:"stderr_facility" choices:"kern,user,mail,daemon,auth,syslog,lpr,news,uucp,cron,authpriv,ftp,local0,local1,local2,local3,local4,local5,local6,local7" doc:"facility of standard error; default: facility"`
	Idle           time.Duration `hark:"flush_after" min:"10ms" doc:"how long to wait for the rest of an unfinished line before it is sent"`
}

// notifierConfig holds the keys of [notifier:x] with plugin = syslog.
type notifierConfig struct {
	destination
	AppName string `hark:"app_name" doc:"what messages are called by"`
}

func defaultDestination() destination {
	return destination{
		Address: "unix:///dev/log", Format: "auto", Framing: "auto", Facility: "user",
		Structured: true, SDID: "hark@32473", // the number for examples (RFC 5612): Hark has none of its own
		Timeout: 5 * time.Second,
	}
}

func sinkDefaults() sinkConfig {
	return sinkConfig{
		destination: defaultDestination(), AppName: "process",
		StdoutSeverity: "info", StderrSeverity: "err", // as Docker's driver has them
		Idle: time.Second,
	}
}

func notifierDefaults() notifierConfig {
	return notifierConfig{destination: defaultDestination(), AppName: "supervisord"}
}

// Bounds of max_message, in bytes.
const (
	minMessage = 480      // every receiver takes that (RFC 5424, 6.1)
	maxMessage = 64 << 10 // syslog-ng's log-msg-size(): of a longer one it closes the connection, and with it goes what is behind
	maxUDP     = 65507    // what fits into a datagram of UDP
	defaultUDP = 2048     // what receivers should take (RFC 5424, 6.1)
	defaultMax = 8000     // rsyslog accepts 8,096 bytes by default, and makes two messages of more, the second of which is wrong
	headerRoom = 64       // what is left for the text in any case
	tlsPort    = "6514"   // RFC 5425, 4.1
	plainPort  = "514"    // RFC 5426, 3.3; for TCP by custom
)

// Validate checks what concerns several keys at once. Structs that embed this one have it too.
func (d *destination) Validate() error {
	to, err := d.target()
	if err != nil {
		return err
	}
	if d.Framing != "auto" && to.network == "udp" {
		return &sdk.ConfigError{Key: "framing", Text: "is for streams: a datagram is one message"}
	}
	if n := d.MaxMessage; n != 0 && (n < minMessage || n > maxMessage || to.network == "udp" && n > maxUDP) {
		return &sdk.ConfigError{Key: "max_message", Text: "must be from 480 bytes to 64KB; 65507 bytes by udp"}
	}
	return nil
}

// target is where a destination is.
type target struct {
	network string // udp, tcp, tls, unix (either kind), unixgram or unixstream
	address string // host:port or a path
	host    string
}

func (t target) local() bool { return strings.HasPrefix(t.network, "unix") }

func (d *destination) target() (target, error) {
	wrong := &sdk.ConfigError{Key: "address", Text: "must be like unix:///dev/log, udp://host:514, tcp://host:514 or tls://host:6514"}
	u, err := url.Parse(strings.TrimSpace(d.Address))
	if err != nil || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return target{}, wrong
	}
	t := target{network: u.Scheme}
	switch u.Scheme {
	case "unix", "unixgram", "unixstream":
		if u.Host != "" || u.Path == "" {
			return target{}, wrong
		}
		t.address = u.Path
		return t, nil
	case "udp", "tcp", "tls":
		port := u.Port()
		switch {
		case port != "":
		case u.Scheme == "tls":
			port = tlsPort
		default:
			port = plainPort
		}
		t.host = u.Hostname()
		if t.host == "" || u.Path != "" && u.Path != "/" {
			return target{}, wrong
		}
		t.address = net.JoinHostPort(t.host, port)
		return t, nil
	}
	return target{}, wrong
}
