// Command recorder is a notifier and a log sink that write what they get to a file, so that a test can read it: a line of JSON for each
// notification, and for each batch a line of JSON and the data behind it in FILE.data. A batch counts as written when its line is.
package main

import (
	"context"
	"encoding/json"
	"os"
	"sync"

	"github.com/hark-supervisor/hark/sdk"
)

type config struct {
	Path string `hark:"path,required" doc:"the file"`
}

type recorder struct {
	mu    sync.Mutex
	lines *os.File
	data  *os.File
}

func newRecorder(c config) (*recorder, error) {
	const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE
	lines, err := os.OpenFile(c.Path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	data, err := os.OpenFile(c.Path+".data", flags, 0o600)
	if err != nil {
		_ = lines.Close()
		return nil, err
	}
	return &recorder{lines: lines, data: data}, nil
}

func (r *recorder) line(v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = r.lines.Write(append(b, '\n'))
	}
	return err
}

func (r *recorder) Notify(_ context.Context, n *sdk.Notification) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line(n)
}

// batch is what is kept of one.
type batch struct {
	Seq         uint64
	Redelivered bool
	At          int64 // in FILE.data
	Bytes       int
	Offset      uint64 // of the first record
}

func (r *recorder) Write(_ context.Context, b *sdk.LogBatch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := r.data.Stat()
	if err != nil {
		return err
	}
	kept := batch{Seq: b.Seq, Redelivered: b.Redelivered, At: info.Size()}
	for i, rec := range b.Records {
		if i == 0 {
			kept.Offset = rec.Offset
		}
		n, err := r.data.Write(rec.Data)
		if err != nil {
			return err
		}
		kept.Bytes += n
	}
	return r.line(kept)
}

func (r *recorder) Close(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.data.Close()
	return r.lines.Close()
}

func main() {
	sdk.Serve(sdk.Plugin{Name: "recorder", Version: "1.0.0", Doc: "Writes what it gets to a file.", Kinds: []sdk.Kind{
		sdk.NotifierOf(config{}, func(_ context.Context, c config, _ sdk.Instance) (sdk.Notifier, error) { return newRecorder(c) }),
		sdk.LogSinkOf(config{}, func(_ context.Context, c config, _ sdk.Instance) (sdk.LogSink, error) { return newRecorder(c) }),
	}})
}
