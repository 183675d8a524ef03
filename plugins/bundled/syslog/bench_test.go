package syslog

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"github.com/hark-supervisor/hark/sdk"
)

// BenchmarkSink sends batches of 256 KiB of lines of 100 bytes over TCP to a receiver that drops them.
func BenchmarkSink(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	c := sinkDefaults()
	c.Address = "tcp://" + l.Addr().String()
	s, err := newSink(c, instance())
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Repeat(append(bytes.Repeat([]byte("x"), 99), '\n'), 2622)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	offset := uint64(0)
	seq := uint64(0)
	for b.Loop() {
		seq++
		batch := &sdk.LogBatch{Seq: seq, Records: []sdk.LogRecord{{Group: "web", Process: "web_00", Pid: 12, Channel: "stdout", Time: moment(), Data: data, Offset: offset}}}
		offset += uint64(len(data))
		if err := s.Write(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
	_ = s.Close(context.Background())
	_ = l.Close()
	<-done
}
