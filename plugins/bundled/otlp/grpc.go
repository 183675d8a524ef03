package otlp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

const (
	// maxReply and maxHeaders bound what a receiver may answer, in bytes.
	maxReply   = 64 << 10
	maxHeaders = 64 << 10
	// idleAfter is how long an unused connection is kept.
	idleAfter = 5 * time.Minute
	// longestRetry bounds what a receiver may ask us to wait.
	longestRetry = time.Hour
)

// grpcLink is OTLP over gRPC.
type grpcLink struct {
	s    *sender
	opts []grpc.DialOption

	conn     *grpc.ClientConn // nil: not connected
	exporter *otlploggrpc.Exporter
}

func newGRPC(s *sender) (*grpcLink, error) {
	keys := insecure.NewCredentials()
	if s.target.Scheme == "https" {
		t, err := s.c.TLS.Config(s.target.Hostname())
		if err != nil {
			return nil, err
		}
		keys = credentials.NewTLS(t)
	}
	l := &grpcLink{s: s}
	call := []grpc.CallOption{grpc.MaxCallRecvMsgSize(maxReply)}
	if s.c.Compression == "gzip" {
		call = append(call, grpc.UseCompressor(gzip.Name))
	}
	l.opts = []grpc.DialOption{
		grpc.WithTransportCredentials(keys), grpc.WithUserAgent("hark-otlp/" + version), grpc.WithNoProxy(), grpc.WithDisableServiceConfig(),
		grpc.WithMaxHeaderListSize(maxHeaders), grpc.WithIdleTimeout(idleAfter), grpc.WithDefaultCallOptions(call...), grpc.WithUnaryInterceptor(l.watch),
	}
	return l, l.connect()
}

// connect makes a connection, which is not made before it is used.
func (l *grpcLink) connect() error {
	port := l.s.target.Port()
	if port == "" {
		port = "4317" // OTLP's own
	}
	conn, err := grpc.NewClient("dns:///"+net.JoinHostPort(l.s.target.Hostname(), port), l.opts...)
	if err != nil {
		return &sdk.ConfigError{Key: "url", Text: "is not an address for gRPC"}
	}
	l.exporter, err = otlploggrpc.New(context.Background(),
		otlploggrpc.WithGRPCConn(conn), otlploggrpc.WithHeaders(l.s.c.Headers), otlploggrpc.WithTimeout(l.s.c.Timeout),
		otlploggrpc.WithRetry(otlploggrpc.RetryConfig{Enabled: false}),
	)
	if err != nil {
		_ = conn.Close()
		return fmt.Errorf("cannot make the exporter: %w", err)
	}
	l.conn = conn
	return nil
}

func (l *grpcLink) export(ctx context.Context, records []sdklog.Record) error {
	if l.conn == nil {
		if err := l.connect(); err != nil {
			return err
		}
	}
	err := l.exporter.Export(ctx, records)
	if err != nil && (errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded || l.conn.GetState() != connectivity.Ready) {
		// It may lead nowhere, which TCP does not find out for long; or it is broken: then it would try for itself, and have us wait for its next try.
		l.close()
	}
	return err
}

// watch looks at the answer before the exporter does, whose errors are texts. It is the connection's interceptor.
func (l *grpcLink) watch(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	if err != nil {
		l.s.answer = &answer{err: l.failure(err)}
		return err
	}
	if r, ok := reply.(*v1.ExportLogsServiceResponse); ok {
		l.s.answer = &answer{partial: r.GetPartialSuccess()}
	}
	return nil
}

// failure is what a status means (opentelemetry.io/docs/specs/otlp, "Failures"): which may be tried again, and when.
func (l *grpcLink) failure(err error) error {
	host := l.s.target.Host
	st := status.Convert(err)
	told := fmt.Errorf("%s answered %s%s", host, st.Code(), remote.Words([]byte(st.Message())))
	after, asked := delay(st)
	switch st.Code() {
	case codes.Unavailable:
		told = fmt.Errorf("%s is unavailable%s", host, remote.Words([]byte(st.Message())))
	case codes.DeadlineExceeded:
		told = fmt.Errorf("%s did not answer in time", host)
	case codes.Canceled, codes.Aborted, codes.OutOfRange, codes.DataLoss:
	case codes.ResourceExhausted:
		if !asked {
			return sdk.Final(told) // it says nothing of better times
		}
	default:
		return sdk.Final(told)
	}
	if after > 0 {
		return sdk.RetryAfter(told, min(after, longestRetry))
	}
	return told
}

// delay is what RetryInfo asks to wait, and whether there is one.
func delay(st *status.Status) (after time.Duration, asked bool) {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(0, info.GetRetryDelay().AsDuration()), true
		}
	}
	return 0, false
}

func (l *grpcLink) close() {
	if l.conn == nil {
		return
	}
	_ = l.exporter.Shutdown(context.Background()) // the connection is ours
	_ = l.conn.Close()
	l.conn = nil
}
