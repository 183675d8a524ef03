package rpc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
)

func testOptions(servers ...config.Server) Options {
	return Options{Servers: servers, Interfaces: interfaces(), Supervisor: newFake(), Logs: testLogs()}
}

func TestTheUnixSocketHasItsModeAndOwner(t *testing.T) {
	c := unixServer(t)
	c.Mode = 0o770
	c.Chown = &config.Owner{UID: os.Getuid(), GID: os.Getgid()}
	s, err := Open(testOptions(c))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(c.Path)
	if err != nil || info.Mode() != os.ModeSocket|0o770 {
		t.Errorf("%v, %v", info, err)
	}
	left, _ := os.ReadDir(filepath.Dir(c.Path))
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	_ = s.Close()
	if _, err := os.Lstat(c.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	c := unixServer(t)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.Path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	var said bytes.Buffer
	set, errs := NewSockets(&said).Bind([]config.Server{c})
	if errs != nil {
		t.Fatal(errs)
	}
	defer set.Close()
	if want := "Unlinking stale socket " + c.Path + "\n"; said.String() != want {
		t.Errorf("said %q", said.String())
	}
}

func TestALiveSocketIsLeftAlone(t *testing.T) {
	c := unixServer(t)
	first, err := Open(testOptions(c))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	// The second's first server opens, and must be closed again.
	other := unixServer(t)
	if _, err := Open(testOptions(other, c)); err == nil || err.Error() != "Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord." {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(other.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the other socket: %v", err)
	}
	if served, err := served(c.Path); !served || err != nil {
		t.Errorf("the first is gone: %v", err)
	}
}

func TestASuccessorsSocketIsNotRemoved(t *testing.T) {
	c := unixServer(t)
	first, err := Open(testOptions(c))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.Path); err != nil {
		t.Fatal(err)
	}
	second, err := Open(testOptions(c))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	_ = first.Close()
	if _, err := os.Lstat(c.Path); err != nil {
		t.Error(err)
	}
}

func TestSocketsThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, tt := range []struct {
		name   string
		server config.Server
		want   string
	}{
		{"a file in the way", config.Server{Network: "unix", Path: file, Mode: 0o700}, "isn't a socket"},
		{"a missing directory", config.Server{Network: "unix", Path: filepath.Join(dir, "x", "s"), Mode: 0o700}, "Cannot open an HTTP server: socket.error reported errno.ENOENT (2)"},
		{"a taken port", config.Server{Network: "tcp", Host: "127.0.0.1", Port: taken.Addr().(*net.TCPAddr).Port}, "Another program is already listening"},
		{"an address that isn't ours", config.Server{Network: "tcp", Host: "192.0.2.1", Port: 9001}, "Cannot open an HTTP server: socket.error reported errno.EADDRNOTAVAIL"},
		{"a missing certificate", config.Server{Network: "tcp", Host: "127.0.0.1", CertFile: filepath.Join(dir, "no"), Section: "inet_http_server"}, "cannot load the certificate of [inet_http_server]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := Open(testOptions(tt.server)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v", s, err)
			}
		})
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
}

func TestAnUnknownFactoryIsRefused(t *testing.T) {
	o := testOptions(unixServer(t))
	o.Interfaces = append(o.Interfaces, config.RPCInterface{Name: "x", Factory: "a:b"})
	if _, err := Open(o); err == nil || err.Error() != "Could not make x rpc interface" {
		t.Errorf("got %v", err)
	}
	o.Interface = func(config.RPCInterface) (Namespace, error) { return Namespace{}, errTest }
	if _, err := Open(o); !errors.Is(err, errTest) {
		t.Errorf("got %v", err)
	}
	o.Interface = func(i config.RPCInterface) (Namespace, error) { return Namespace{Name: i.Name}, nil }
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
}

func TestWithoutItsSectionThereIsNoSupervisorNamespace(t *testing.T) {
	h := serve(t, defaultLimits(), func(o *Options) { o.Interfaces = nil })
	if _, body := exchange(t, dial(t, h), post(callXML(t, "supervisor.getState"))); !strings.Contains(body, "UNKNOWN_METHOD") {
		t.Errorf("got %s", body)
	}
	if _, body := exchange(t, dial(t, h), post(callXML(t, "hark.getVersion"))); !strings.Contains(body, "0.1.0-test") {
		t.Errorf("got %s", body)
	}
}

func TestASocketCanBeInherited(t *testing.T) {
	c := unixServer(t)
	first, err := Open(testOptions(c))
	if err != nil {
		t.Fatal(err)
	}
	file, err := first.Listeners()[0].Listener.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	inherited, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	if o.Sockets, err = NewSockets(nil).Adopt(c, inherited); err != nil {
		t.Fatal(err)
	}
	second, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Sockets.Close()
	second.Serve()
	h := &harness{Server: second, path: c.Path}
	if resp, _ := exchange(t, dial(t, h), post(callXML(t, "supervisor.getState"))); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	_ = second.Close()
	_ = first.Close()
}

// certificate makes a self-signed one, good for server and client.
func certificate(t testing.TB, name string) (certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	if err := errors.Join(os.WriteFile(certFile, certPEM, 0o600), os.WriteFile(keyFile, keyPEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, pair
}

func TestTLS(t *testing.T) {
	certFile, keyFile, server := certificate(t, "server")
	caFile, _, client := certificate(t, "client")
	_, _, stranger := certificate(t, "stranger")
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for _, tt := range []struct {
		name   string
		ca     string
		client []tls.Certificate
		ok     bool
	}{
		{"no client certificate asked", "", nil, true},
		{"the client's certificate", caFile, []tls.Certificate{client}, true},
		{"no client certificate", caFile, nil, false},
		{"a stranger's certificate", caFile, []tls.Certificate{stranger}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(testOptions(config.Server{Section: "inet_http_server", Network: "tcp", Host: "127.0.0.1",
				CertFile: certFile, KeyFile: keyFile, ClientCA: tt.ca}))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			s.Serve()
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: tt.client}}
			defer transport.CloseIdleConnections()
			url := fmt.Sprintf("https://%s/RPC2", s.Listeners()[0].Listener.Addr())
			for range 2 { // the second on the same connection
				resp, err := (&http.Client{Transport: transport}).Post(url, "text/xml", strings.NewReader(callXML(t, "supervisor.getState")))
				if (err == nil) != tt.ok {
					t.Fatalf("got %v", err)
				}
				if err != nil {
					return
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if !strings.Contains(string(body), "RUNNING") {
					t.Errorf("got %s", body)
				}
			}
			plain, err := http.Post("http"+strings.TrimPrefix(url, "https"), "text/xml", strings.NewReader("x"))
			if err == nil {
				_ = plain.Body.Close()
				if plain.StatusCode != 400 {
					t.Errorf("without TLS: %d", plain.StatusCode)
				}
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}
