package pluginrpc

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// LogAck is the result of a batch.
type LogAck struct {
	Seq uint64
	// Err: nil for written. Otherwise the batch is to be sent again, marked Redelivered, and with it those that were sent after
	// it (they come back refused), unless sdk.IsFinal says no; sdk.RetryDelay reports when.
	Err error
}

// LogStream carries batches to an instance of a log sink. One goroutine may send while another receives.
type LogStream struct {
	stream grpc.BidiStreamingClient[pb.LogBatch, pb.LogAck]
	name   string
	ctx    context.Context // of OpenLogStream: reports whether the caller ended it
	batch  pb.LogBatch     // used again for each Send
	cells  []recordCell
}

// recordCell holds what one record becomes, for the next batch to use again.
type recordCell struct {
	record pb.LogRecord
	time   timestamppb.Timestamp
}

// OpenLogStream begins a stream to an instance that Configure made. It ends with ctx. It does not wait for the
// plugin: the first Recv reports whether there is one.
func (c *Client) OpenLogStream(ctx context.Context, name string) (*LogStream, error) {
	stream, err := c.logSink.Write(ctx)
	if err != nil {
		return nil, wire.CallError(ctx, err)
	}
	return &LogStream{stream: stream, name: name, ctx: ctx}, nil
}

// Send sends a batch. It blocks while the plugin does not read; the caller limits how many batches are in flight. b
// may be changed once it has returned. After an error Recv returns the reason.
func (s *LogStream) Send(b *sdk.LogBatch) error {
	for len(s.cells) < len(b.Records) {
		// grown at once: the records of a batch lie side by side and keep their addresses while it is sent
		s.cells = make([]recordCell, max(len(b.Records), 2*len(s.cells)))
	}
	s.batch.Instance, s.name = s.name, ""
	s.batch.Seq, s.batch.Redelivered = b.Seq, b.Redelivered
	s.batch.Records = s.batch.Records[:0]
	for i := range b.Records {
		r, cell := &b.Records[i], &s.cells[i]
		cell.time.Seconds, cell.time.Nanos = r.Time.Unix(), int32(r.Time.Nanosecond())
		p := &cell.record
		p.Group, p.Process, p.Pid = wire.ValidText(r.Group), wire.ValidText(r.Process), int64(r.Pid)
		p.Channel, p.Time, p.Data, p.Offset = channelToProto(r.Channel), &cell.time, r.Data, r.Offset
		s.batch.Records = append(s.batch.Records, p)
	}
	err := s.stream.Send(&s.batch)
	for i := range b.Records {
		s.cells[i].record.Data = nil
	}
	if errors.Is(err, io.EOF) {
		return wire.ErrUnavailable // the stream has ended; Recv has the reason
	}
	return wire.CallError(s.ctx, err)
}

// Recv waits for the next answer; they come in the order of the batches. io.EOF ends a stream after CloseSend.
func (s *LogStream) Recv() (LogAck, error) {
	p, err := s.stream.Recv()
	if errors.Is(err, io.EOF) {
		return LogAck{}, io.EOF
	}
	if err != nil {
		return LogAck{}, wire.CallError(s.ctx, err)
	}
	return LogAck{Seq: p.GetSeq(), Err: outcome(p.GetError() != "", p.GetError(), p.GetFinal(), p.GetRetryAfter())}, nil
}

// CloseSend says that no further batch comes; the plugin then ends the stream after its last answer.
func (s *LogStream) CloseSend() error { return wire.CallError(s.ctx, s.stream.CloseSend()) }

func channelToProto(channel string) pb.LogRecord_Channel {
	if channel == "stderr" {
		return pb.LogRecord_STDERR
	}
	return pb.LogRecord_STDOUT
}
