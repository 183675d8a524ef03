// Package remote is shared by plugins that talk to a remote service: the keys for TLS, an HTTP client that cannot be
// redirected elsewhere, the meaning of an HTTP answer for a notification, and errors that contain no secret address.
package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/hark-supervisor/hark/sdk"
)

// TLS holds the keys of a section that say how to speak TLS. It is embedded into the configuration of a plugin.
type TLS struct {
	CA         string `hark:"tls_ca,file" doc:"file of certificates (PEM) that sign the server's; default: the system's"`
	Cert       string `hark:"tls_cert,file" needs:"tls_key" doc:"file of the client's certificate (PEM), with tls_key"`
	Key        string `hark:"tls_key,file" needs:"tls_cert" doc:"file of the client's key (PEM)"`
	ServerName string `hark:"tls_server_name" doc:"name that the server's certificate must have; default: the host's"`
	Insecure   bool   `hark:"tls_insecure" doc:"accept any certificate: no protection against a server in between"`
}

// Config reads the files. host is the name of the server, for where ServerName is not set. Errors are *sdk.ConfigError.
func (t TLS) Config(host string) (*tls.Config, error) {
	c := &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: t.Insecure, //nolint:gosec // asked for by name
	}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, &sdk.ConfigError{Key: "tls_ca", Text: fmt.Sprintf("cannot read it: %v", cause(err))}
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &sdk.ConfigError{Key: "tls_ca", Text: "has no certificate in PEM form"}
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, &sdk.ConfigError{Key: "tls_cert", Text: "tls_cert and tls_key go together"}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, &sdk.ConfigError{Key: "tls_cert", Text: fmt.Sprintf("cannot use it with tls_key: %v", err)}
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// cause is what is behind a *PathError, whose path the reader knows.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
