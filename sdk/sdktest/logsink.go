package sdktest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// LogSinkOptions are the options of TestLogSink.
type LogSinkOptions struct {
	Options
	// Written checks, if it is not nil, that the records have been written since the last time it was called, in this order for
	// each process and channel. It is called when the instance has been removed, and so flushed.
	Written func(t *testing.T, records []sdk.LogRecord)
}

// TestLogSink tests a plugin of kind logsink. The destination that Options.Values names must accept what it receives.
func TestLogSink(t *testing.T, p sdk.Plugin, o LogSinkOptions) {
	t.Helper()
	run(t, p, wire.LogSink, o.Options, func(t *testing.T, s *session) {
		for name, batches := range map[string][]*sdk.LogBatch{
			"batches are written in order": plainBatches(50),
			"output of any form":           oddBatches(),
			"no batch at all":              nil,
		} {
			s.part(t, name, func(t *testing.T) {
				s.mustConfigure(t, "central")
				s.write(t, "central", batches)
				if err := s.Remove(testkit.Soon(t), s.kind, "central"); err != nil {
					s.note(err)
					t.Errorf("it is not flushed: %v", err)
				}
				if o.Written != nil {
					o.Written(t, records(batches))
				}
			})
		}
		s.part(t, "instances work at the same time", func(t *testing.T) {
			n := o.instances()
			done := make(chan struct{}, n)
			for i := range n {
				name := fmt.Sprint("central", i)
				s.mustConfigure(t, name)
				go func() {
					defer func() { done <- struct{}{} }()
					s.write(t, name, plainBatches(5))
				}()
			}
			for range n {
				<-done
			}
			for i := range n {
				if err := s.Remove(testkit.Soon(t), s.kind, fmt.Sprint("central", i)); err != nil {
					s.note(err)
					t.Errorf("it is not flushed: %v", err)
				}
			}
			if o.Written != nil {
				var all []sdk.LogRecord
				for range n {
					all = append(all, records(plainBatches(5))...)
				}
				o.Written(t, all)
			}
		})
		if o.Hang != nil {
			s.part(t, "one that cannot write can be removed", s.removesHangingSink)
		}
	})
}

// write sends batches, all of which must be written.
func (s *session) write(t *testing.T, name string, batches []*sdk.LogBatch) {
	t.Helper()
	stream, err := s.OpenLogStream(testkit.Soon(t), name)
	if err != nil {
		t.Error(err)
		return
	}
	sent := make(chan error, 1)
	go func() {
		var err error
		for _, b := range batches {
			if err = stream.Send(b); err != nil {
				break
			}
		}
		sent <- errors.Join(err, stream.CloseSend())
	}()
	for _, b := range batches {
		ack, err := stream.Recv()
		if err != nil || ack.Seq != b.Seq || ack.Err != nil {
			s.note(ack.Err)
			t.Errorf("batch %d is answered with %+v (%v)", b.Seq, ack, err)
			break
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); !t.Failed() && !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}
}

// removesHangingSink leaves a batch with a sink whose destination never answers, then ends the stream.
func (s *session) removesHangingSink(t *testing.T) {
	if _, err := s.configure(t, "hangs", s.options.Hang); err != nil {
		t.Fatalf("the section of Options.Hang is refused: %v", err)
	}
	ctx, cancel := contextOf(t)
	stream, err := s.OpenLogStream(ctx, "hangs")
	if err == nil {
		err = stream.Send(plainBatches(1)[0])
	}
	cancel()
	if err != nil {
		t.Error(err)
	}
	s.note(s.Remove(testkit.Soon(t), s.kind, "hangs")) // it may report that it lost what it held
	all, err := s.Health(testkit.Soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Kind == s.kind && i.Name == "hangs" {
			t.Error("it is still there")
		}
	}
}

// plainBatches are lines of three programs on both channels.
func plainBatches(n int) []*sdk.LogBatch {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var batches []*sdk.LogBatch
	offsets := map[string]uint64{}
	for seq := 1; seq <= n; seq++ {
		b := &sdk.LogBatch{Seq: uint64(seq)}
		for i := range 6 {
			process, channel := fmt.Sprintf("web_%02d", i%3), [...]string{"stdout", "stderr"}[i/3]
			data := fmt.Appendf(nil, "%s %s line %d\n", process, channel, seq)
			b.Records = append(b.Records, sdk.LogRecord{
				Group: "web", Process: process, Pid: 100 + i%3, Channel: channel,
				Time: at.Add(time.Duration(seq) * time.Millisecond), Data: data, Offset: offsets[process+channel],
			})
			offsets[process+channel] += uint64(len(data))
		}
		batches = append(batches, b)
	}
	return batches
}

// oddBatches hold output that is not lines of text.
func oddBatches() []*sdk.LogBatch {
	var batches []*sdk.LogBatch
	offset := uint64(0)
	for i, data := range [][]byte{
		[]byte("a line in "), []byte("three"), []byte(" parts\n"), // cut anywhere
		[]byte("two\nlines\n"),
		{'\n', '\n'},
		{0, 1, 2, 0xff, 0xfe, '\n'}, // no text
		{0xc3}, {0xa4, '\n'},        // ä, cut within
		bytes.Repeat([]byte("x"), 128<<10),      // no line feed for long
		[]byte("\x1b[31mred\x1b[0m\r\n<&>\"\n"), // colours, markup
		[]byte("the end without a line feed"),
	} {
		b := &sdk.LogBatch{Seq: uint64(i + 1), Records: []sdk.LogRecord{{
			Group: "odd", Process: "odd", Pid: 7, Channel: "stdout", Time: time.Unix(int64(i), 0).UTC(), Data: data, Offset: offset,
		}}}
		offset += uint64(len(data))
		batches = append(batches, b)
	}
	return batches
}

func records(batches []*sdk.LogBatch) []sdk.LogRecord {
	var all []sdk.LogRecord
	for _, b := range batches {
		all = append(all, b.Records...)
	}
	return all
}
