package otlp

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // a receiver must take it
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"
)

// store is what a receiver of OTLP has taken. It refuses what the protocol does not allow.
type store struct {
	protocol, url string
	close         func()

	mu       sync.Mutex
	records  []*logs.LogRecord
	sizes    []int // records of each request
	resource map[string]string
	scope    *common.InstrumentationScope
	header   map[string][]string // of the last request
	encoding string              // of the last request
	partial  *collector.ExportLogsPartialSuccess
	answer   func(w http.ResponseWriter) // over HTTP, in place of a yes
	fails    error                       // over gRPC, in place of a yes
}

func value(v *common.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_IntValue:
		return fmt.Sprint("int ", v.IntValue)
	case *common.AnyValue_BoolValue:
		return fmt.Sprint("bool ", v.BoolValue)
	case *common.AnyValue_DoubleValue:
		return fmt.Sprint("double ", v.DoubleValue)
	}
	return fmt.Sprintf("%T", v)
}

func attributes(list []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range list {
		all[kv.GetKey()] = value(kv.GetValue())
	}
	return all
}

func (s *store) take(r *collector.ExportLogsServiceRequest, header map[string][]string) (*collector.ExportLogsServiceResponse, error) {
	s.header = header
	if len(r.GetResourceLogs()) != 1 {
		return nil, fmt.Errorf("%d resources", len(r.GetResourceLogs()))
	}
	of := r.GetResourceLogs()[0]
	if len(of.GetScopeLogs()) != 1 {
		return nil, fmt.Errorf("%d scopes", len(of.GetScopeLogs()))
	}
	s.resource, s.scope = attributes(of.GetResource().GetAttributes()), of.GetScopeLogs()[0].GetScope()
	records := of.GetScopeLogs()[0].GetLogRecords()
	for _, l := range records {
		if len(attributes(l.GetAttributes())) != len(l.GetAttributes()) {
			return nil, errors.New("an attribute twice")
		}
		if l.GetSeverityNumber() == 0 || l.GetBody() == nil {
			return nil, errors.New("a record without severity or body")
		}
	}
	s.records = append(s.records, records...)
	s.sizes = append(s.sizes, len(records))
	return &collector.ExportLogsServiceResponse{PartialSuccess: s.partial}, nil
}

// ServeHTTP is OTLP over HTTP.
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body io.Reader = r.Body
	s.encoding = r.Header.Get("Content-Encoding")
	if s.encoding == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	raw, err := io.ReadAll(body)
	if s.answer != nil {
		s.answer(w)
		return
	}
	var request collector.ExportLogsServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &request)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprintf("%s %s (%v)", r.Method, r.URL.Path, err), http.StatusBadRequest)
		return
	}
	got, err := s.take(&request, r.Header)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, _ := proto.Marshal(got)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(out)
}

// service is OTLP over gRPC.
type service struct {
	collector.UnimplementedLogsServiceServer
	s *store
}

// Export implements LogsService.
func (s *service) Export(ctx context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	if s.s.fails != nil {
		return nil, s.s.fails
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return s.s.take(r, md)
}

// TagRPC is stats.Handler's, and so are the three below.
func (s *service) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC looks at how requests are compressed.
func (s *service) HandleRPC(_ context.Context, r stats.RPCStats) {
	if in, ok := r.(*stats.InHeader); ok {
		s.s.mu.Lock()
		defer s.s.mu.Unlock()
		s.s.encoding = in.Compression
	}
}
func (s *service) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (s *service) HandleConn(context.Context, stats.ConnStats)                       {}

// start starts a receiver; with conf it speaks TLS.
func start(t *testing.T, protocol, address string, conf *tls.Config) *store {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{protocol: protocol, url: "http://" + l.Addr().String()}
	if conf != nil {
		s.url = "https://" + l.Addr().String()
	}
	if protocol == "http" {
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: s}, TLS: conf}
		if conf != nil {
			server.StartTLS()
		} else {
			server.Start()
		}
		s.close = sync.OnceFunc(server.Close)
	} else {
		service := &service{s: s}
		opts := []grpc.ServerOption{grpc.StatsHandler(service)}
		if conf != nil {
			opts = append(opts, grpc.Creds(credentials.NewTLS(conf)))
		}
		server := grpc.NewServer(opts...)
		collector.RegisterLogsServiceServer(server, service)
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(l) }()
		s.close = sync.OnceFunc(func() { server.Stop(); <-done })
	}
	t.Cleanup(s.close)
	return s
}

func (s *store) set(change func(*store)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// bodies are the lines that came from a process and channel.
func (s *store) bodies(process, stream string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.records {
		if a := attributes(r.GetAttributes()); a["hark.process"] == process && a["log.iostream"] == stream {
			all = append(all, value(r.GetBody()))
		}
	}
	return all
}

func (s *store) check(t *testing.T, want ...string) {
	t.Helper()
	if got := s.bodies("web_00", "stdout"); !slices.Equal(got, want) {
		t.Errorf("%s: got %.500q, want %.500q", s.protocol, got, want)
	}
}

// both runs a test for each transport.
func both(t *testing.T, test func(t *testing.T, protocol string)) {
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) { test(t, protocol) })
	}
}

// closed is an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	return l.Addr().String()
}

// talking is a service that answers everything with the same bytes and hangs up.
func talking(t *testing.T, says string) string {
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
			_, _ = c.Read(make([]byte, 1<<16))
			_, _ = io.Copy(c, strings.NewReader(says))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}
