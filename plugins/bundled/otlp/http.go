package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/proto/otlp/collector/logs/v1"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

const protobufType = "application/x-protobuf"

// httpLink is OTLP over HTTP, with bodies of protobuf.
type httpLink struct {
	s        *sender
	client   *http.Client
	inner    http.RoundTripper
	exporter *otlploghttp.Exporter
}

func newHTTP(s *sender) (*httpLink, error) {
	client, err := s.c.Client(s.target.Hostname())
	if err != nil {
		return nil, err
	}
	l := &httpLink{s: s, client: client}
	l.inner, l.client.Transport = l.client.Transport, l
	compression := otlploghttp.NoCompression
	if s.c.Compression == "gzip" {
		compression = otlploghttp.GzipCompression
	}
	headers := map[string]string{"User-Agent": "hark-otlp/" + version}
	for name, value := range s.c.Headers {
		headers[name] = value
	}
	l.exporter, err = otlploghttp.New(context.Background(),
		otlploghttp.WithEndpointURL(s.target.String()), otlploghttp.WithURLPath(s.target.Path), otlploghttp.WithHTTPClient(l.client),
		otlploghttp.WithHeaders(headers), otlploghttp.WithCompression(compression), otlploghttp.WithTimeout(s.c.Timeout),
		otlploghttp.WithTLSClientConfig(nil), // the client has one; not one of the environment
		otlploghttp.WithRetry(otlploghttp.RetryConfig{Enabled: false}),
	)
	if err != nil {
		return nil, fmt.Errorf("cannot make the exporter: %w", err)
	}
	return l, nil
}

func (l *httpLink) export(ctx context.Context, records []sdklog.Record) error {
	return l.exporter.Export(ctx, records)
}

// RoundTrip is http.RoundTripper's: it looks at the answer before the exporter does, whose errors are texts.
func (l *httpLink) RoundTrip(r *http.Request) (*http.Response, error) {
	l.s.answer = nil // of what sent us on to here
	got, err := l.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(got.Body)
	_ = got.Body.Close()
	got.Body = io.NopCloser(bytes.NewReader(body))
	l.s.answer = verdict(got, body, err)
	return got, nil
}

// verdict is what an answer means (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP Response"). broken is what ended its body too early.
func verdict(got *http.Response, body []byte, broken error) *answer {
	host := got.Request.URL.Host
	kind, _, _ := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if got.StatusCode < 200 || got.StatusCode > 299 {
		if kind == protobufType { // then it is a Status
			var s spb.Status
			if body = body[:min(len(body), maxStatus)]; proto.Unmarshal(body, &s) == nil {
				body = []byte(s.GetMessage())
			} else {
				body = nil
			}
		}
		err := remote.Verdict(got, body)
		switch got.StatusCode {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return &answer{err: err}
		}
		return &answer{err: sdk.Final(err)} // all others must not be tried again
	}
	var taken v1.ExportLogsServiceResponse
	switch {
	case broken != nil:
		return &answer{err: fmt.Errorf("%s answered %d and then broke off: %w", host, got.StatusCode, broken)}
	case strings.HasSuffix(kind, "html"):
		return &answer{err: fmt.Errorf("%s answered %d with an HTML page, so it is not a receiver of OTLP", host, got.StatusCode)}
	case kind == protobufType && proto.Unmarshal(body, &taken) != nil:
		return &answer{err: fmt.Errorf("%s answered %d with what is not an answer of OTLP", host, got.StatusCode)}
	}
	return &answer{partial: taken.GetPartialSuccess()} // nothing, or another form of it, is taken for a yes
}

// maxStatus bounds the Status that is read, in bytes.
const maxStatus = 64 << 10

func (l *httpLink) failure(err error) error {
	var u *url.Error
	if errors.As(err, &u) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return remote.Failure(l.s.target, err)
	}
	return sdk.Final(fmt.Errorf("cannot make a request of it: %w", err))
}

func (l *httpLink) close() {
	_ = l.exporter.Shutdown(context.Background()) // it only drops its client
	if c, ok := l.inner.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
