package config

import (
	"strings"
	"testing"
)

// A FastCGI program that takes the place of the daemon's own socket would lock everybody out.
func TestAFastCGISocketIsNoServers(t *testing.T) {
	const conf = "[supervisord]\n[unix_http_server]\nfile=/run/s.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n" +
		"[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix://PATH\n"
	for path, wrong := range map[string]bool{"/run/s.sock": true, "/run/./s.sock": true, "/run/f.sock": false} {
		_, err := loadText(t, strings.Replace(conf, "PATH", path, 1))
		const want = "is the socket of [unix_http_server]"
		if wrong != (err != nil && strings.Contains(err.Error(), "[fcgi-program:f] socket: /run/s.sock "+want)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
