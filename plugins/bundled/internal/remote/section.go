package remote

import (
	"net/http"
	"time"
)

// HTTP holds the keys of a section that say how to reach a service by HTTP. It is embedded into the configuration of a plugin.
type HTTP struct {
	Proxy   string        `hark:"proxy,host" schemes:"http,https,socks5" form:"an address such as http://host:3128 or socks5://host:1080" doc:"proxy to go through: http://host:3128 or socks5://host:1080"`
	Timeout time.Duration `hark:"timeout" min:"1ms" doc:"how long one attempt may take"`
	TLS
}

// Check checks what needs no file. The error is a *sdk.ConfigError.
func (h *HTTP) Check() error {
	_, err := Proxy(h.Proxy)
	return err
}

// Client returns a client for the section's settings. host is the name that the server's certificate must contain, unless tls_server_name
// overrides it; "" for the name of the requested host.
func (h *HTTP) Client(host string) (*http.Client, error) {
	t, err := h.TLS.Config(host)
	if err != nil {
		return nil, err
	}
	proxy, err := Proxy(h.Proxy)
	if err != nil {
		return nil, err
	}
	return Client(t, proxy, h.Timeout), nil
}
