package email

import (
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// config holds the keys of [notifier:x] with plugin = email.
type config struct {
	To      []string `hark:"to,required" is:"mail" max:"100" doc:"recipients"`
	Cc      []string `hark:"cc" is:"mail" max:"100" doc:"further recipients"`
	Bcc     []string `hark:"bcc" is:"mail" max:"100" doc:"recipients that the others do not see"`
	From    string   `hark:"from" is:"mail" doc:"sender; default: hark@ and the host's name"`
	ReplyTo string   `hark:"reply_to" is:"mail" doc:"address for replies"`

	SubjectPrefix string            `hark:"subject_prefix" doc:"prefix of subjects"`
	Headers       map[string]string `hark:"headers" pattern:"[!-9;-~]+" values:"[^\\x00-\\x1f\\x7f]*" form:"names and values that can stand in a header" reserved:"From,To,Cc,Bcc,Subject,Date,Message-ID,MIME-Version,Content-Type,Content-Transfer-Encoding" doc:"further headers: Name=\"value\",Name2=\"value2\""`
	HTML          bool              `hark:"html" doc:"send HTML beside the text"`
	Thread        bool              `hark:"thread" doc:"let mail readers show the mails about one program as one conversation"`

	Server   string        `hark:"server" is:"host:port" doc:"SMTP server, host or host:port; default: none, the sendmail command sends the mail"`
	Security string        `hark:"security" choices:"starttls,tls,opportunistic,none" doc:"how the connection to the server is protected"`
	Username string        `hark:"username" needs:"server,password" doc:"user at the server, with password"`
	Password string        `hark:"password,secret" needs:"server,username" doc:"password at the server"`
	Auth     string        `hark:"auth" choices:"auto,plain,login,cram-md5,scram-sha-1,scram-sha-256,xoauth2" doc:"how the password is sent"`
	Helo     string        `hark:"helo" doc:"name sent in EHLO; default: the host's"`
	Timeout  time.Duration `hark:"timeout" min:"1ms" doc:"how long one attempt may take"`
	Sendmail string        `hark:"sendmail" without:"server" doc:"command that reads mail as sendmail does, if server is not set; arguments may follow"`
	remote.TLS

	host string // of Server
	port int
}

func defaults() config {
	return config{HTML: true, Thread: true, Security: "starttls", Auth: "auto", Timeout: 30 * time.Second}
}

// defaultSendmail is used where neither server nor sendmail is written.
const defaultSendmail = "/usr/sbin/sendmail"

// Ports of SMTP: RFC 8314, 3.3 and RFC 6409, 3.1; without protection it is another server's (RFC 5321, 4.5.4.2).
const (
	portTLS        = 465
	portSubmission = 587
	portRelay      = 25
)

// maxRecipients limits recipients: for more people there are mailing lists.
const maxRecipients = 100

// Validate checks what concerns several keys at once.
func (c *config) Validate() error {
	if n := len(c.To) + len(c.Cc) + len(c.Bcc); n > maxRecipients {
		return &sdk.ConfigError{Key: "to", Text: "has too many recipients (with cc and bcc at most 100)"}
	}
	for key, list := range map[string][]string{"to": c.To, "cc": c.Cc, "bcc": c.Bcc, "from": {c.From}, "reply_to": {c.ReplyTo}} {
		for _, address := range list {
			if _, err := mail.ParseAddress(address); err != nil && (address != "" || key == "to") {
				return &sdk.ConfigError{Key: key, Text: "must be an address such as ops@example.com or Ops <ops@example.com>"}
			}
		}
	}
	if c.Server != "" {
		c.splitServer()
	}
	return nil
}

func (c *config) splitServer() {
	switch c.Security {
	case "tls":
		c.port = portTLS
	case "none":
		c.port = portRelay
	default:
		c.port = portSubmission
	}
	c.host = c.Server
	if host, port, err := net.SplitHostPort(c.Server); err == nil {
		c.host = host
		c.port, _ = strconv.Atoi(port) // the key's form has made sure that it is one
	}
	c.host = strings.Trim(c.host, "[]")
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
