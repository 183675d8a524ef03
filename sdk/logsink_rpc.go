package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hark-supervisor/hark/internal/wire"
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
	var k wire.Key
	var refused uint64 // the batch that must come first; 0: none
	for {
		p, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil // everything is acknowledged
		case err != nil:
			return err
		case k.Name == "":
			k = wire.Key{Kind: wire.LogSink, Name: p.GetInstance()}
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

// write passes one batch to the sink and fills in the result. An error ends the stream.
func (s *logSinkService) write(ctx context.Context, k wire.Key, p *pb.LogBatch, ack *pb.LogAck) error {
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
	if ack.Error = wire.CleanText(s.r.redact.text(err.Error())); ack.Error == "" {
		ack.Error = "the plugin gives no reason"
	}
	ack.Final = IsFinal(err)
	if d := RetryDelay(err); d > 0 && !ack.Final {
		ack.RetryAfter = durationpb.New(d)
	}
	return nil
}

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
