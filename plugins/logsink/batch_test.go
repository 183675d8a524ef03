package logsink

import (
	"fmt"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// day is when the tests of batches begin.
var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestBatchForm(t *testing.T) {
	b := &logBatch{}
	one, two := &source{sourceKey: sourceKey{"web", "a", "stdout"}}, &source{sourceKey: sourceKey{"", "b\xff", "stderr"}}
	b.add(one, 7, day, 0, []byte("hello"))
	b.add(two, -1, day.Add(time.Nanosecond), 1<<40, []byte{})
	b.add(one, 7, day.Add(time.Hour), 5, []byte("\x00\xff"))
	find := func(group, process, channel string) *source {
		if process == "a" {
			return one
		}
		return two
	}
	enc := b.encode()
	got, err := decodeBatch(enc, find)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.message().Records) != fmt.Sprint(inLocal(b.message().Records)) {
		t.Errorf("%v\nnot\n%v", got.message(), b.message())
	}
	for i := range enc {
		if got, err := decodeBatch(enc[:i], find); err == nil && len(got.records) == len(b.records) {
			t.Errorf("cut at %d it is taken for whole", i)
		}
	}
}

func inLocal(records []sdk.LogRecord) []sdk.LogRecord {
	for i := range records {
		records[i].Time = records[i].Time.Local()
	}
	return records
}

func FuzzDecodeBatch(f *testing.F) {
	b := &logBatch{}
	b.add(&source{sourceKey: sourceKey{"web", "a", "stdout"}}, 7, day, 0, []byte("hello"))
	f.Add(b.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decodeBatch(data, func(group, process, channel string) *source {
			return &source{sourceKey: sourceKey{group, process, channel}}
		})
		if err == nil && len(b.buf) > len(data) {
			t.Errorf("%d bytes of %d", len(b.buf), len(data))
		}
	})
}
