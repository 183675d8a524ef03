package syslog

import (
	"context"
	"crypto/tls"
	"net"
)

// dialTLS connects by TLS. A receiver that asks for a certificate looks at it, by TLS 1.3, when the handshake is over for us; what is
// sent until it hangs up would seem to have arrived. So nothing is until it sends a ticket, as most do that are content, or has had time to hang up.
func (o *outbox) dialTLS(ctx context.Context, d *net.Dialer) error {
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	asked, content := false, make(tickets, 1)
	c := o.tls.Clone()
	c.ClientSessionCache = content
	c.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		for i := range o.tls.Certificates {
			if r.SupportsCertificate(&o.tls.Certificates[i]) == nil {
				return &o.tls.Certificates[i], nil
			}
		}
		return &tls.Certificate{}, nil
	}
	conn, err := (&tls.Dialer{NetDialer: d, Config: c}).DialContext(limited, "tcp", o.to.address)
	if err != nil {
		return err
	}
	o.use(conn, true)
	switch {
	case o.doubt:
		return o.lasts(ctx, nil)
	case asked && conn.(*tls.Conn).ConnectionState().Version >= tls.VersionTLS13:
		return o.lasts(ctx, content)
	}
	return nil
}

// tickets is a session cache that only reports that a ticket has arrived.
type tickets chan struct{}

// Get implements tls.ClientSessionCache.
func (tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put implements tls.ClientSessionCache.
func (t tickets) Put(string, *tls.ClientSessionState) {
	select {
	case t <- struct{}{}:
	default:
	}
}
