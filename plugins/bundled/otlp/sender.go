package otlp

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/proto/otlp/collector/logs/v1"
)

const (
	// maxRecords is how many records go into one request: the exporters make several small objects of each.
	maxRecords = 512
	// maxRequest is how many bytes of lines go into one request: receivers take 4 MB by gRPC and more by HTTP.
	maxRequest = 1 << 20
	// tellEvery limits how often records that a receiver rejects are logged.
	tellEvery = time.Minute
)

// sender sends records by one of OTLP's transports. It is used by one goroutine at a time.
type sender struct {
	c      *receiver
	i      sdk.Instance
	target *url.URL
	link   link
	answer *answer // to the last request; nil where there was none
	logger log.Logger
	taken  taken

	rejected uint64    // records so far, by partial success
	told     time.Time // when the log last mentioned it
	untold   uint64    // records rejected since then
}

// link is a transport: an official exporter, and what it goes over.
type link interface {
	// export sends records, and leaves what the receiver answered in the sender's answer.
	export(ctx context.Context, records []sdklog.Record) error
	// failure is what an error of export means that no answer came with.
	failure(err error) error
	close()
}

// answer is what a receiver answered.
type answer struct {
	err     error // nil: it has taken the request
	partial *v1.ExportLogsPartialSuccess
}

// taken is the SDK's processor that only keeps records: it makes them, with resource and scope, of what is emitted.
type taken struct{ records []sdklog.Record }

// Enabled implements sdklog.Processor.
func (*taken) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// OnEmit implements sdklog.Processor.
func (t *taken) OnEmit(_ context.Context, r *sdklog.Record) error {
	t.records = append(t.records, *r)
	return nil
}

// Shutdown implements sdklog.Processor.
func (*taken) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdklog.Processor.
func (*taken) ForceFlush(context.Context) error { return nil }

// newSender makes a sender. Nothing is connected to yet: the receiver may come later.
func newSender(c *receiver, i sdk.Instance) (*sender, error) {
	s := &sender{c: c, i: i}
	var err error
	if s.target, err = c.target(); err != nil {
		return nil, err
	}
	if c.Protocol == "grpc" {
		s.link, err = newGRPC(s)
	} else {
		s.link, err = newHTTP(s)
	}
	if err != nil {
		return nil, err
	}
	host := i.Daemon.Hostname
	if host == "" {
		host, _ = os.Hostname()
	}
	of := []attribute.KeyValue{
		attribute.String("service.name", text(c.ServiceName)), attribute.String("service.instance.id", text(i.Daemon.Identifier)), attribute.String("host.name", text(host)),
	}
	for name, value := range c.Attributes {
		of = append(of, attribute.String(text(name), text(value)))
	}
	provider := sdklog.NewLoggerProvider(
		sdklog.WithResource(resource.NewSchemaless(of...)), sdklog.WithProcessor(&s.taken),
		sdklog.WithAttributeCountLimit(-1), sdklog.WithAttributeValueLengthLimit(-1), // what the environment says of limits is not for us
	)
	s.logger = provider.Logger("hark", log.WithInstrumentationVersion(i.Daemon.Version))
	return s, nil
}

// send sends n records in one request.
func (s *sender) send(ctx context.Context, n int, record func(i int) log.Record) error {
	s.taken.records = make([]sdklog.Record, 0, n) // they are large, and not kept: a sink that was busy once is not large forever
	for i := range n {
		s.logger.Emit(ctx, record(i))
	}
	records := s.taken.records
	s.taken.records = nil
	s.answer = nil
	err := s.link.export(ctx, records)
	switch {
	case s.answer != nil && s.answer.err != nil:
		return s.answer.err
	case s.answer != nil:
		s.tell(len(records), s.answer.partial)
		return nil // whatever else the exporter says, the receiver has taken it
	case err == nil:
		return fmt.Errorf("%s has not answered", s.target.Host) // the exporter has not asked
	}
	return s.link.failure(err)
}

// tell logs records that the receiver has rejected while it accepted the others: they are lost and must not be sent again.
func (s *sender) tell(of int, p *v1.ExportLogsPartialSuccess) {
	rejected := min(max(p.GetRejectedLogRecords(), 0), int64(of))
	if rejected == 0 && p.GetErrorMessage() == "" {
		return
	}
	s.rejected += uint64(rejected)
	s.untold += uint64(rejected)
	if now := time.Now(); s.told.IsZero() || now.Sub(s.told) >= tellEvery {
		s.told = now
		s.report(p.GetErrorMessage())
	}
}

func (s *sender) report(reason string) {
	if s.untold == 0 {
		s.i.Log.Warn("the receiver accepted the records with a warning", "receiver", s.target.Host, "text", words(reason))
		return
	}
	s.i.Log.Error("records are lost: the receiver rejected them", "receiver", s.target.Host, "records", s.untold, "since_start", s.rejected, "reason", words(reason))
	s.untold = 0
}

// close closes the connections, and logs what is not logged yet.
func (s *sender) close() {
	if s.untold > 0 {
		s.report("")
	}
	s.link.close()
}

// words is what a receiver says, for the log.
func words(s string) string { return strings.TrimPrefix(remote.Words([]byte(s)), ": ") }
