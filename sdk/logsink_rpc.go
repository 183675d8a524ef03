package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// logSinkService is the service LogSink of a plugin's process.
type logSinkService struct {
	pb.UnimplementedLogSinkServer
	r *registry
}

// Write hands batches to the sink, one after another. It keeps their order: once one has been refused, those behind it are
// refused unseen until the host sends again what was refused, marked redelivered.
func (s *logSinkService) Write(stream grpc.BidiStreamingServer[pb.LogBatch, pb.LogAck]) error {
	var k instanceKey
	var refused uint64 // the batch that must come first; 0: none
	for {
		p, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil // everything is acknowledged
		case err != nil:
			return err
		case k.name == "":
			k = instanceKey{LogSinkKind, p.GetInstance()}
		}
		ack := &pb.LogAck{Seq: p.GetSeq()}
		if refused != 0 && !p.GetRedelivered() {
			ack.Error = fmt.Sprintf("batch %d comes first", refused)
		} else {
			refused = 0
			if err := s.write(stream.Context(), k, p, ack); err != nil {
				return err
			}
			if ack.Error != "" && !ack.Final {
				refused = p.GetSeq()
			}
		}
		if err := stream.Send(ack); err != nil {
			return err
		}
	}
}

// write hands one batch to the sink and fills in what became of it. An error ends the stream.
func (s *logSinkService) write(ctx context.Context, k instanceKey, p *pb.LogBatch, ack *pb.LogAck) error {
	i, err := s.r.enter(ctx, k)
	if err != nil {
		return err
	}
	defer i.leave()
	began := false
	err = i.inTurn(ctx, "Write", func() error {
		began = true
		return i.impl.(LogSink).Write(ctx, batchFromProto(p))
	})
	switch {
	case err == nil:
		return nil
	case !began:
		return err
	}
	if ack.Error = cleanText(s.r.redact.text(err.Error())); ack.Error == "" {
		ack.Error = "the plugin gives no reason"
	}
	ack.Final = IsFinal(err)
	if d := RetryDelay(err); d > 0 && !ack.Final {
		ack.RetryAfter = durationpb.New(d)
	}
	return nil
}

// LogAck is what became of a batch.
type LogAck struct {
	Seq uint64
	// Err: nil for written. Otherwise the batch is to be sent again, marked Redelivered, and with it those that were sent after
	// it (they come back refused), unless IsFinal says no; RetryDelay reports when.
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
// plugin: whether there is one, the first Recv tells.
func (c *Client) OpenLogStream(ctx context.Context, name string) (*LogStream, error) {
	stream, err := c.logSink.Write(ctx)
	if err != nil {
		return nil, callError(ctx, err)
	}
	return &LogStream{stream: stream, name: name, ctx: ctx}, nil
}

// Send sends a batch. It blocks while the plugin does not read; how many batches are under way is the caller's to bound. b
// may be changed once it has returned. After an error Recv tells the reason.
func (s *LogStream) Send(b *LogBatch) error {
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
		p.Group, p.Process, p.Pid = validText(r.Group), validText(r.Process), int64(r.Pid)
		p.Channel, p.Time, p.Data, p.Offset = channelToProto(r.Channel), &cell.time, r.Data, r.Offset
		s.batch.Records = append(s.batch.Records, p)
	}
	err := s.stream.Send(&s.batch)
	for i := range b.Records {
		s.cells[i].record.Data = nil
	}
	if errors.Is(err, io.EOF) {
		return ErrUnavailable // the stream has ended; Recv has the reason
	}
	return callError(s.ctx, err)
}

// Recv waits for the next answer; they come in the order of the batches. io.EOF ends a stream after CloseSend.
func (s *LogStream) Recv() (LogAck, error) {
	p, err := s.stream.Recv()
	if errors.Is(err, io.EOF) {
		return LogAck{}, io.EOF
	}
	if err != nil {
		return LogAck{}, callError(s.ctx, err)
	}
	return LogAck{Seq: p.GetSeq(), Err: outcome(p.GetError() != "", p.GetError(), p.GetFinal(), p.GetRetryAfter())}, nil
}

// CloseSend says that no further batch comes; the plugin then ends the stream after its last answer.
func (s *LogStream) CloseSend() error { return callError(s.ctx, s.stream.CloseSend()) }

func batchFromProto(p *pb.LogBatch) *LogBatch {
	b := &LogBatch{Seq: p.GetSeq(), Redelivered: p.GetRedelivered(), Records: make([]LogRecord, len(p.GetRecords()))}
	for i, r := range p.GetRecords() {
		b.Records[i] = LogRecord{
			Group: r.GetGroup(), Process: r.GetProcess(), Pid: int(r.GetPid()), Channel: "stdout",
			Time: r.GetTime().AsTime(), Data: r.GetData(), Offset: r.GetOffset(),
		}
		if r.GetChannel() == pb.LogRecord_STDERR {
			b.Records[i].Channel = "stderr"
		}
	}
	return b
}

func channelToProto(channel string) pb.LogRecord_Channel {
	if channel == "stderr" {
		return pb.LogRecord_STDERR
	}
	return pb.LogRecord_STDOUT
}

// validText makes a text UTF-8, as protobuf demands; names of processes need not be.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
